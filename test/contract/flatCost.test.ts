import { expect } from "chai";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import type { Crowd } from "../../types/ethers-contracts/test/contracts/harness/Crowd.ts";
import { MODEL, type Network, startNetwork } from "./network.ts";
import { deployHarness, receiptOf } from "./suite.ts";

const WORKING = 10;
const MANY = 10_000;
const BATCH = 100;

type Steps = Record<string, number>;
const gasOf = async (sent: Parameters<typeof receiptOf>[0]) => Number((await receiptOf(sent)).gasUsed);

/** A network of so many nodes: ten that work, and a crowd (of real registrations, without stake) that waits in the pool. */
async function crowded(size: number, leased: boolean): Promise<Network> {
  const net = await startNetwork({ nodes: WORKING, leased });
  const { NodePool } = net.modules;
  await NodePool.setParameters({ ...net.parameters.pool, minStake: 0 });
  const crowd = await deployHarness<Crowd>(net, "Crowd");
  for (let left = size - WORKING; left > 0; left -= BATCH) {
    await crowd.enrol(NodePool.target, MODEL, Math.min(BATCH, left), { gasLimit: 59_000_000 });
  }
  expect(await NodePool.nodeCount()).to.equal(BigInt(size));
  expect(await NodePool.eligibleCount(MODEL)).to.equal(BigInt(leased ? size - WORKING : size));
  return net;
}

/** Gas of a session's second request, when every account has its slots. */
async function requestSteps(net: Network): Promise<Steps> {
  const { modules, router, session, networkHelpers } = net;
  let steps: Steps = {};
  for (let i = 0; i < 2; i++) {
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

/** Gas of draws: for a single task, and for a session's lease. The mean of several, since a draw of the list's last node writes less. */
async function drawSteps(net: Network): Promise<Steps> {
  const { modules, client, session, networkHelpers, terms } = net;
  const rounds = 12;
  const steps = { assign: 0, drawLease: 0 };
  const fresh = await networkHelpers.takeSnapshot();
  for (let i = 0; i < rounds; i++) {
    // Another number of blocks is another seed.
    await networkHelpers.mine(i + 1);
    const task = await net.submit();
    steps.assign += (await gasOf(modules.SessionQueue.assign(task.id, encodeTerms(task.terms)))) / rounds;
    await modules.Session.connect(client).update(session, { ...terms, mode: 0, leaseNodes: 3 });
    await modules.Session.connect(client).reserve(session, 5_000);
    await networkHelpers.mine(2);
    steps.drawLease += (await gasOf(modules.Session.drawLease(session))) / rounds;
    await fresh.restore();
  }
  return steps;
}

describe("Flat cost", () => {
  for (const [what, least, leased, measure] of [
    ["submit, commit and reveal", WORKING, true, requestSteps],
    // Ten numbers of nodes share a slot of the dense list, so a draw from ten nodes costs some slots less than any larger one.
    ["draws for a task and for a lease", 1_000, false, drawSteps],
  ] as const) {
    it(`I1 ${what} cost the same with ${least} and with ${MANY} registered nodes, within 2 %`, async () => {
      const [few, many] = [await crowded(least, leased), await crowded(MANY, leased)];
      const [small, large] = [await measure(few), await measure(many)];
      const growth = Object.entries(small).map(([step, gas]) => [step, large[step]! / gas - 1] as const);
      for (const [step, share] of growth) expect(Math.abs(share), `${step}: ${small[step]} and ${large[step]} gas`).to.be.lessThan(0.02);
      await Promise.all([few.close(), many.close()]);
    }).timeout(180_000);
  }
});
