import { expect } from "chai";
import { holdOf } from "../../offchain/protocol/judging.ts";
import { termsHash } from "../../offchain/protocol/commitment.ts";
import { drawLease, membersOf, seedOf, taskSeed, committee } from "../../offchain/protocol/draw.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { Phase, Status } from "../../offchain/protocol/types.ts";
import { MODEL, type Network, type Task, WINDOWS } from "./network.ts";
import { eventsIn, moveTo, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

describe("SessionQueue: nodes are drawn for a task without lease", () => {
  const net = useNetwork({ nodes: 6, leased: false });
  const assign = (signer: Network["client"], task: Task) =>
    net().modules.SessionQueue.connect(signer).assign(task.id, encodeTerms(task.terms));
  const phase = async (task: Task) => Number(await net().modules.SessionQueue.phaseOf(task.id));

  it("D3 a stranger assigns, and anybody can recompute who was drawn", async () => {
    const { modules, stranger, ethers } = net();
    const task = await net().submit();
    const dense = [...(await modules.NodePool.eligible(MODEL, 0, 100))].map(Number);
    const second = (await now(net())) + 7;
    await nextAt(net(), second);
    const receipt = await receiptOf(assign(stranger, task));
    const { hash } = (await ethers.provider.getBlock(task.seedBlock))!;
    const full = seedOf(hash!, `0x${task.id.toString(16).padStart(64, "0")}`);
    const seed = taskSeed(hash!, task.id);
    const { members } = drawLease(dense, full, 3);
    const [drawn] = eventsIn(receipt, modules.NodePool, "LeaseDrawn");
    expect(membersOf(BigInt(drawn!["members"]), 3)).to.deep.equal(members);
    expect([drawn!["model"], drawn!["seed"], Number(drawn!["until"])]).to.deep.equal([
      MODEL,
      full,
      second + WINDOWS.commitWindow + WINDOWS.revealWindow,
    ]);
    const [assigned] = eventsIn(receipt, modules.SessionQueue, "TaskAssigned");
    expect([...assigned!]).to.deep.equal([task.id, drawn!["lease"], seed, BigInt(second + WINDOWS.commitWindow)]);
    const seats = committee(members, seed, 3);
    expect(await net().seatsOf(task)).to.deep.equal(seats);
    const [, operators] = await modules.SessionQueue.committeeOf(task.id);
    expect([...operators]).to.deep.equal(seats.map((node) => net().operators.get(node)!.address));
    expect(new Set(seats).size, "D1").to.equal(3);
    expect(await phase(task)).to.equal(Phase.Committing);
  });

  it("is refused in the seed block and works in the next", async () => {
    const { modules, stranger } = net();
    const task = await net().submit(1, { mine: false });
    await expect(assign(stranger, task))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueSeedNotMined")
      .withArgs(task.seedBlock, task.seedBlock);
    await net().networkHelpers.mine(1);
    await assign(stranger, task);
  });

  it("works in the last second of the queue window and not in the next, after which a stranger settles and the refund is whole", async () => {
    const { modules, stranger, session } = net();
    const before = await modules.SessionPayment.balanceOf(session);
    const [late, missed] = [await net().submit(), await net().submit()];
    const lateClose = (await net().factsOf(late)).commitsCloseAt;
    await nextAt(net(), lateClose);
    await assign(stranger, late);
    const close = (await net().factsOf(missed)).commitsCloseAt;
    await nextAt(net(), close + 1);
    await expect(assign(stranger, missed))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(missed.id, Phase.Closed, Phase.Queued);
    await expect(modules.SessionQueue.connect(stranger).settle(net().handover(missed)))
      .to.emit(modules.SessionQueue, "TaskSettled")
      .withArgs(missed.id, Status.Failed, 0, 0, "0x", "0x");
    await moveTo(net(), lateClose + WINDOWS.commitWindow + 1);
    await modules.SessionQueue.connect(stranger).settle(net().handover(late));
    // Of the one that was assigned, the nodes' time is owed, used or not.
    const [available, locked] = await modules.SessionPayment.balanceOf(session);
    expect([before.available - available, locked]).to.deep.equal([holdOf(late.terms), 0n]);
    expect(await modules.SessionPayment.owedTo(stranger.address)).to.equal(0n);
  });

  it("commits count from the assignment, and nobody commits before it", async () => {
    const { modules, operators } = net();
    const task = await net().submit();
    const [operator] = [...operators.values()];
    await expect(modules.SessionQueue.connect(operator).commit(task.id, 0, `0x${"11".repeat(32)}`))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(task.id, Phase.Queued, Phase.Committing);
    await expect(modules.SessionQueue.committeeOf(task.id))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(task.id, Phase.Queued, Phase.Committing);
    await nextAt(net(), (await net().factsOf(task)).commitsCloseAt);
    await assign(net().stranger, task);
    const { commitsCloseAt } = await net().factsOf(task);
    expect(commitsCloseAt).to.equal((await now(net())) + WINDOWS.commitWindow);
    await nextAt(net(), commitsCloseAt);
    await net().commitCarried(task);
    expect(await phase(task)).to.equal(Phase.Committing);
    await moveTo(net(), commitsCloseAt + 1);
    await modules.SessionQueue.reveal(net().handover(task));
    expect((await net().factsOf(task)).status).to.equal(Status.Accepted);
  });

  it("happens once, with the recorded terms, and only to a task that waits for nodes", async () => {
    const { modules, stranger } = net();
    const task = await net().submit();
    const other = { ...task, terms: { ...task.terms, maxTokens: task.terms.maxTokens + 1 } };
    await expect(assign(stranger, other))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueTranscriptMismatch")
      .withArgs(task.id, termsHash(task.id, other.terms), termsHash(task.id, task.terms));
    await assign(stranger, task);
    await expect(assign(stranger, task))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(task.id, Phase.Committing, Phase.Queued);
    await expect(assign(stranger, { ...task, id: task.id + 1n }))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(task.id + 1n, Phase.None, Phase.Queued);
  });

  it("D1 a node in one task is not drawn for another, and comes back when its task is settled", async () => {
    const { modules, stranger } = net();
    const { NodePool: pool } = modules;
    const [first, second, third] = [await net().submit(), await net().submit(), await net().submit()];
    await assign(stranger, first);
    await assign(stranger, second);
    const seated = [...(await net().seatsOf(first)), ...(await net().seatsOf(second))];
    expect(new Set(seated).size).to.equal(6);
    expect(await pool.eligibleCount(MODEL)).to.equal(0n);
    await expect(assign(stranger, third)).to.be.revertedWithCustomError(pool, "NodePoolTooFewNodes").withArgs(0, 3);
    expect(await phase(third)).to.equal(Phase.Queued);
    await net().commitCarried(first);
    await net().networkHelpers.mine(1);
    await expect(modules.SessionQueue.reveal(net().handover(first)))
      .to.emit(pool, "LeaseCollected")
      .withArgs((await net().factsOf(first)).lease);
    expect(await pool.eligibleCount(MODEL), "they wait for the draw that is decided").to.equal(0n);
    await assign(stranger, third);
    expect((await net().seatsOf(third)).sort()).to.deep.equal((await net().seatsOf(first)).sort());
  });

  it("G1 nodes of a task that nobody settles come back when its lease has lapsed, and it can still be settled", async () => {
    const { modules, stranger } = net();
    const { NodePool: pool, SessionQueue: queue, Reputation } = modules;
    const task = await net().submit();
    await assign(stranger, task);
    const { lease } = await net().factsOf(task);
    const { until } = await pool.leaseOf(lease);
    const silent = await net().seatsOf(task);
    await nextAt(net(), until);
    await expect(pool.connect(stranger).collect(lease))
      .to.be.revertedWithCustomError(pool, "NodePoolTooEarly")
      .withArgs(until, until + 1n);
    await nextAt(net(), until + 1n);
    await pool.connect(stranger).collect(lease);
    expect(await pool.eligibleCount(MODEL)).to.equal(6n);
    await queue.connect(stranger).settle(net().handover(task));
    expect((await net().factsOf(task)).status).to.equal(Status.Failed);
    for (const node of silent) expect((await Reputation.recordOf(node)).score, "silent").to.equal(875n);
    expect(await pool.eligibleCount(MODEL)).to.equal(6n);
  });

  it("a leased session's task is never assigned", async () => {
    const { modules, client, stranger, session } = net();
    await modules.Session.connect(client).update(session, { ...net().terms, mode: 0, leaseNodes: 3 });
    await modules.Session.connect(client).reserve(session, 7_200, 0);
    await net().networkHelpers.mine(2);
    await modules.Session.drawLease(session);
    const task = await net().submit();
    await expect(assign(stranger, task))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(task.id, Phase.Committing, Phase.Queued);
  });
});
