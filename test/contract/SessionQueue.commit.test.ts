import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { termsHash, transcriptOf, whoOf } from "../../offchain/protocol/commitment.ts";
import { decidingBlock, taskSeed } from "../../offchain/protocol/draw.ts";
import { Phase, Status } from "../../offchain/protocol/types.ts";
import { agreeing, MODEL, type Network, type Task, WINDOWS } from "./network.ts";
import { eventsIn, moveTo, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const HASH = `0x${"11".repeat(32)}`;

describe("SessionQueue: a seat commits by its own transaction", () => {
  const net = useNetwork();
  const commit = (signer: Pick<Network["client"], "address">, task: Task, seat: number, commitment = HASH) =>
    net()
      .modules.SessionQueue.connect(signer as Network["client"])
      .commit(task.id, seat, commitment);
  const operatorOf = (node: number) => net().operators.get(node)!;
  const wrongPhase = (sent: Promise<unknown>, task: Task, found: Phase) =>
    expect(sent)
      .to.be.revertedWithCustomError(net().modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(task.id, found, Phase.Committing);

  it("C1 only the seat's operator commits: neither another seat's, nor the node's owner, nor anybody else", async () => {
    const { modules, client, router, deployer, stranger } = net();
    const task = await net().submit();
    const nodes = await net().seatsOf(task);
    const idle = [...net().operators.keys()].find((node) => !nodes.includes(node))!;
    const wanted = operatorOf(nodes[0]!).address;
    for (const signer of [operatorOf(nodes[1]!), operatorOf(nodes[2]!), operatorOf(idle), client, router, deployer, stranger]) {
      await expect(commit(signer, task, 0))
        .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueNotOperator")
        .withArgs(task.id, 0, signer.address, wanted);
    }
    await commit(operatorOf(nodes[0]!), task, 0);
  });

  it("emits the task's seed, the seat and the node, and extends the transcript", async () => {
    const { modules, ethers } = net();
    const task = await net().submit();
    const nodes = await net().seatsOf(task);
    const receipt = await receiptOf(commit(operatorOf(nodes[2]!), task, 2));
    const [event] = eventsIn(receipt, modules.SessionQueue, "ResultsCommitted");
    const { hash } = (await ethers.provider.getBlock(task.seedBlock))!;
    expect([event![0], event![1], event![2].map((entry: Iterable<unknown>) => [...entry])]).to.deep.equal([
      task.id,
      taskSeed(hash!, task.id),
      [[whoOf(2, nodes[2]!), HASH]],
    ]);
    expect(await modules.SessionQueue.recordOf(task.id)).to.equal(
      transcriptOf(task.id, task.terms, [{ seat: 2, node: nodes[2]!, commitment: HASH }]),
    );
    const { committed, revealed, seed } = await net().factsOf(task);
    expect({ committed, revealed, seed }).to.deep.equal({ committed: 4, revealed: 0, seed: taskSeed(hash!, task.id) });
  });

  it("C1 opens in the block after the seed block", async () => {
    const { networkHelpers } = net();
    const task = await net().submit(1, { mine: false });
    const anyone = [...net().operators.values()];
    await wrongPhase(commit(anyone[0]!, task, 0), task, Phase.Queued);
    expect(await networkHelpers.time.latestBlock()).to.equal(task.seedBlock - 1);
    await networkHelpers.mine(1);
    const nodes = await net()
      .seatsOf({ ...task })
      .catch(() => null);
    expect(nodes, "the committee is not known in the seed block").to.equal(null);
    const sent = await Promise.all(
      anyone.map((operator) =>
        commit(operator, task, 0).then(
          () => 1,
          () => 0,
        ),
      ),
    );
    expect(sent.reduce<number>((sum, one) => sum + one, 0)).to.equal(1);
  });

  it("C1 closes after the last second of the window", async () => {
    const task = await net().submit();
    const nodes = await net().seatsOf(task);
    const { commitsCloseAt } = await net().factsOf(task);
    await nextAt(net(), commitsCloseAt);
    await commit(operatorOf(nodes[0]!), task, 0);
    await nextAt(net(), commitsCloseAt + 1);
    await wrongPhase(commit(operatorOf(nodes[1]!), task, 1), task, Phase.Closed);
    expect((await net().factsOf(task)).committed).to.equal(1);
  });

  it("C5 closes with the last seat, and no commitment follows in the same second or later", async () => {
    const { modules } = net();
    const task = await net().submit();
    const nodes = await net().seatsOf(task);
    await commit(operatorOf(nodes[1]!), task, 1);
    await commit(operatorOf(nodes[0]!), task, 0);
    expect((await net().factsOf(task)).commitsCloseAt).to.be.greaterThan((await now(net())) + WINDOWS.commitWindow / 2);
    const second = (await now(net())) + 100;
    await nextAt(net(), second);
    await commit(operatorOf(nodes[2]!), task, 2);
    expect((await net().factsOf(task)).commitsCloseAt).to.equal(second);
    expect(Number(await modules.SessionQueue.phaseOf(task.id)), "in that second").to.equal(Phase.Committing);
    await wrongPhase(commit(operatorOf(nodes[0]!), task, 0), task, Phase.Revealing);
  });

  it("C4 a commitment is never overwritten", async () => {
    const { modules } = net();
    const task = await net().submit();
    const [node] = await net().seatsOf(task);
    await commit(operatorOf(node!), task, 0);
    const record = await modules.SessionQueue.recordOf(task.id);
    for (const again of [HASH, `0x${"22".repeat(32)}`]) {
      await expect(commit(operatorOf(node!), task, 0, again))
        .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueAlreadyCommitted")
        .withArgs(task.id, 0);
    }
    expect(await modules.SessionQueue.recordOf(task.id)).to.equal(record);
  });

  it("C4 refuses an empty commitment and a seat that does not exist", async () => {
    const { modules } = net();
    const task = await net().submit();
    const [node] = await net().seatsOf(task);
    await expect(commit(operatorOf(node!), task, 0, ZeroHash))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueEmptyCommitment")
      .withArgs(task.id, 0);
    for (const seat of [3, 9, 255]) {
      await expect(commit(operatorOf(node!), task, seat))
        .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueNoSeat")
        .withArgs(task.id, seat, 3);
    }
  });

  it("B1 refuses tasks that do not exist or have ended", async () => {
    const { stranger, modules } = net();
    const task = await net().submit();
    const [node] = await net().seatsOf(task);
    await wrongPhase(commit(operatorOf(node!), { ...task, id: task.id + 1n }, 0), { ...task, id: task.id + 1n }, Phase.None);
    await wrongPhase(commit(operatorOf(node!), { ...task, id: task.id + 64n }, 0), { ...task, id: task.id + 64n }, Phase.None);
    await moveTo(net(), (await net().factsOf(task)).commitsCloseAt + 1);
    await modules.SessionQueue.connect(stranger).settle(net().handover(task));
    await wrongPhase(commit(operatorOf(node!), task, 0), task, Phase.Settled);
    await wrongPhase(commit(operatorOf(node!), { ...task, id: 0n }, 0), { ...task, id: 0n }, Phase.None);
  });

  it("D5 G3 a seat can commit when the seed block's hash is gone: a block 256 later decides, and once used the seed stays", async () => {
    const { modules, networkHelpers, ethers, client, session } = net();
    await modules.Session.connect(client).update(session, { ...net().terms, commitWindow: 7_200 });
    await modules.Session.connect(client).reserve(session, 20_000, 0);
    await networkHelpers.mine(2);
    // The first lease still holds all other nodes.
    for (let i = 0; i < net().terms.leaseNodes; i++) await net().addNode();
    await modules.Session.drawLease(session);
    const task = await net().submit();
    await networkHelpers.mineUpTo(task.seedBlock + 300);
    const block = await networkHelpers.time.latestBlock();
    const decides = decidingBlock(task.seedBlock, block + 1);
    expect(decides).to.equal(task.seedBlock + 256);
    const nodes = await net().seatsOf(task);
    await commit(operatorOf(nodes[0]!), task, 0);
    const { seed } = await net().factsOf(task);
    expect(seed).to.equal(taskSeed((await ethers.provider.getBlock(decides))!.hash!, task.id));
    await networkHelpers.mine(300);
    expect((await net().factsOf(task)).seed).to.equal(seed);
    expect(await net().seatsOf(task)).to.deep.equal(nodes);
    await commit(operatorOf(nodes[1]!), task, 1);
  });

  it("C1 a node's new operator commits in the middle of a task, and the old one only for a day more", async () => {
    const { modules, stranger } = net();
    const task = await net().submit();
    const [node] = await net().seatsOf(task);
    const former = operatorOf(node!);
    await modules.NodePool.connect(former).proposeOperator(node!, stranger.address);
    await expect(commit(stranger, task, 0))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueNotOperator")
      .withArgs(task.id, 0, stranger.address, former.address);
    await modules.NodePool.connect(stranger).acceptOperator(node!);
    const rotated = await now(net());
    await commit(former, task, 0);
    const next = await net().submit();
    const seat = (await net().seatsOf(next)).indexOf(node!);
    if (seat !== -1) await commit(stranger, next, seat);
    expect(await modules.NodePool.formerOperatorOf(node!)).to.equal(former.address);
    await moveTo(net(), rotated + 86_400);
    expect(await modules.NodePool.formerOperatorOf(node!), "in the last second").to.equal(former.address);
    await moveTo(net(), rotated + 86_401);
    expect(await modules.NodePool.formerOperatorOf(node!)).to.equal(ZeroAddress);
  });

  it("the whole way by own transactions ends Accepted", async () => {
    const { modules, networkHelpers } = net();
    const task = await net().submit(2);
    const nodes = await net().seatsOf(task);
    for (const seat of [1, 2, 0]) {
      const prepared = net().prepare(task, seat, nodes[seat]!, agreeing(2));
      task.commits.push(prepared);
      await commit(operatorOf(nodes[seat]!), task, seat, prepared.commitment);
    }
    await networkHelpers.mine(1);
    for (const [i, seat] of [2, 0, 1].entries()) {
      const known = i === 2 ? [0, 1, 2] : [seat];
      await modules.SessionQueue.connect(operatorOf(nodes[seat]!)).reveal(net().handover(task, known));
    }
    expect((await net().factsOf(task)).status).to.equal(Status.Accepted);
    expect(await modules.SessionQueue.recordOf(task.id)).not.to.equal(termsHash(task.id, task.terms));
    expect(await modules.NodePool.eligibleCount(MODEL), "the lease goes on").to.equal(0n);
  });
});
