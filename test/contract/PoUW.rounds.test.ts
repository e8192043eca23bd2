import { expect } from "chai";
import { parseEther, type TransactionReceipt } from "ethers";
import { type Part, partOf } from "../../offchain/protocol/parts.ts";
import { roundCommitment } from "../../offchain/protocol/roundWork.ts";
import { MODEL, type Network } from "./network.ts";
import { answer, Awaits, Ending, Kind, membersOf, Phase, QUESTIONS, RoundDriver, scoring, verdict } from "./rounds.ts";
import { argsIn, eventsIn, now, receiptOf, useNetwork } from "./suite.ts";

function closedIn(net: Network, receipt: Awaited<ReturnType<typeof receiptOf>>) {
  const [closed] = eventsIn(receipt, net.modules.PoUW, "RoundClosed");
  return {
    ending: Number(closed!["ending"]),
    canonical: Number(closed!["canonical"]),
    agreed: Number(closed!["agreed"]),
    medians: closed!["medians"] as bigint,
    parts: [...(closed!["parts"] as bigint[])].map(partOf),
  };
}

describe("PoUW rounds", () => {
  const net = useNetwork({ nodes: 8, leased: false });
  const penaltiesIn = (receipt: TransactionReceipt) =>
    eventsIn(receipt, net().modules.NodePool, "PenaltyTaken").map((args) => [args["node"], args["closedAt"], args["until"]].map(Number));
  const answerParts = (parts: Part[]) => parts.filter(({ role }) => role === "answerer");

  it("W10 a liveness round goes from request to end, every role another node, and answers pass by their meaning", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    expect([await round.phase(), await round.awaits()]).to.deep.equal([Phase.Request, Awaits.Seed]);
    await round.draw();
    expect([await round.phase(), await round.awaits()]).to.deep.equal([Phase.Request, Awaits.Claim]);
    const creator = await round.creator();
    await round.pouw.connect(round.operator(creator)).claim(round.id);
    expect([await round.phase(), await round.awaits()]).to.deep.equal([Phase.Create, Awaits.Topics]);
    await round.pouw.connect(round.operator(creator)).create(round.id, `0x${"01".repeat(32)}`);
    expect([await round.phase(), await round.awaits()]).to.deep.equal([Phase.Prepare, Awaits.Seed]);
    await round.prepare();
    expect(await round.phase()).to.equal(Phase.Start);
    await round.draw();
    expect([await round.phase(), await round.awaits()]).to.deep.equal([Phase.Commit, Awaits.Commitments]);
    const members = await round.answerers();
    const preparer = await round.preparer();
    expect(new Set([creator, preparer, ...members]).size).to.equal(5);
    const openings = [answer(0), answer(1, 3), answer(2, 90)];
    await round.commit(openings);
    await net().networkHelpers.mine(1);
    expect([await round.phase(), await round.awaits()]).to.deep.equal([Phase.Reveal, Awaits.Openings]);
    const closed = closedIn(net(), await round.reveal(openings));
    expect(await round.phase()).to.equal(Phase.Ended);
    expect(closed).to.deep.include({ ending: Ending.Judged, canonical: 0, agreed: 0b011, medians: 0n });
    expect(closed.parts.map(({ node, mark, points }) => ({ node, mark, points }))).to.deep.equal([
      { node: creator, mark: "pass", points: 2 },
      { node: preparer, mark: "pass", points: 2 },
      { node: members[0], mark: "pass", points: 1 },
      { node: members[1], mark: "pass", points: 1 },
      { node: members[2], mark: "miss", points: 0 },
    ]);
    for (const node of [creator, preparer, ...members]) expect((await net().modules.NodePool.nodeOf(node)).lease).to.equal(0n);
  });

  it("W10 a capability round is scored by validators drawn after the reveals, and each median is a part's points", async () => {
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.start();
    const openings = members.map((_, seat) => answer(seat, seat * 30));
    await round.commit(openings);
    await net().networkHelpers.mine(1);
    await round.reveal(openings);
    expect([await round.phase(), await round.awaits()]).to.deep.equal([Phase.Score, Awaits.Seed]);
    await round.draw();
    const panel = await round.validators();
    expect(panel.length).to.equal(2);
    const all = [await round.creator(), await round.preparer(), ...members, ...panel];
    expect(new Set(all).size).to.equal(7);
    const scores = [scoring(0, verdict([8, 3, 6])), scoring(1, verdict([9, 3, 6]))];
    await round.commitScores(scores);
    await net().networkHelpers.mine(1);
    expect(await round.awaits()).to.equal(Awaits.ScoreOpenings);
    const closed = closedIn(net(), await round.revealScores(scores));
    expect(closed.ending).to.equal(Ending.Judged);
    expect(closed.medians).to.equal(0x638n);
    expect(answerParts(closed.parts).map(({ mark, points }) => [mark, points])).to.deep.equal([
      ["capable", 8],
      ["miss", 0],
      ["capable", 6],
    ]);
    expect(closed.parts.filter(({ role }) => role === "validator").map(({ mark, points }) => [mark, points])).to.deep.equal([
      ["pass", 2],
      ["pass", 2],
    ]);
  });

  it("C1 scores committed one by one: the others' time stays open until the last, and openings begin in the second after it", async () => {
    const { PoUW } = net().modules;
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.answered();
    const panel = await round.validators();
    const deadline = async () => (await PoUW.roundOf(round.id)).deadline;
    const until = await deadline();
    const scores = panel.map((_, seat) => scoring(seat, verdict(members.map(() => 7))));
    for (const [seat, node] of panel.entries()) {
      expect(await deadline(), `before seat ${seat}`).to.equal(until);
      const commitment = await PoUW.scoreCommitmentOf(round.id, node, scores[seat]!);
      const receipt = await receiptOf(PoUW.connect(round.operator(node)).commit(round.id, seat, commitment));
      expect(argsIn(receipt, PoUW, "ScoreCommitted")).to.deep.equal([[round.id, BigInt(seat), BigInt(node), commitment]]);
      expect((await PoUW.roundOf(round.id)).scored).to.equal(2n ** BigInt(seat + 1) - 1n);
    }
    expect(await deadline(), "all are in").to.equal(BigInt(await now(net())));
    await round.revealScores(scores);
    expect((await PoUW.roundOf(round.id)).phase).to.equal(BigInt(Phase.Ended));
  });

  it("C2 the commitment of an answer is the typed data that a node computes by itself", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const [node] = await round.start();
    const view = await round.view();
    const opening = answer(0);
    const terms = { model: MODEL, template: view.template, questions: QUESTIONS, maxTokens: Number(view.rules.maxTokens) };
    const domain = { chainId: net().domain.chainId, queue: net().modules.PoUW.target as string };
    expect(await round.commitOf(node!, opening)).to.equal(roundCommitment(domain, Number(round.id), node!, terms, opening));
  });

  it("G1 an absent creator is replaced by another node three times and then the round ends; each late one loses its pass", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const late: number[] = [];
    for (let i = 0; i < 4; i++) {
      await round.draw();
      late.push(await round.creator());
      await round.expire();
      const receipt = await round.advance();
      expect(
        eventsIn(receipt, net().modules.NodePool, "NodeProven").map((event) => [Number(event["node"]), event["passed"]]),
      ).to.deep.equal([[late[i], false]]);
      if (i < 3) expect(await round.phase()).to.equal(Phase.Request);
      else expect(closedIn(net(), receipt)).to.deep.include({ ending: Ending.NoCreator, parts: [] });
    }
    expect(new Set(late).size).to.equal(4);
    expect(await round.phase()).to.equal(Phase.Aborted);
    for (const node of late) {
      const standing = await net().modules.Reputation.standingOf(node);
      expect([standing.createsAsked, standing.creates, standing.score].map(Number)).to.deep.equal([1, 0, 875]);
      expect(await net().modules.NodePool.isEligible(node)).to.equal(true);
    }
  });

  it("G1 an absent preparer is replaced, and the next one finishes the round", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.create();
    await round.draw();
    const late = await round.preparer();
    await round.expire();
    await round.advance();
    await round.prepare();
    expect(await round.preparer()).to.not.equal(late);
    await round.draw();
    const openings = [answer(0), answer(1), answer(2)];
    await round.commit(openings);
    await net().networkHelpers.mine(1);
    expect(closedIn(net(), await round.reveal(openings)).ending).to.equal(Ending.Judged);
  });

  it("G1 absent answerers: a quorum is enough, below it the round aborts, and only the silent lose", async () => {
    const whole = await RoundDriver.open(net(), Kind.Liveness);
    await whole.start();
    await whole.commit([answer(0), answer(2)]);
    await whole.expire();
    expect(await whole.phase()).to.equal(Phase.Reveal);
    const closed = closedIn(net(), await whole.reveal([answer(0), answer(2)]));
    expect(answerParts(closed.parts).map(({ conduct, mark }) => [conduct, mark])).to.deep.equal([
      ["opened", "pass"],
      ["silent", "miss"],
      ["opened", "pass"],
    ]);
    const short = await RoundDriver.open(net(), Kind.Liveness);
    await short.start();
    await short.commit([answer(1)]);
    await short.expire();
    expect(await short.awaits()).to.equal(Awaits.Advance);
    const aborted = closedIn(net(), await short.advance());
    expect(aborted.ending).to.equal(Ending.TooFewCommitments);
    expect(answerParts(aborted.parts).map(({ conduct, mark }) => [conduct, mark])).to.deep.equal([
      ["silent", "miss"],
      ["excused", "none"],
      ["silent", "miss"],
    ]);
  });

  it("C6 a commitment that is not opened costs stake, the round ends on those that were", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    const openings = [answer(0), answer(1), answer(2)];
    await round.commit(openings);
    const closedAt = await now(net());
    await net().networkHelpers.mine(1);
    await round.reveal(openings.slice(0, 2));
    const window = Number((await round.view()).rules.revealWindow);
    await net().networkHelpers.time.increase(window + 2);
    const receipt = await round.advance();
    expect(answerParts(closedIn(net(), receipt).parts)[2]).to.deep.include({ conduct: "unopened", mark: "miss" });
    const [slashed] = eventsIn(receipt, net().modules.NodePool, "NodeSlashed");
    expect([Number(slashed!["node"]), slashed!["taken"]]).to.deep.equal([members[2], parseEther("10")]);
    expect(penaltiesIn(receipt)).to.deep.equal([[members[2], closedAt, closedAt + window]]);
  });

  it("C6 a validator that keeps its scores back loses stake, for the window in which it could have opened them", async () => {
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.answered();
    const panel = await round.validators();
    const scores = panel.map((_, seat) => scoring(seat, verdict(members.map(() => 8))));
    await round.commitScores(scores);
    const closedAt = await now(net());
    await net().networkHelpers.time.increase(1);
    await round.revealScores(scores.slice(1));
    const window = Number((await round.view()).rules.scoreWindow);
    await net().networkHelpers.time.increase(window + 2);
    expect(penaltiesIn(await round.advance())).to.deep.equal([[panel[0], closedAt, closedAt + window]]);
  });

  it("G1 absent validators are replaced by fresh panels, and in the end the round ends undecided", async () => {
    const round = await RoundDriver.open(net(), Kind.Capability);
    await round.answered();
    await round.expire();
    const replaced = await round.advance();
    expect(
      eventsIn(replaced, net().modules.PoUW, "MembersReplaced").map((event) => membersOf(event["members"] as bigint).length),
    ).to.deep.equal([2]);
    // Of eight nodes one is left: too few for another panel, and the draw's deadline ends the wait.
    await net().networkHelpers.mine(2);
    await expect(net().modules.PoUW.advance(round.id)).to.be.revertedWithCustomError(net().modules.PoUW, "PoUWTooFewNodes");
    await round.expire();
    expect(closedIn(net(), await round.advance()).ending).to.equal(Ending.Undecided);
    expect(await round.phase()).to.equal(Phase.Ended);
  });

  it("a question that a quorum cannot answer aborts the round at the preparer's cost", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.start();
    const refusing = [0, 1].map((seat) => ({ ...answer(seat), digest: `0x${"00".repeat(31)}01` }));
    const openings = [...refusing, answer(2, 99)];
    await round.commit(openings);
    await net().networkHelpers.mine(1);
    const closed = closedIn(net(), await round.reveal(openings));
    expect(closed.ending).to.equal(Ending.ContentRefused);
    expect(closed.parts[1]).to.deep.include({ role: "preparer", mark: "miss", points: 0 });
    expect(answerParts(closed.parts).map(({ mark }) => mark)).to.deep.equal(["none", "none", "none"]);
  });

  it("C1 C4 C5 only the seat's operator commits, once, in time; nobody opens early, another's answer, or what was not committed", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    const { PoUW } = net().modules;
    const commitment = await round.commitOf(members[0]!, answer(0));
    await expect(PoUW.connect(net().stranger).commit(round.id, 0, commitment)).to.be.revertedWithCustomError(PoUW, "PoUWNotOperator");
    await expect(PoUW.connect(round.operator(members[0]!)).commit(round.id, 3, commitment)).to.be.revertedWithCustomError(
      PoUW,
      "PoUWNoSeat",
    );
    await PoUW.connect(round.operator(members[0]!)).commit(round.id, 0, commitment);
    await expect(PoUW.connect(round.operator(members[0]!)).commit(round.id, 0, commitment)).to.be.revertedWithCustomError(
      PoUW,
      "PoUWCommitted",
    );
    await expect(round.reveal([answer(0)])).to.be.revertedWithCustomError(PoUW, "PoUWWrongPhase");
    // A copied commitment cannot be opened by the copier.
    await PoUW.connect(round.operator(members[1]!)).commit(round.id, 1, commitment);
    await round.expire();
    await expect(PoUW.connect(round.operator(members[2]!)).commit(round.id, 2, commitment)).to.be.revertedWithCustomError(
      PoUW,
      "PoUWWrongPhase",
    );
    await expect(round.reveal([{ ...answer(0), seat: 1 }])).to.be.revertedWithCustomError(PoUW, "PoUWMismatch");
    await expect(round.reveal([answer(2)])).to.be.revertedWithCustomError(PoUW, "PoUWCommitted");
    await expect(round.reveal([{ ...answer(0), tokens: 41 }])).to.be.revertedWithCustomError(PoUW, "PoUWMismatch");
  });

  it("a carried entry that is wrong is passed over with its reason and costs the others nothing", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    const good = round.sign(members[0]!, 0, await round.commitOf(members[0]!, answer(0)));
    const forged = { ...round.sign(members[0]!, 1, good.commitment), seat: 1 };
    const receipt = await receiptOf(
      round.pouw.commitMany([
        { round: round.id, commitments: [forged, good, { ...good, seat: 9 }] },
        { round: 99, commitments: [good] },
      ]),
    );
    const skipped = eventsIn(receipt, net().modules.PoUW, "CommitmentSkipped").map((event) => Number(event["seat"]));
    expect(skipped).to.deep.equal([1, 9, 0]);
    expect(Number((await round.view()).committed)).to.equal(1);
  });

  it("a bounded number of rounds runs at once, none more often than the interval", async () => {
    const { PoUW } = net().modules;
    await RoundDriver.open(net(), Kind.Liveness);
    await expect(PoUW.open(MODEL, Kind.Liveness, 0)).to.be.revertedWithCustomError(PoUW, "PoUWTooEarly");
    for (let i = 1; i < net().parameters.network.rounds.most; i++) await RoundDriver.open(net(), Kind.Liveness);
    await net().networkHelpers.time.increase(60);
    await expect(PoUW.open(MODEL, Kind.Liveness, 0)).to.be.revertedWithCustomError(PoUW, "PoUWTooManyRounds");
  });

  it("whoever advances what is due earns the bounty, as long as the contract holds COR for it", async () => {
    const { PoUW, COR } = net().modules;
    const { bounty } = net().parameters.network.rounds;
    await COR.transfer(PoUW.target, (bounty * 3n) / 2n);
    const round = await RoundDriver.open(net(), Kind.Liveness);
    expect(await PoUW.bountyOf(net().keeper.address)).to.equal(bounty);
    await round.draw();
    expect(await PoUW.bountyOf(net().keeper.address)).to.equal(bounty);
    await expect(PoUW.advance(round.id)).to.be.revertedWithCustomError(PoUW, "PoUWNotDue");
    await PoUW.connect(net().keeper).withdrawBounty(net().stranger.address);
    expect(await COR.balanceOf(net().stranger.address)).to.equal(bounty);
    await expect(PoUW.connect(net().keeper).withdrawBounty(net().stranger.address)).to.be.revertedWithCustomError(PoUW, "PoUWNothingOwed");
  });

  it("an ended round never changes: everything about it is refused from then on", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.run();
    const { PoUW } = net().modules;
    const node = round.operator(1);
    for (const call of [
      () => PoUW.advance(round.id),
      () => PoUW.connect(node).claim(round.id),
      () => PoUW.connect(node).create(round.id, `0x${"01".repeat(32)}`),
      () => PoUW.connect(node).prepare(round.id, `0x${"01".repeat(32)}`),
      () => PoUW.connect(node).commit(round.id, 0, `0x${"01".repeat(32)}`),
      () => PoUW.reveal(round.id, [answer(0)]),
      () => PoUW.revealScores(round.id, [scoring(0, 0n)]),
    ]) {
      await expect(call())
        .to.be.revertedWithCustomError(PoUW, "PoUWWrongPhase")
        .withArgs(round.id, Phase.Ended, (given: unknown) => given !== undefined);
    }
    for (let i = 0; i < 17; i++) await (await RoundDriver.open(net(), Kind.Liveness)).run();
    expect(await round.phase()).to.equal(Phase.Ended);
  });
});
