import { expect } from "chai";
import { keccak256, toUtf8Bytes, ZeroHash } from "ethers";
import { transcriptOf } from "../../offchain/protocol/commitment.ts";
import { drawLease, membersOf, permutation } from "../../offchain/protocol/draw.ts";
import { CONTENT_UNAVAILABLE, holdOf, lockOf } from "../../offchain/protocol/judging.ts";
import { mayStandIn } from "../../offchain/protocol/phases.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { Phase, Status } from "../../offchain/protocol/types.ts";
import { agreeing, differing, MODEL, type Task, WINDOWS } from "./network.ts";
import { eventsIn, moveTo, nextAt, receiptOf, useNetwork } from "./suite.ts";

describe("SessionQueue: a standby for one silent seat", () => {
  const net = useNetwork({ nodes: 5, redundancy: 3, leaseNodes: 4 });
  const queue = () => net().modules.SessionQueue;

  /** The member of the lease that stands by, and the seats. */
  async function standbyOf(task: Task): Promise<number> {
    const facts = await net().factsOf(task);
    const [members, size] = await net().modules.NodePool.leaseOf(facts.lease);
    const seed = BigInt((await queue().factsOf(task.id))[0].seed);
    return membersOf(members, Number(size))[permutation(seed, Number(size), 4)[3]!]!;
  }

  async function twoCommit() {
    const task = await net().submit();
    await net().commitCarried(task, (seat) => (seat === 1 ? null : agreeing(1)));
    const facts = await net().factsOf(task);
    const half = facts.commitsCloseAt - WINDOWS.commitWindow / 2;
    const standby = await standbyOf(task);
    return { task, facts, half, standby, operator: net().operators.get(standby)! };
  }

  it("C1 commits for it in the second half of the window, not in the last second of the first, and once", async () => {
    const { task, facts, half, standby, operator } = await twoCommit();
    const prepared = net().prepare(task, 1, standby, agreeing(1));
    await nextAt(net(), half);
    await expect(queue().connect(operator).commit(task.id, 1, prepared.commitment)).to.be.revertedWithCustomError(
      queue(),
      "SessionQueueNotOperator",
    );
    expect(mayStandIn(facts, { timestamp: half, blockNumber: 0 })).to.equal(false);
    expect(mayStandIn(facts, { timestamp: half + 1, blockNumber: 0 })).to.equal(true);
    await nextAt(net(), half + 1);
    await queue().connect(operator).commit(task.id, 1, prepared.commitment);
    task.commits.push(prepared);
    expect((await net().factsOf(task)).stoodIn).to.equal(true);
    await net().networkHelpers.mine(1);
    const seats = await net().seatsOf(task);
    await queue().reveal(net().handover(task));
    const { status } = await net().factsOf(task);
    expect(status).to.equal(Status.Accepted);
    const { Reputation, SessionPayment } = net().modules;
    const silent = await Reputation.recordOf(seats[1]!);
    expect([silent.tasks, silent.commits], "who was silent is booked as silent").to.deep.equal([1n, 0n]);
    expect((await Reputation.recordOf(standby)).accepted).to.equal(1n);
    expect(await SessionPayment.owedToNode(standby)).to.equal(await SessionPayment.owedToNode(seats[0]!));
  });

  it("H5 its signature can be carried; the seat's own member is late then, and nobody stands in twice", async () => {
    const { task, half, standby } = await twoCommit();
    const seats = await net().seatsOf(task);
    const own = net().prepare(task, 1, seats[1]!, agreeing(1));
    const signedOwn = net().sign(own);
    const prepared = net().prepare(task, 1, standby, agreeing(1));
    await nextAt(net(), half + 1);
    const receipt = await receiptOf(queue().commitMany([{ task: task.id, commitments: [net().sign(prepared), signedOwn] }]));
    expect(eventsIn(receipt, queue(), "EntrySkipped")).to.have.length(1);
    task.commits.push(prepared);
    expect(await queue().recordOf(task.id)).to.equal(transcriptOf(task.id, task.terms, task.commits));
  });

  it("B4 the first of the two holds the seat: where the member commits first, the standby is refused", async () => {
    const { task, half, operator } = await twoCommit();
    const seats = await net().seatsOf(task);
    await nextAt(net(), half + 1);
    const own = net().prepare(task, 1, seats[1]!, agreeing(1));
    await queue().connect(net().operators.get(seats[1]!)).commit(task.id, 1, own.commitment);
    await expect(queue().connect(operator).commit(task.id, 1, own.commitment)).to.be.revert(net().ethers);
  });
});

describe("SessionQueue: a second attempt where no majority is found", () => {
  const net = useNetwork({ nodes: 8, redundancy: 3, leaseNodes: 3, terms: { rerun: true } });
  const queue = () => net().modules.SessionQueue;
  /** Answers with nothing in common. */
  const apart = (seat: number) => [{ ...differing(1, seat, 0)[0]!, sketch: keccak256(toUtf8Bytes(`sketch of ${seat}`)) }];

  async function undecided() {
    const task = await net().submit();
    await net().commitCarried(task, apart);
    await net().networkHelpers.mine(1);
    const first = await net().seatsOf(task);
    const receipt = await receiptOf(queue().connect(net().router).reveal(net().handover(task)));
    return { task, first, receipt };
  }

  it("A4 D3 begins again with nodes that were not in it, charges nothing for the first, and keeps its lock", async () => {
    const { modules, session, stranger } = net();
    const { available: whole } = await modules.SessionPayment.balanceOf(session);
    const { task, first, receipt } = await undecided();
    const [again] = eventsIn(receipt, queue(), "TaskRerun");
    expect([again!["task"], again!["charged"]]).to.deep.equal([task.id, 0n]);
    const [available, locked] = await modules.SessionPayment.balanceOf(session);
    expect([whole - available, locked]).to.deep.equal([lockOf(task.terms, 1, true), lockOf(task.terms, 1, true)]);
    expect(Number(await queue().phaseOf(task.id))).to.equal(Phase.Queued);
    await net().networkHelpers.mine(2);
    const row = [...(await modules.NodePool.eligible(MODEL, 0, 99))].map(Number);
    const assigned = await receiptOf(queue().connect(stranger).assign(task.id, encodeTerms(task.terms)));
    const [drawn] = eventsIn(assigned, modules.NodePool, "LeaseDrawn");
    expect(membersOf(drawn!["members"] as bigint, 3)).to.deep.equal(
      drawLease(row, drawn!["seed"] as string, 3, { shunned: first }).members,
    );
    const second = await net().seatsOf(task);
    expect(second.filter((node) => first.includes(node))).to.deep.equal([]);
    const price = holdOf(task.terms);
    for (const node of second) expect(await modules.SessionPayment.owedToNode(node)).to.equal(price / 3n);

    // The commitments of the second attempt bind it.
    task.commits = [];
    task.attempt = 1;
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    const end = await receiptOf(queue().reveal(net().handover(task)));
    expect(eventsIn(end, queue(), "TaskSettled")[0]!["status"]).to.equal(BigInt(Status.Accepted));
    expect((await modules.SessionPayment.balanceOf(session)).locked).to.equal(0n);
    for (const node of second) expect(await modules.NodePool.isEligible(node), "back in the pool").to.equal(true);
  });

  it("C2 openings of the first attempt do not open the second", async () => {
    const { task, first } = await undecided();
    await net().networkHelpers.mine(2);
    await queue().assign(task.id, encodeTerms(task.terms));
    const second = await net().seatsOf(task);
    expect(second).not.to.deep.equal(first);
    const old = task.commits;
    await expect(queue().reveal(net().handover({ ...task, commits: old }))).to.be.revertedWithCustomError(
      queue(),
      "SessionQueueWrongPhase",
    );
    task.commits = [];
    task.attempt = 1;
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    const wrong = { ...net().handover(task), openings: net().handover({ ...task, commits: old }).openings };
    await expect(queue().reveal(wrong)).to.be.revertedWithCustomError(queue(), "SessionQueueTranscriptMismatch");
  });

  it("G1 ends Failed with everything refunded where nobody is assigned, and Inconclusive where it is undecided again", async () => {
    const { modules, session, stranger } = net();
    const { available: whole } = await modules.SessionPayment.balanceOf(session);
    const { task: lonely } = await undecided();
    await moveTo(net(), (await net().factsOf(lonely)).commitsCloseAt + 1);
    await queue()
      .connect(stranger)
      .settle({ ...net().handover({ ...lonely, commits: [] }), base: "0x" });
    expect((await net().factsOf(lonely)).status).to.equal(Status.Failed);
    expect([...(await modules.SessionPayment.balanceOf(session))]).to.deep.equal([whole, 0n]);

    const { task } = await undecided();
    await net().networkHelpers.mine(2);
    await queue().assign(task.id, encodeTerms(task.terms));
    task.commits = [];
    task.attempt = 1;
    await net().commitCarried(task, apart);
    await net().networkHelpers.mine(1);
    await queue().reveal(net().handover(task));
    expect((await net().factsOf(task)).status, "not a third time").to.equal(Status.Inconclusive);
    expect([...(await modules.SessionPayment.balanceOf(session))]).to.deep.equal([whole - holdOf(task.terms), 0n]);
  });
});

describe("SessionQueue: prompts that cannot be answered", () => {
  const net = useNetwork();
  const refusing = (prompts: number) =>
    agreeing(prompts).map((answer) => ({ ...answer, digest: CONTENT_UNAVAILABLE, sketch: ZeroHash, tokens: 0 }));

  it("A5 G5 a quorum that says so ends the task Failed, for a small fee and without a change of reputation", async () => {
    const { modules } = net();
    const task = await net().submit(2);
    await net().commitCarried(task, () => refusing(2));
    await net().networkHelpers.mine(1);
    const seats = await net().seatsOf(task);
    const receipt = await receiptOf(modules.SessionQueue.reveal(net().handover(task)));
    const [settled] = eventsIn(receipt, modules.SessionQueue, "TaskSettled");
    // 16 tokens a prompt and seat instead of 100 declared and up to 200 more.
    expect([settled!["status"], settled!["charged"]]).to.deep.equal([
      BigInt(Status.Failed),
      (3n * 2n * 16n * 10n ** 18n) / 1_000n + 10n ** 15n,
    ]);
    for (const node of seats) {
      const record = await modules.Reputation.recordOf(node);
      expect([record.accepted, record.outliers, record.score]).to.deep.equal([0n, 0n, 1_000n]);
    }
  });

  it("G5 one prompt of two: the other is paid in full, and the task is Accepted", async () => {
    const { modules } = net();
    const task = await net().submit(2);
    await net().commitCarried(task, () => [refusing(1)[0]!, agreeing(2)[1]!]);
    await net().networkHelpers.mine(1);
    const receipt = await receiptOf(modules.SessionQueue.reveal(net().handover(task)));
    const [settled] = eventsIn(receipt, modules.SessionQueue, "TaskSettled");
    expect([settled!["status"], settled!["charged"]]).to.deep.equal([
      BigInt(Status.Accepted),
      (3n * (16n + 150n) * 10n ** 18n) / 1_000n + 10n ** 15n,
    ]);
  });
});
