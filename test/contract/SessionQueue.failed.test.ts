import { expect } from "chai";
import { parseEther } from "ethers";
import { Phase, Status } from "../../offchain/protocol/types.ts";
import { changeOf, ledgerOf, UNCHANGED } from "./ledger.ts";
import { agreeing, MODEL, type Task, WINDOWS } from "./network.ts";
import { eventsIn, moveTo, receiptOf, useNetwork } from "./suite.ts";

describe("SessionQueue: a task without quorum is refunded to the last unit by strangers alone", () => {
  const net = useNetwork();
  const queue = () => net().modules.SessionQueue;
  const settle = (task: Task, seats?: number[]) => receiptOf(queue().connect(net().stranger).settle(net().handover(task, seats)));
  const scoreOf = async (node: number) => Number(await net().modules.Reputation.scoreOf(node));
  const stakeOf = async (node: number) => (await net().modules.NodePool.nodeOf(node)).stake;
  async function past(task: Task, window: "commit" | "reveal") {
    const { commitsCloseAt, revealWindow } = await net().factsOf(task);
    await moveTo(net(), commitsCloseAt + (window === "reveal" ? revealWindow : 0) + 1);
  }
  async function refundedWhole(before: Awaited<ReturnType<typeof ledgerOf>>, seats: number[]) {
    expect(changeOf(before, await ledgerOf(net()), seats)).to.deep.equal({ ...UNCHANGED, nodes: seats.map(() => 0n) });
    expect(await net().modules.SessionPayment.owedTo(net().stranger.address), "no bounty without pay").to.equal(0n);
  }

  it("G1 where nobody commits: the silent seats lose score, not stake", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit(3);
    const seats = await net().seatsOf(task);
    await past(task, "commit");
    expect(Number(await queue().phaseOf(task.id))).to.equal(Phase.Closed);
    const receipt = await settle(task);
    expect(eventsIn(receipt, queue(), "TaskSettled").map((args) => [...args])).to.deep.equal([
      [task.id, BigInt(Status.Failed), 0n, 0n, "0x", "0x"],
    ]);
    await refundedWhole(before, seats);
    for (const seat of seats) {
      expect(await scoreOf(seat)).to.equal(875);
      expect(await stakeOf(seat)).to.equal(net().parameters.pool.minStake);
      const record = await net().modules.Reputation.recordOf(seat);
      expect([record.tasks, record.commits, record.reveals]).to.deep.equal([1n, 0n, 0n]);
    }
  });

  it("G1 C6 where one of three commits: it is excused from opening, the silent two lose score", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    await net().commitCarried(task, (seat) => (seat === 1 ? agreeing(1) : null));
    await past(task, "commit");
    const receipt = await settle(task, []);
    expect(eventsIn(receipt, net().modules.NodePool, "NodeSlashed")).to.have.length(0);
    await refundedWhole(before, seats);
    expect(await Promise.all(seats.map(scoreOf))).to.deep.equal([875, 1_000, 875]);
    const record = await net().modules.Reputation.recordOf(seats[1]!);
    expect([record.tasks, record.commits, record.reveals]).to.deep.equal([1n, 1n, 1n]);
    expect(await stakeOf(seats[1]!)).to.equal(net().parameters.pool.minStake);
  });

  it("G1 C6 where all commit and nobody opens: each loses exactly the penalty and a quarter of its score", async () => {
    const { modules, parameters } = net();
    const { unopenedPenalty: penalty, minStake } = parameters.pool;
    const before = await ledgerOf(net());
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    await net().commitCarried(task);
    await past(task, "reveal");
    const receipt = await settle(task, []);
    expect(eventsIn(receipt, modules.NodePool, "NodeSlashed").map((args) => [...args])).to.deep.equal(
      task.commits.map(({ node }) => [BigInt(node), penalty, minStake - penalty]),
    );
    await refundedWhole(before, seats);
    for (const seat of seats) {
      expect(await stakeOf(seat)).to.equal(minStake - penalty);
      expect(await scoreOf(seat)).to.equal(750);
      const record = await modules.Reputation.recordOf(seat);
      expect([record.tasks, record.commits, record.reveals]).to.deep.equal([1n, 1n, 0n]);
    }
    expect([...(await modules.NodePool.totals())]).to.deep.equal([4n * minStake - 3n * penalty, 3n * penalty]);
  });

  it("C6 where too few open for a quorum: who opened keeps stake and score, who did not is slashed", async () => {
    const { modules, parameters } = net();
    const before = await ledgerOf(net());
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    await net().commitCarried(task);
    await moveTo(net(), (await net().factsOf(task)).commitsCloseAt + 1);
    await queue().reveal(net().handover(task, [2]));
    await past(task, "reveal");
    const receipt = await settle(task, [2]);
    const [settled] = eventsIn(receipt, queue(), "TaskSettled");
    expect([settled!["status"], settled!["charged"], settled!["seats"], settled!["outcomes"]]).to.deep.equal([
      BigInt(Status.Failed),
      0n,
      4n,
      "0x",
    ]);
    expect(eventsIn(receipt, modules.NodePool, "NodeSlashed").map(([node]) => Number(node))).to.deep.equal([seats[0], seats[1]]);
    await refundedWhole(before, seats);
    expect(await Promise.all(seats.map(scoreOf))).to.deep.equal([750, 750, 1_000]);
    expect(await stakeOf(seats[2]!)).to.equal(parameters.pool.minStake);
  });

  it("C6 a quorum that opens is paid, and the one that committed and did not is slashed", async () => {
    const { parameters } = net();
    const task = await net().submit();
    const before = await ledgerOf(net());
    const seats = await net().seatsOf(task);
    await net().commitCarried(task);
    await moveTo(net(), (await net().factsOf(task)).commitsCloseAt + 1);
    await queue().reveal(net().handover(task, [0, 1]));
    await past(task, "reveal");
    await queue()
      .connect(net().keeper)
      .settle(net().handover(task, [0, 1]));
    const { nodes } = changeOf(before, await ledgerOf(net()), seats);
    expect(nodes).to.deep.equal([135n * 10n ** 15n, 135n * 10n ** 15n, 0n]);
    expect(await stakeOf(seats[2]!)).to.equal(parameters.pool.minStake - parameters.pool.unopenedPenalty);
    expect(await scoreOf(seats[2]!)).to.equal(750);
  });

  it("C6 a quorum that opens is paid, and the one that was silent is not slashed", async () => {
    const task = await net().submit();
    const before = await ledgerOf(net());
    const seats = await net().seatsOf(task);
    await net().commitCarried(task, (seat) => (seat === 0 ? null : agreeing(1)));
    await moveTo(net(), (await net().factsOf(task)).commitsCloseAt + 1);
    const receipt = await receiptOf(queue().connect(net().keeper).reveal(net().handover(task)));
    expect(eventsIn(receipt, queue(), "TaskSettled")).to.have.length(1);
    const { nodes } = changeOf(before, await ledgerOf(net()), seats);
    expect(nodes).to.deep.equal([0n, 135n * 10n ** 15n, 135n * 10n ** 15n]);
    expect(await stakeOf(seats[0]!)).to.equal(net().parameters.pool.minStake);
    expect(await scoreOf(seats[0]!)).to.equal(875);
  });

  it("G3 where nobody settles until the seed is gone: the silent seats are no longer known, and the refund is whole", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    await past(task, "commit");
    await net().networkHelpers.mine(8_192);
    await settle(task);
    await refundedWhole(before, seats);
    for (const seat of seats) expect(await scoreOf(seat)).to.equal(1_000);
  });

  it("G3 the seed counts as known in the 256th block after it and not in the next", async () => {
    const [known, gone] = [await net().submit(), await net().submit()];
    const [seat] = await net().seatsOf(known);
    await past(gone, "commit");
    await net().networkHelpers.mineUpTo(known.seedBlock + 255);
    await settle(known);
    expect(await scoreOf(seat!)).to.equal(875);
    await net().networkHelpers.mineUpTo(gone.seedBlock + 256);
    const scores = () => Promise.all([...net().operators.keys()].map(scoreOf));
    const former = await scores();
    await settle(gone);
    expect(await scores()).to.deep.equal(former);
  });

  it("G1 G6 after thirty days without a block every phase still ends and pays back", async () => {
    const before = await ledgerOf(net());
    const silent = await net().submit();
    const unopened = await net().submit();
    await net().commitCarried(unopened);
    await moveTo(net(), (await net().factsOf(silent)).commitsCloseAt + 30 * 86_400);
    await settle(silent);
    await settle(unopened, []);
    await refundedWhole(before, [...net().operators.keys()]);
    expect(WINDOWS.commitWindow).to.be.lessThan(86_400);
  });

  it("H6 C6 the penalty is the one that was in force when the node registered", async () => {
    const { modules, deployer, parameters } = net();
    const { minStake, unopenedPenalty } = parameters.pool;
    const task = await net().submit();
    await net().commitCarried(task);
    await modules.NodePool.connect(deployer).setParameters({ ...parameters.pool, unopenedPenalty: minStake });
    await past(task, "reveal");
    await settle(task, []);
    for (const { node } of task.commits) expect(await stakeOf(node)).to.equal(minStake - unopenedPenalty);
  });

  it("the settler cannot make the chain say that a seat which never opened answered anything", async () => {
    const task = await net().submit();
    await net().commitCarried(task);
    await past(task, "reveal");
    const closed = net().handover(task, []);
    const garbage = `0x${"5a".repeat(68)}`;
    await expect(
      queue()
        .connect(net().stranger)
        .settle({ ...closed, changes: ["0x", `0x0000${garbage.slice(2)}`, "0x"] }),
    )
      .to.be.revertedWithCustomError(queue(), "SessionQueueChangesMalformed")
      .withArgs(task.id, 1, 0);
    const receipt = await receiptOf(
      queue()
        .connect(net().stranger)
        .settle({ ...closed, base: garbage, changes: ["0x", "0x", "0x"] }),
    );
    expect(eventsIn(receipt, queue(), "AnswersDiffer")).to.have.length(0);
    expect(eventsIn(receipt, queue(), "TaskSettled").map((args) => [args["outcomes"], args["base"]])).to.deep.equal([["0x", "0x"]]);
  });

  it("the settler cannot make the chain say anything about a task on which nobody committed", async () => {
    const task = await net().submit();
    await past(task, "commit");
    const garbage = `0x${"5a".repeat(68)}`;
    const receipt = await receiptOf(
      queue()
        .connect(net().stranger)
        .settle({ ...net().handover(task), base: garbage }),
    );
    expect(eventsIn(receipt, queue(), "TaskSettled").map((args) => [args["outcomes"], args["base"]])).to.deep.equal([["0x", "0x"]]);
  });

  it("a committee is readable while its task runs and after it committed, and forgotten where nobody did", async () => {
    const [silent, served] = [await net().submit(), await net().submit()];
    await net().commitCarried(served);
    const seats = await net().seatsOf(served);
    await net().networkHelpers.mine(1);
    await queue().reveal(net().handover(served));
    await past(silent, "commit");
    await net().seatsOf(silent);
    await settle(silent);
    expect(await net().seatsOf(served)).to.deep.equal(seats);
    await expect(queue().committeeOf(silent.id))
      .to.be.revertedWithCustomError(queue(), "SessionQueueWrongPhase")
      .withArgs(silent.id, Phase.Settled, Phase.Committing);
  });
});

describe("SessionQueue: a penalty above the stake", () => {
  const net = useNetwork({ parameters: { pool: { unopenedPenalty: parseEther("30000") } } });

  it("E3 takes all of the stake and no more, and the node is out of the pool", async () => {
    const { modules, parameters } = net();
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    await net().commitCarried(task, (seat) => (seat === 2 ? null : agreeing(1)));
    const { commitsCloseAt, revealWindow } = await net().factsOf(task);
    await moveTo(net(), commitsCloseAt + revealWindow + 1);
    const receipt = await receiptOf(modules.SessionQueue.settle(net().handover(task, [])));
    expect(eventsIn(receipt, modules.NodePool, "NodeSlashed").map((args) => [...args])).to.deep.equal(
      [seats[0]!, seats[1]!].map((node) => [BigInt(node), parameters.pool.minStake, 0n]),
    );
    await moveTo(net(), (await modules.NodePool.leaseOf(1)).until + 1n);
    await modules.NodePool.collect(1);
    const listed = [...(await modules.NodePool.eligible(MODEL, 0, 9))].map(Number);
    expect([seats[0]!, seats[1]!, seats[2]!].map((node) => listed.includes(node))).to.deep.equal([false, false, true]);
  });
});
