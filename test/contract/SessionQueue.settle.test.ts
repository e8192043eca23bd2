import { expect } from "chai";
import { AbiCoder, keccak256 } from "ethers";
import { decodeOutcomes, encodeOutcomes } from "../../offchain/protocol/answers.ts";
import { termsHash, transcriptOf } from "../../offchain/protocol/commitment.ts";
import { lockOf } from "../../offchain/protocol/judging.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { Comparison, Phase, Status } from "../../offchain/protocol/types.ts";
import { changeOf, ledgerOf, UNCHANGED } from "./ledger.ts";
import { agreeing, differing, type Task, WINDOWS } from "./network.ts";
import { eventsIn, moveTo, nextAt, receiptOf, useNetwork } from "./suite.ts";

const MILLI = 10n ** 15n;
/** One prompt of 100 tokens with an answer of 50, at one COR per 1,000 tokens; 5 % each for protocol and router. */
const GROSS = 150n * MILLI;
const FEE = GROSS / 20n;
const NET = GROSS - 2n * FEE;
const BOUNTY = MILLI;
/** First part of the reveal window, in which the router earns the bounty whoever settles, seconds. */
const EXCLUSIVE = WINDOWS.revealWindow * 0.3;

describe("SessionQueue: a task is settled", () => {
  const net = useNetwork();
  const queue = () => net().modules.SessionQueue;
  const settle = (task: Task, seats?: number[]) => queue().connect(net().keeper).settle(net().handover(task, seats));
  const closeOf = async (task: Task) => (await net().factsOf(task)).commitsCloseAt;
  const recordOf = async (node: number) => {
    const [tasks, commits, reveals, accepted, outliers, score] = await net().modules.Reputation.recordOf(node);
    return [tasks, commits, reveals, accepted, outliers, score].map(Number);
  };
  /** Commits by the seats that answer, goes on to where the keeper earns the bounty, and opens all of them by the keeper. */
  async function run(task: Task, answersOf: Parameters<ReturnType<typeof net>["commitCarried"]>[1]) {
    await net().commitCarried(task, answersOf);
    await net().networkHelpers.time.increase(EXCLUSIVE + 1);
    return receiptOf(queue().connect(net().keeper).reveal(net().handover(task)));
  }

  it("A5 in full agreement pays every seat net of fees, the router, the keeper and the protocol, and the rest goes back", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    const receipt = await run(task, () => agreeing(1));
    const change = changeOf(before, await ledgerOf(net()), seats);
    const charged = 3n * GROSS + BOUNTY;
    expect(change).to.deep.equal({
      ...UNCHANGED,
      available: -charged,
      router: 3n * FEE,
      keeper: BOUNTY,
      fees: 3n * FEE,
      nodes: [NET, NET, NET],
    });
    const { answers } = task.secrets.get(0)!;
    expect(eventsIn(receipt, queue(), "TaskSettled").map((args) => [...args])).to.deep.equal([
      [task.id, BigInt(Status.Accepted), charged, 7n, encodeOutcomes([{ canonicalSeat: 0, accepted: 7 }]), answers],
    ]);
    for (const seat of seats) expect(await recordOf(seat)).to.deep.equal([1, 1, 1, 1, 0, 1_562]);
  });

  for (const [when, second, earner] of [
    ["the last second of the first 30 % of the reveal window is its router's", 0, "router"],
    ["the second after it is whoever's who settles", 1, "keeper"],
  ] as const) {
    it(`the bounty of a task that a router submitted, in ${when}`, async () => {
      const before = await ledgerOf(net());
      const task = await net().submit();
      await net().commitCarried(task);
      await nextAt(net(), (await closeOf(task)) + EXCLUSIVE + second);
      await queue().connect(net().keeper).reveal(net().handover(task));
      const change = changeOf(before, await ledgerOf(net()), []);
      const bounty = { router: earner === "router" ? BOUNTY : 0n, keeper: earner === "keeper" ? BOUNTY : 0n };
      expect([change.router, change.keeper]).to.deep.equal([3n * FEE + bounty.router, bounty.keeper]);
    });
  }

  it("the bounty of a task that the owner submitted is whoever's who settles, at once", async () => {
    const { modules, client, session, networkHelpers, parameters } = net();
    const before = await ledgerOf(net());
    const receipt = await receiptOf(modules.Session.connect(client).submit(session, net().request(1)));
    await networkHelpers.mine(parameters.seedDelay + 1);
    const task = net().taskFrom(receipt.logs)[0]!;
    await net().commitCarried(task);
    await networkHelpers.mine(1);
    await queue().connect(net().keeper).reveal(net().handover(task));
    const change = changeOf(before, await ledgerOf(net()), []);
    expect([change.router, change.keeper]).to.deep.equal([0n, BOUNTY]);
  });

  it("A5 an outlier is not paid and its score falls, and the others are paid exactly", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    const receipt = await run(task, (seat) => (seat === 1 ? differing(1, 1, 60) : agreeing(1)));
    const change = changeOf(before, await ledgerOf(net()), seats);
    const charged = 2n * GROSS + BOUNTY;
    expect(change).to.deep.equal({
      ...UNCHANGED,
      available: -charged,
      router: 2n * FEE,
      keeper: BOUNTY,
      fees: 2n * FEE,
      nodes: [NET, 0n, NET],
    });
    const [settled] = eventsIn(receipt, queue(), "TaskSettled");
    expect(decodeOutcomes(settled!["outcomes"] as string)).to.deep.equal([{ canonicalSeat: 0, accepted: 5 }]);
    const [differ] = eventsIn(receipt, queue(), "AnswersDiffer");
    expect([...differ!]).to.deep.equal([task.id, 1n, `0x0000${task.secrets.get(1)!.answers.slice(2)}`]);
    expect(await recordOf(seats[1]!)).to.deep.equal([1, 1, 1, 0, 1, 875]);
    expect(await recordOf(seats[0]!)).to.deep.equal([1, 1, 1, 1, 0, 1_562]);
    expect((await net().modules.NodePool.nodeOf(seats[1]!)).stake, "E8 an outlier is not slashed").to.equal(net().parameters.pool.minStake);
  });

  it("answers of one meaning agree though their bytes differ, up to the model's distance", async () => {
    const apart = async (bits: number) => {
      const task = await net().submit();
      const receipt = await run(task, (seat) => (seat === 0 ? agreeing(1) : differing(1, 0, bits)));
      return decodeOutcomes(eventsIn(receipt, queue(), "TaskSettled")[0]!["outcomes"] as string)[0];
    };
    expect(await apart(45)).to.deep.equal({ canonicalSeat: 1, accepted: 7 });
    expect(await apart(46)).to.deep.equal({ canonicalSeat: 1, accepted: 6 });
  });

  it("G1 answers that all differ end Inconclusive: nobody is paid or punished, and the refund is whole", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    const receipt = await run(task, (seat) => differing(1, 4 * seat, 60));
    expect(changeOf(before, await ledgerOf(net()), seats)).to.deep.equal({ ...UNCHANGED, nodes: [0n, 0n, 0n] });
    const [settled] = eventsIn(receipt, queue(), "TaskSettled");
    expect([settled!["status"], settled!["charged"], settled!["outcomes"]]).to.deep.equal([BigInt(Status.Inconclusive), 0n, "0xf000"]);
    for (const seat of seats) expect(await recordOf(seat)).to.deep.equal([1, 1, 1, 0, 0, 1_000]);
  });

  it("judges and pays prompt by prompt", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit(3);
    const seats = await net().seatsOf(task);
    // Prompt 0: all agree. Prompt 1: seat 2 is the outlier. Prompt 2: all differ.
    const receipt = await run(task, (seat) => {
      const [base, own] = [agreeing(3), differing(3, 4 * seat, 60)];
      return [base[0]!, seat === 2 ? own[1]! : base[1]!, own[2]!];
    });
    const [settled] = eventsIn(receipt, queue(), "TaskSettled");
    expect(decodeOutcomes(settled!["outcomes"] as string)).to.deep.equal([
      { canonicalSeat: 0, accepted: 7 },
      { canonicalSeat: 0, accepted: 3 },
      { canonicalSeat: null, accepted: 0 },
    ]);
    const change = changeOf(before, await ledgerOf(net()), seats);
    expect(change.nodes).to.deep.equal([2n * NET, 2n * NET, NET]);
    expect(change.available).to.equal(-(5n * GROSS + BOUNTY));
    expect(await recordOf(seats[2]!)).to.deep.equal([1, 1, 1, 1, 1, 1_000]);
    expect(await recordOf(seats[0]!)).to.deep.equal([1, 1, 1, 2, 0, 1_562]);
  });

  it("charges the lower median of the declared tokens of the group, and no more than the limit", async () => {
    const paid = async (tokens: (number | null)[], maxTokens = 200) => {
      const task = await net().submit(1, { maxTokens });
      const before = await ledgerOf(net());
      // A number: an answer of so many tokens; null: silence.
      await net().commitCarried(task, (seat) => (tokens[seat] === null ? null : [{ ...agreeing(1)[0]!, tokens: tokens[seat]! }]));
      await moveTo(net(), (await closeOf(task)) + 1);
      await queue().connect(net().keeper).reveal(net().handover(task));
      const { nodes } = changeOf(before, await ledgerOf(net()), await net().seatsOf(task));
      const [each, ...others] = nodes.filter((_, seat) => tokens[seat] !== null);
      for (const other of others) expect(other).to.equal(each);
      return (each! * 10n) / 9n / MILLI - 100n;
    };
    expect(await paid([50, 60, 70])).to.equal(60n);
    expect(await paid([50, 9_999, 0])).to.equal(50n);
    expect(await paid([9_999, 9_999, 0])).to.equal(200n);
    expect(await paid([80, 81, 82], 10)).to.equal(10n);
    expect(await paid([0, 0, 70])).to.equal(0n);
    expect(await paid([70, null, 50]), "of two, the lower").to.equal(50n);
  });

  it("compares by digest alone where the session says so", async () => {
    const { modules, client, session } = net();
    const outcomeOf = async (answersOf: (seat: number) => ReturnType<typeof agreeing>) => {
      const task = await net().submit();
      const receipt = await run(task, answersOf);
      return eventsIn(receipt, queue(), "TaskSettled")[0]!["outcomes"] as string;
    };
    await modules.Session.connect(client).update(session, { ...net().terms, leaseNodes: 3, comparison: Comparison.Exact });
    await modules.Session.connect(client).reserve(session, 10_000, 0);
    await net().networkHelpers.mine(2);
    for (let i = 0; i < 3; i++) await net().addNode();
    await modules.Session.drawLease(session);
    const sameSketch = (seat: number) =>
      agreeing(1).map((answer) => ({ ...answer, digest: seat === 2 ? keccak256("0x02") : answer.digest }));
    expect(await outcomeOf(sameSketch)).to.equal("0x0003");
  });

  it("an owner's task pays no router and the miners its share", async () => {
    const { modules, client, session } = net();
    const receipt = await receiptOf(modules.Session.connect(client).submit(session, net().request(1)));
    const task = net().taskFrom(receipt.logs)[0]!;
    await net().networkHelpers.mine(2);
    const before = await ledgerOf(net());
    await run(task, () => agreeing(1));
    const change = changeOf(before, await ledgerOf(net()), await net().seatsOf(task));
    expect([change.router, change.fees, ...change.nodes]).to.deep.equal([0n, 3n * FEE, NET + FEE, NET + FEE, NET + FEE]);
  });

  it("a router that settles itself has fee, bounty and waiting protocol fee in one account", async () => {
    const { modules, router } = net();
    const task = await net().submit();
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    await queue().connect(router).reveal(net().handover(task));
    const [owed, fees] = await modules.SessionPayment.accountOf(router.address);
    expect([owed, fees]).to.deep.equal([3n * FEE + BOUNTY, 3n * FEE]);
  });

  it("is refused in the last second of the reveal window and accepted in the next", async () => {
    const task = await net().submit();
    await net().commitCarried(task);
    const end = (await closeOf(task)) + WINDOWS.revealWindow;
    await moveTo(net(), (await closeOf(task)) + 1);
    await queue().reveal(net().handover(task, [0, 1]));
    await nextAt(net(), end);
    await expect(settle(task, [0, 1]))
      .to.be.revertedWithCustomError(queue(), "SessionQueueWrongPhase")
      .withArgs(task.id, Phase.Revealing, Phase.Closed);
    await nextAt(net(), end + 1);
    await settle(task, [0, 1]);
    expect((await net().factsOf(task)).status).to.equal(Status.Accepted);
  });

  it("wants the openings of exactly the revealed seats", async () => {
    const task = await net().submit();
    await net().commitCarried(task);
    await moveTo(net(), (await closeOf(task)) + 1);
    await queue().reveal(net().handover(task, [0, 1]));
    await moveTo(net(), (await closeOf(task)) + WINDOWS.revealWindow + 1);
    for (const [seats, bitmap] of [
      [[0], 1],
      [[0, 1, 2], 7],
      [[0, 2], 5],
      [[], 0],
    ] as const) {
      await expect(settle(task, [...seats]))
        .to.be.revertedWithCustomError(queue(), "SessionQueueOpeningsMissing")
        .withArgs(task.id, bitmap, 3);
    }
    await settle(task, [0, 1]);
  });

  it("B2 B4 happens once, and leaves a record that anybody can recompute and nothing changes", async () => {
    const task = await net().submit();
    const receipt = await run(task, (seat) => (seat === 2 ? differing(1, 2, 60) : agreeing(1)));
    const [settled] = eventsIn(receipt, queue(), "TaskSettled");
    const transcript = transcriptOf(task.id, task.terms, task.commits);
    const types = ["bytes32", "bytes32", "uint256"];
    const decided = keccak256(
      AbiCoder.defaultAbiCoder().encode(types, [transcript, keccak256(settled!["outcomes"] as string), settled!["charged"]]),
    );
    const record = await queue().recordOf(task.id);
    expect(record).to.equal(`0x0${Status.Accepted}${decided.slice(2, -2)}`);
    for (const again of [() => settle(task), () => queue().reveal(net().handover(task))]) {
      await expect(again()).to.be.revertedWithCustomError(queue(), "SessionQueueWrongPhase");
    }
    await expect(net().modules.Session.connect(net().client).cancel(task.id, encodeTerms(task.terms))).to.be.revertedWithCustomError(
      queue(),
      "SessionQueueWrongPhase",
    );
    expect(await queue().recordOf(task.id)).to.equal(record);
    expect(record).not.to.equal(termsHash(task.id, task.terms));
  });

  it("A4 nothing is charged beyond the lock at the highest fees, tokens and redundancy", async () => {
    const before = await ledgerOf(net());
    const task = await net().submit(2, { promptTokens: 4_096, maxTokens: 4_096 });
    await run(task, () => agreeing(2).map((answer) => ({ ...answer, tokens: 2 ** 24 - 1 })));
    const change = changeOf(before, await ledgerOf(net()), []);
    expect(-change.available).to.equal(lockOf(task.terms));
    expect(change.locked).to.equal(0n);
  });
});
