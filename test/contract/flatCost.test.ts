import { expect } from "chai";
import { drawLease } from "../../offchain/protocol/draw.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { LEASE_SECONDS, MODEL, type Network, startNetwork } from "./network.ts";
import { addCrowd, entryOf, eventsIn, gasOf, receiptOf, slotOf, write } from "./suite.ts";

const WORKING = 10;
const MANY = 10_000;

type Steps = Record<string, number>;

/** A network of so many nodes: ten that work, and a crowd (of real registrations, without stake) that waits in the pool. */
async function crowded(size: number, leased: boolean): Promise<Network> {
  const net = await startNetwork({ nodes: WORKING, leased });
  const { NodePool } = net.modules;
  await addCrowd(net, size - WORKING);
  // New sessions want a stake behind their seats again.
  await NodePool.setParameters(net.parameters.pool);
  expect(await NodePool.nodeCount()).to.equal(BigInt(size));
  expect(await NodePool.eligibleCount(MODEL)).to.equal(BigInt(leased ? size - WORKING : size));
  return net;
}

/** Gas of a session's second request, when every account has its slots. */
async function requestSteps(net: Network, requests = 2): Promise<Steps> {
  const { modules, router, session, networkHelpers } = net;
  let steps: Steps = {};
  for (let i = 0; i < requests; i++) {
    const receipt = await receiptOf(modules.Session.connect(router).submit(session, net.request(1)));
    const task = net.taskFrom(receipt.logs)[0]!;
    await networkHelpers.mine(2);
    const commit = await gasOf(net.commitCarried(task));
    await networkHelpers.mine(1);
    const reveal = await gasOf(modules.SessionQueue.connect(router).reveal(net.handover(task)));
    steps = { submit: Number(receipt.gasUsed), commit, reveal };
  }
  return steps;
}

/**
 * Gas of draws, for a single task and for a session's lease, by how often they rolled (a candidate is taken by chance). The median of at
 * least three with equal rolls, since a draw of the list's last node writes less.
 */
async function drawSteps(net: Network): Promise<Steps> {
  const { modules, client, session, networkHelpers, terms, parameters } = net;
  const { NodePool, Session, SessionQueue } = modules;
  const found = new Map<string, number[]>();
  const listed = Number(await NodePool.eligibleCount(MODEL));
  const row = Array.from({ length: listed }, (_, i) => i + 1);
  const note = async (step: string, sent: Parameters<typeof receiptOf>[0]) => {
    const receipt = await receiptOf(sent);
    const [drawn] = eventsIn(receipt, NodePool, "LeaseDrawn");
    const { rolls } = drawLease(row, drawn!["seed"] as string, 3);
    const key = `${step} with ${rolls} rolls`;
    found.set(key, [...(found.get(key) ?? []), Number(receipt.gasUsed)]);
  };
  const fresh = await networkHelpers.takeSnapshot();
  for (let i = 0; i < 40; i++) {
    // Another number of blocks is another seed.
    await networkHelpers.mine(i + 1);
    const task = await net.submit();
    await note("assign", SessionQueue.assign(task.id, encodeTerms(task.terms)));
    await Session.connect(client).update(session, { ...terms, mode: 0, leaseNodes: 3 });
    await Session.connect(client).reserve(session, 5_000, 0);
    await networkHelpers.mine(parameters.seedDelay + 1);
    await note("drawLease", Session.drawLease(session));
    await fresh.restore();
  }
  const median = (gas: number[]) => gas.sort((a, b) => a - b)[Math.floor(gas.length / 2)]!;
  return Object.fromEntries([...found].filter(([, gas]) => gas.length > 2).map(([key, gas]) => [key, median(gas)]));
}

/** The counters are set ahead in storage: the contracts cannot tell that from having served so many. */
const PAST = 100_000;
const RING = 64;

/** Opens, funds and leases one more session, for the nodes of a former one, and serves two requests in it. */
async function sessionSteps(net: Network, former: bigint): Promise<{ session: bigint; steps: Steps }> {
  const { modules, client, router, networkHelpers, parameters, terms } = net;
  const { Session, SessionPayment, NodePool } = modules;
  const { lease, leaseUntil } = await Session.sessionOf(former);
  await networkHelpers.time.increaseTo(leaseUntil + 1n);
  await NodePool.collect(lease);
  const receipt = await receiptOf(Session.connect(client).open(terms));
  const session = eventsIn(receipt, Session, "SessionOpened")[0]!["session"] as bigint;
  await Session.connect(client).setRouter(session, router.address, true, "");
  await SessionPayment.connect(client).deposit(session, 10n ** 22n);
  await Session.connect(client).reserve(session, LEASE_SECONDS, 0);
  await networkHelpers.mine(parameters.seedDelay + 1);
  await Session.drawLease(session);
  return { session, steps: { open: Number(receipt.gasUsed), ...(await requestSteps({ ...net, session })) } };
}

function within2Percent(some: Steps, others: Steps): void {
  expect(Object.keys(others)).to.deep.equal(Object.keys(some));
  for (const [step, gas] of Object.entries(some))
    expect(Math.abs(others[step]! / gas - 1), `${step}: ${gas} and ${others[step]} gas`).to.be.lessThan(0.02);
}

describe("Flat cost", () => {
  it(`I1 submit, commit and reveal cost the same as a session's ${RING + 1}th and ${PAST}th task, within 2 %`, async () => {
    const net = await startNetwork();
    const { Session } = net.modules;
    await requestSteps(net);
    const place = BigInt(entryOf("service/Session", "_sessions", net.session));
    // The number of tasks lies above the owner in the first word. The next task reuses the place of the first one in the ring.
    const after = async (tasks: number) => {
      const slot = `0x${place.toString(16).padStart(64, "0")}`;
      const word = BigInt(await net.networkHelpers.getStorageAt(Session.target as string, slot));
      await write(net, Session, slot, (word & ~(0xffffffffn << 160n)) | (BigInt(tasks) << 160n));
      expect((await Session.sessionOf(net.session)).tasks).to.equal(BigInt(tasks));
      return requestSteps(net, 1);
    };
    const [early, late] = [await after(RING), await after(Math.floor(PAST / RING) * RING)];
    within2Percent(early, late);
    await net.close();
  });

  it(`I1 a session costs the same as the second and as the ${PAST}th, within 2 %`, async () => {
    const net = await startNetwork();
    const { session, steps: early } = await sessionSteps(net, net.session);
    await write(net, net.modules.Session, `0x${slotOf("service/Session", "_sessionCount").toString(16)}`, BigInt(PAST - 1));
    within2Percent(early, (await sessionSteps(net, session)).steps);
    expect(await net.modules.Session.sessionCount()).to.equal(BigInt(PAST));
    await net.close();
  });

  for (const [what, least, leased, measure] of [
    ["submit, commit and reveal", WORKING, true, requestSteps],
    // Ten numbers of nodes share a slot of the dense list, so a draw from ten nodes costs some slots less than any larger one.
    ["draws for a task and for a lease", 1_000, false, drawSteps],
  ] as const) {
    it(`I1 ${what} cost the same with ${least} and with ${MANY} registered nodes, within 2 %`, async () => {
      const [few, many] = [await crowded(least, leased), await crowded(MANY, leased)];
      const [small, large] = [await measure(few), await measure(many)];
      const growth = Object.entries(small).flatMap(([step, gas]) => (step in large ? [[step, large[step]! / gas - 1] as const] : []));
      expect(growth.length, "steps to compare").to.be.greaterThan(2);
      for (const [step, share] of growth) expect(Math.abs(share), `${step}: ${small[step]} and ${large[step]} gas`).to.be.lessThan(0.02);
      await Promise.all([few.close(), many.close()]);
    }).timeout(180_000);
  }
});
