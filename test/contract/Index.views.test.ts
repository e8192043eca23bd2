import { expect } from "chai";
import type { Endpoint } from "../../offchain/chain/endpoint.ts";
import { follow } from "../../offchain/indexer/follow.ts";
import { IndexStore } from "../../offchain/indexer/indexStore.ts";
import type { Row } from "../../offchain/indexer/schema.ts";
import { decayed } from "../../offchain/protocol/score.ts";
import { agreeing, differing, flip, type Network, startNetwork, WINDOWS } from "./network.ts";
import { BAD_SEAT_1, FINE, validationOf, VERDICTS, WINDOW } from "./verdicts.ts";

/** The index of a test's chain, and the clock of its last block. */
async function indexOf(net: Network): Promise<{ store: IndexStore; now: number }> {
  const endpoint = { provider: net.ethers.provider, chainId: net.domain.chainId, url: "test", close: () => {} } as unknown as Endpoint;
  const deployment = { network: "test", chainId: net.domain.chainId, blockNumber: 0, addresses: net.record.addresses };
  const store = new IndexStore(":memory:", net.domain.chainId, net.record.addresses.SessionQueue);
  await follow({ endpoint, deployment, store, pollMs: 0 });
  return { store, now: (await net.ethers.provider.getBlock("latest"))!.timestamp };
}

/** Every fact that index and contracts both know. */
async function expectSame(net: Network): Promise<void> {
  const { store, now } = await indexOf(net);
  const { NodePool, Reputation, SessionPayment, Session, SessionQueue } = net.modules;
  const nodes = store.database.prepare("SELECT * FROM nodes").all() as Row<"nodes">[];
  expect(nodes.length).to.equal(Number(await NodePool.nodeCount()));
  for (const node of nodes) {
    const view = await NodePool.nodeOf(node.id);
    const record = await Reputation.recordOf(node.id);
    const found = {
      owner: node.owner,
      operator: node.operator,
      stake: BigInt(node.stake),
      lease: BigInt(node.lease),
      level: BigInt(node.level),
      roles: BigInt(node.roles),
      admitted: node.admitted === 1,
      jailedUntil: BigInt(node.jailed_until),
      owed: BigInt(node.owed),
      tasks: BigInt(node.tasks),
      commits: BigInt(node.tasks - node.silent),
      accepted: BigInt(node.accepted),
      outliers: BigInt(node.outliers),
      score: BigInt(node.updated_at === 0 ? node.score : decayed(node.score, now - node.updated_at)),
    };
    const { owner, operator, stake, lease, level, roles, admitted, jailedUntil } = view;
    const { tasks, commits, accepted, outliers, score } = record;
    const owed = await SessionPayment.owedToNode(node.id);
    const wanted = { owner, operator, stake, lease, level, roles, admitted, jailedUntil, owed, tasks, commits, accepted, outliers, score };
    expect(found, `node ${node.id}`).to.deep.equal(wanted);
    expect(BigInt(node.earned_tasks) + BigInt(node.earned_leases) + BigInt(node.earned_verdicts) - BigInt(node.withdrawn)).to.equal(owed);
  }
  for (const session of store.database.prepare("SELECT * FROM sessions").all() as Row<"sessions">[]) {
    const balance = await SessionPayment.balanceOf(session.id);
    const view = await Session.sessionOf(session.id);
    const found = {
      available: BigInt(session.available),
      locked: BigInt(session.locked),
      tasks: BigInt(session.tasks),
      owner: session.owner,
    };
    expect(found).to.deep.equal({ available: balance.available, locked: balance.locked, tasks: view.tasks, owner: view.owner });
  }
  for (const task of store.database.prepare("SELECT * FROM tasks").all() as Row<"tasks">[]) {
    const [, status] = await SessionQueue.factsOf(task.id);
    expect(BigInt(task.status), `status of task ${task.id}`).to.equal(status);
  }
  store.close();
}

describe("The index says what the contracts say", () => {
  const nets: Network[] = [];
  const start = async (...args: Parameters<typeof startNetwork>) => {
    const net = await startNetwork(...args);
    nets.push(net);
    return net;
  };
  afterEach(async () => {
    for (const net of nets.splice(0)) await net.close();
  });

  it("agreed, outlying, silent, unopened, unanswered, cancelled and running tasks; earnings withdrawn and money refunded", async () => {
    const net = await start({ nodes: 6, redundancy: 3, leaseNodes: 5 });
    const { SessionQueue, SessionPayment, Session } = net.modules;
    const past = async () => await net.networkHelpers.time.increase(WINDOWS.commitWindow + WINDOWS.revealWindow + 5);

    const agreed = await net.submit(2);
    await net.commitCarried(agreed);
    await net.networkHelpers.mine(2);
    await SessionQueue.reveal(net.handover(agreed));
    await expectSame(net);

    const outlying = await net.submit(3);
    await net.commitCarried(outlying, (seat) => differing(3, seat, seat === 1 ? 200 : 4));
    await net.networkHelpers.mine(2);
    await SessionQueue.reveal(net.handover(outlying));

    const silent = await net.submit(1);
    await net.commitCarried(silent, (seat) => (seat === 0 ? null : agreeing(1)));
    await net.networkHelpers.time.increase(WINDOWS.commitWindow + 2);
    await SessionQueue.reveal(net.handover(silent));
    await expectSame(net);

    const unopened = await net.submit(1);
    await net.commitCarried(unopened);
    await net.networkHelpers.mine(2);
    await SessionQueue.reveal(net.handover(unopened, [0, 1]));
    await past();
    await SessionQueue.settle(net.handover(unopened, [0, 1]));
    await expectSame(net);

    const unanswered = await net.submit(1);
    await past();
    await SessionQueue.settle(net.handover(unanswered, []));
    await expectSame(net);

    const cancelled = await net.submit(1, { mine: false });
    await Session.connect(net.client).cancel(cancelled.id, net.handover(cancelled).terms);
    await net.submit(1);
    let paid = 1;
    while ((await SessionPayment.owedToNode(paid)) === 0n) paid++;
    const owner = net.operators.get(paid)!;
    await SessionPayment.connect(owner).withdrawNode(paid, owner.address);
    await Session.connect(net.client).refund(net.session, net.client.address, 1_000n);
    await expectSame(net);
  });

  it("tasks whose nodes are drawn for them, and one that runs again without a majority", async () => {
    const net = await start({ nodes: 8, redundancy: 3, leased: false, terms: { rerun: true } });
    const { SessionQueue } = net.modules;
    const task = await net.submit(1);
    await SessionQueue.assign(task.id, net.handover(task, []).terms);
    await net.commitCarried(task, (seat) =>
      agreeing(1, `${seat}`).map((answer) => ({ ...answer, sketch: flip(answer.sketch, 60 * seat, 60) })),
    );
    await expectSame(net);
    await net.networkHelpers.mine(2);
    await SessionQueue.reveal(net.handover(task));
    await expectSame(net);
  });

  it("tasks that validators judged: their pay, and what it does to scores", async () => {
    const net = await start({ nodes: 9, redundancy: 3, leaseNodes: 3, terms: VERDICTS });
    const validation = validationOf(net);
    const fine = await validation.asked();
    await expectSame(net);
    await validation.judge(fine, 0, () => FINE);
    await net.networkHelpers.time.increase(WINDOW + 5);
    await validation.settle(fine);
    await expectSame(net);
    const bad = await validation.asked();
    await validation.judge(bad, 0, (seat) => (seat === 0 ? FINE : BAD_SEAT_1));
    await net.networkHelpers.time.increase(WINDOW + 5);
    await validation.settle(bad);
    await expectSame(net);
    const half = await validation.asked();
    const openings = await validation.commitAll(half, 0, (seat) => (seat === 0 ? null : FINE));
    await net.networkHelpers.time.increase(WINDOW + 1);
    await net.modules.Validation.reveal(half.id, openings);
    await net.networkHelpers.time.increase(3 * WINDOW);
    await validation.settle(half);
    await expectSame(net);
  });
});
