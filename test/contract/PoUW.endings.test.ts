import { expect } from "chai";
import { type Result, type TransactionReceipt, TypedDataEncoder, ZeroHash } from "ethers";
import { partOf } from "../../offchain/protocol/parts.ts";
import { VERDICT_TYPES } from "../../offchain/protocol/verdicts.ts";
import { MODEL } from "./network.ts";
import { answer, Awaits, Ending, Kind, membersOf, numberNext, Phase, QUESTIONS, RING, RoundDriver, scoring, verdict } from "./rounds.ts";
import { asBigInts, eventsIn, plain, useNetwork } from "./suite.ts";

/** Answers of which no two are near. */
const DIFFERENT = ["00", "ff", "0f"].map((byte, seat) => ({ ...answer(seat, 60 * seat), sketch: `0x${byte.repeat(32)}` }));

/** What becomes of members that are late or silent, how rounds end, and that one round's place tells nothing of another's. */
describe("PoUW endings", () => {
  const net = useNetwork({ nodes: 12, leased: false }, async ({ modules, operators }) => {
    for (const node of operators.keys()) await modules.NodePool.setLevel(node, node % 11);
  });
  const pouw = () => net().modules.PoUW;
  const network = () => net().parameters.network;
  const booked = (receipt: TransactionReceipt) =>
    eventsIn(receipt, net().modules.Reputation, "PartsBooked").map((args) => [...(args["parts"] as bigint[])].map((word) => partOf(word)));
  const proven = (receipt: TransactionReceipt) =>
    eventsIn(receipt, net().modules.NodePool, "NodeProven").map((args) => [Number(args["node"]), args["passed"]]);
  const endings = (receipt: TransactionReceipt) =>
    eventsIn(receipt, pouw(), "RoundClosed").map((args) => [Number(args["ending"]), Number(args["canonical"]), Number(args["agreed"])]);
  const levelOf = (node: number) => node % 11;

  it("begins with the rules that it was deployed with, of each kind", async () => {
    for (const [kind, { rules, template }] of [
      [Kind.Liveness, network().liveness],
      [Kind.Capability, network().capability],
    ] as const) {
      const [found, of] = await pouw().rulesOf(kind);
      expect([(found as unknown as Result).toObject(), of]).to.deep.equal([asBigInts(rules), template]);
    }
    expect((await pouw().rulesOf(0))[0].answerers).to.equal(0n);
  });

  it("G1 who is late in a role is booked in it, loses its pass, and leaves nothing to the next one", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.draw();
    const creator = await round.creator();
    await pouw().connect(round.operator(creator)).claim(round.id);
    await round.expire();
    const first = await round.advance();
    const late = (node: number, role: string) => ({
      node,
      role,
      conduct: "silent",
      mark: "miss",
      level: levelOf(node),
      line: "health",
      points: 0,
    });
    expect(booked(first)).to.deep.equal([[late(creator, "creator")]]);
    expect(proven(first)).to.deep.equal([[creator, false]]);
    expect((await net().modules.NodePool.nodeOf(creator)).lease).to.equal(0n);
    await round.draw();
    expect(await round.awaits(), "the claim of the one before is gone").to.equal(Awaits.Claim);
    const second = await round.creator();
    await pouw()
      .connect(round.operator(second))
      .create(round.id, `0x${"01".repeat(32)}`);
    await round.draw();
    const preparer = await round.preparer();
    await round.expire();
    const receipt = await round.advance();
    expect(eventsIn(receipt, pouw(), "MembersReplaced").map((args) => [args["role"], args["members"]])).to.deep.equal([
      [1n, BigInt(preparer)],
    ]);
    expect(booked(receipt)).to.deep.equal([[late(preparer, "preparer")]]);
    expect(proven(receipt)).to.deep.equal([[preparer, false]]);
    const view = await round.view();
    expect([view.preparedBy, view.createdBy, view.replaced, view.awaits]).to.deep.equal([0n, BigInt(second), 2n, BigInt(Awaits.Seed)]);
    await round.prepare();
    expect([creator, second, preparer]).to.not.include(await round.preparer());
    await round.draw();
    const members = await round.answerers();
    for (const node of [creator, second, preparer]) expect(members).to.not.include(node);
  });

  it("G1 the fourth preparer that is late ends the round, at its own cost alone: whoever made the topics did its part", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.create();
    const creator = Number((await round.view()).createdBy);
    const late: number[] = [];
    let receipt!: TransactionReceipt;
    for (let i = 0; i < 4; i++) {
      await round.draw();
      late.push(await round.preparer());
      await round.expire();
      receipt = await round.advance();
      expect(await round.phase()).to.equal(i < 3 ? Phase.Prepare : Phase.Aborted);
    }
    expect(new Set([creator, ...late]).size).to.equal(5);
    const [closed] = eventsIn(receipt, pouw(), "RoundClosed");
    expect(closed!["ending"]).to.equal(BigInt(Ending.NoPreparer));
    const told = booked(receipt).map((parts) => parts.map(({ node, role, mark, points }) => ({ node, role, mark, points })));
    expect(told).to.deep.equal([
      [{ node: late[3], role: "preparer", mark: "miss", points: 0 }],
      [{ node: creator, role: "creator", mark: "pass", points: 2 }],
    ]);
    expect(proven(receipt)).to.deep.equal([[late[3], false]]);
  });

  it("G1 of a panel that is too small at its deadline, only the silent lose, and another one is drawn", async () => {
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.answered();
    const panel = await round.validators();
    await round.commitScores([scoring(1, verdict(members.map(() => 8)))]);
    await round.expire();
    const receipt = await round.advance();
    expect(eventsIn(receipt, pouw(), "MembersReplaced").map((args) => [args["role"], membersOf(args["members"] as bigint)])).to.deep.equal([
      [3n, panel],
    ]);
    const part = (seat: number, conduct: string, mark: string) => {
      const node = panel[seat]!;
      return { node, role: "validator", conduct, mark, level: levelOf(node), line: "health", points: 0 };
    };
    expect(booked(receipt)).to.deep.equal([[part(0, "silent", "miss"), part(1, "excused", "none")]]);
    expect(proven(receipt)).to.deep.equal([[panel[0], false]]);
    for (const node of panel) expect((await net().modules.NodePool.nodeOf(node)).lease).to.equal(0n);
    const view = await round.view();
    expect([view.validators, view.scored, view.replaced, view.awaits]).to.deep.equal([0n, 0n, 1n, BigInt(Awaits.Seed)]);
    await round.draw();
    for (const node of await round.validators()) expect([...panel, ...members]).to.not.include(node);
  });

  it("C6 too few openings abort a round: those who kept theirs back lose stake and pass, the one who opened nothing", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    await round.commit([answer(0), answer(1)]);
    await round.expire();
    await round.reveal([answer(1)]);
    await round.expire();
    const receipt = await round.advance();
    expect(endings(receipt)).to.deep.equal([[Ending.TooFewOpenings, 255, 0]]);
    expect(await round.phase()).to.equal(Phase.Aborted);
    expect((await round.view()).ending).to.equal(BigInt(Ending.TooFewOpenings));
    expect(eventsIn(receipt, net().modules.NodePool, "NodeSlashed").map((args) => Number(args["node"]))).to.deep.equal([members[0]]);
    expect(proven(receipt)).to.deep.equal([
      [members[0], false],
      [members[2], false],
    ]);
  });

  it("F3 answers that stand apart leave a liveness round undecided, without marks and without losses", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const receipt = await round.run(DIFFERENT);
    expect(endings(receipt)).to.deep.equal([[Ending.Undecided, 255, 0]]);
    expect(await round.phase()).to.equal(Phase.Ended);
    expect(proven(receipt)).to.deep.equal([]);
    const answers = booked(receipt)[0]!.filter(({ role }) => role === "answerer");
    expect(answers.map(({ mark, points }) => [mark, points])).to.deep.equal(Array(3).fill(["none", 0]));
  });

  it("G1 without a panel, a liveness round is judged by its answers alone, where they agree", async () => {
    const { rules, template } = network().liveness;
    await pouw().setRules(Kind.Liveness, { ...rules, validators: 2 }, template);
    const ended = async (openings: ReturnType<typeof answer>[]) => {
      const round = await RoundDriver.open(net(), Kind.Liveness);
      await round.start();
      await round.commit(openings);
      await net().networkHelpers.mine(1);
      await round.reveal(openings);
      expect(await round.phase()).to.equal(Phase.Score);
      await round.expire();
      return endings(await round.advance());
    };
    expect(await ended([answer(0), answer(1), answer(2, 90)])).to.deep.equal([[Ending.Judged, 0, 0b011]]);
    expect(await ended(DIFFERENT)).to.deep.equal([[Ending.Undecided, 255, 0]]);
  });

  it("F1 what a round's members did counts for the epoch's rewards; a round without members counts for nobody and opens no epoch", async () => {
    const { Rewards, Reputation, NodePool } = net().modules;
    const empty = await RoundDriver.open(net(), Kind.Liveness);
    await empty.expire();
    const none = await empty.advance();
    expect(endings(none)).to.deep.equal([[Ending.NoNodes, 255, 0]]);
    expect(eventsIn(none, Reputation, "PartsBooked").length + eventsIn(none, Rewards, "PartsCounted").length).to.equal(0);
    // The pool's lists move again.
    const free = [...net().operators.keys()][0]!;
    await NodePool.connect(net().operators.get(free)).serve(free, MODEL, false);
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const receipt = await round.run();
    const counted = eventsIn(receipt, Rewards, "PartsCounted");
    expect(counted.map((args) => [...(args["parts"] as bigint[])].map((word) => partOf(word)))).to.deep.equal(booked(receipt));
    const epoch = counted[0]!["epoch"] as bigint;
    for (const { node } of booked(receipt)[0]!) expect((await Rewards.tallyOf(epoch, node)).asked).to.equal(1n);
  });

  it("a place that another round had tells nothing of it, and a round whose place was taken only how it ended", async () => {
    const first = await RoundDriver.open(net(), Kind.Capability);
    await first.run([answer(0), answer(1), answer(2, 90)]);
    expect(plain(await pouw().answerOf(first.id, 2)).slice(0, 2)).to.deep.equal([answer(2, 90).digest, answer(2, 90).sketch]);
    await numberNext(net(), first.id + RING);
    const next = await RoundDriver.open(net(), Kind.Capability);
    expect(next.id % RING).to.equal(first.id % RING);
    const nothing = async () => {
      const { topics, questions, answerers, startedAt, validators, committed, revealed, scored, opened } = await next.view();
      return { topics, questions, answerers, startedAt, validators, seats: committed | revealed | scored | opened };
    };
    const empty = { topics: ZeroHash, questions: ZeroHash, answerers: 0n, startedAt: 0n, validators: 0n, seats: 0n };
    expect(await nothing()).to.deep.equal(empty);
    await next.draw();
    expect(await nothing()).to.deep.equal(empty);
    await pouw()
      .connect(next.operator(await next.creator()))
      .create(next.id, `0x${"03".repeat(32)}`);
    expect(await nothing()).to.deep.equal({ ...empty, topics: `0x${"03".repeat(32)}` });
    await next.draw();
    expect(await nothing()).to.deep.equal({ ...empty, topics: `0x${"03".repeat(32)}` });
    await pouw()
      .connect(next.operator(await next.preparer()))
      .prepare(next.id, QUESTIONS);
    expect(await nothing()).to.deep.equal({ ...empty, topics: `0x${"03".repeat(32)}`, questions: QUESTIONS });
    const old = await pouw().roundOf(first.id);
    expect([old.round, old.phase, old.ending, old.kind, old.model, old.createdBy, old.deadline, old.rules.answerers]).to.deep.equal([
      first.id,
      BigInt(Phase.Ended),
      BigInt(Ending.Judged),
      0n,
      ZeroHash,
      0n,
      0n,
      0n,
    ]);
    expect(plain(await pouw().answerOf(first.id, 0))).to.deep.equal([ZeroHash, ZeroHash, 0n, 0n]);
    const ghost = await pouw().roundOf(first.id + 2n * RING);
    expect([ghost.phase, ghost.ending, ghost.kind]).to.deep.equal([0n, 0n, 0n]);
  });

  it("F3 rounds of high numbers are grouped, ended and remembered by their own places", async () => {
    await RoundDriver.open(net(), Kind.Liveness);
    await numberNext(net(), 4_159n);
    const round = await RoundDriver.open(net(), Kind.Capability);
    const receipt = await round.run([answer(0), answer(1, 90), answer(2)]);
    expect(endings(receipt)).to.deep.equal([[Ending.Judged, 0, 0b101]]);
    expect(await round.phase()).to.equal(Phase.Ended);
    expect(plain(await pouw().answerOf(4_159n, 1)).slice(0, 2)).to.deep.equal([answer(1, 90).digest, answer(1, 90).sketch]);
    const aborted = await RoundDriver.open(net(), Kind.Liveness);
    await aborted.expire();
    await aborted.advance();
    const view = await pouw().roundOf(aborted.id);
    expect([view.phase, view.ending]).to.deep.equal([BigInt(Phase.Aborted), BigInt(Ending.NoNodes)]);
    for (const id of [4_158n, 4_161n, 4_095n, 4_223n]) expect((await pouw().roundOf(id)).phase, String(id)).to.equal(0n);
  });

  it("C2 the commitment of scores is the typed data that a validator computes by itself; tokens are booked up to what 16 bits hold", async () => {
    const { rules, template } = network().capability;
    await pouw().setRules(Kind.Capability, { ...rules, maxTokens: 70_000 }, template);
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.start();
    const openings = members.map((_, seat) => answer(seat, 0, [65_534, 65_536, 69_999][seat]));
    await round.commit(openings);
    await net().networkHelpers.mine(1);
    await round.reveal(openings);
    const tokens = await Promise.all(members.map(async (_, seat) => (await pouw().answerOf(round.id, seat)).tokens));
    expect(tokens).to.deep.equal([65_534n, 65_535n, 65_535n]);
    const domain = { name: "Corroborate", version: "1", chainId: net().domain.chainId, verifyingContract: pouw().target as string };
    const one = scoring(1, verdict([8, 2, 5]));
    expect(await pouw().scoreCommitmentOf(round.id, 7, one)).to.equal(
      TypedDataEncoder.hash(domain, VERDICT_TYPES, { task: round.id, round: 0, author: 7, ...one }),
    );
  });

  it("G1 a round whose next creator, preparer or panel is drawn too late ends as if nobody had been in that role", async () => {
    const { NodePool } = net().modules;
    const lost = async (round: RoundDriver) => {
      await round.expire();
      const replaced = await round.advance();
      expect(proven(replaced).map(([, passed]) => passed)).to.include(false);
      await round.expire();
      const receipt = await round.advance();
      const { createdBy, preparedBy, validators } = await round.view();
      // The pool's lists move again.
      await NodePool.connect(net().operators.get(1)).serve(1, MODEL, false);
      return { ended: endings(receipt), proven: proven(receipt), left: [createdBy, preparedBy, validators].map(Boolean) };
    };
    const first = await RoundDriver.open(net(), Kind.Liveness);
    await first.draw();
    expect(await lost(first)).to.deep.equal({ ended: [[Ending.NoNodes, 255, 0]], proven: [], left: [false, false, false] });
    const second = await RoundDriver.open(net(), Kind.Liveness);
    await second.create();
    await second.draw();
    expect(await lost(second)).to.deep.equal({ ended: [[Ending.NoNodes, 255, 0]], proven: [], left: [true, false, false] });
    const third = await RoundDriver.open(net(), Kind.Capability);
    await third.answered();
    expect(await lost(third)).to.deep.equal({ ended: [[Ending.Undecided, 0, 0b111]], proven: [], left: [true, true, false] });
  });

  it("G1 too few commitments abort a round; whoever committed loses no stake, for there was nothing to open", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    await round.commit([answer(1)]);
    await round.expire();
    const receipt = await round.advance();
    expect(endings(receipt)).to.deep.equal([[Ending.TooFewCommitments, 255, 0]]);
    expect(eventsIn(receipt, net().modules.NodePool, "NodeSlashed")).to.deep.equal([]);
    expect(proven(receipt)).to.deep.equal([
      [members[0], false],
      [members[2], false],
    ]);
  });

  it("C6 of a panel, whoever keeps its scores back loses stake and pass, and too few opened scores decide nothing", async () => {
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.answered();
    const panel = await round.validators();
    const scores = panel.map((_, seat) => scoring(seat, verdict(members.map(() => 8))));
    await round.commitScores(scores);
    await net().networkHelpers.mine(1);
    await round.revealScores(scores.slice(0, 1));
    await round.expire();
    const receipt = await round.advance();
    expect(endings(receipt)).to.deep.equal([[Ending.Undecided, 0, 0b111]]);
    expect(eventsIn(receipt, net().modules.NodePool, "NodeSlashed").map((args) => Number(args["node"]))).to.deep.equal([panel[1]]);
    expect(proven(receipt)).to.deep.include([panel[1], false]);
  });

  it("G1 the fourth panel that is too small ends the round; each silent member loses its pass, and nobody loses stake", async () => {
    const { NodePool } = net().modules;
    for (let i = 0; i < 3; i++) await NodePool.setLevel(await net().addNode(), 5);
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.answered();
    for (let replaced = 0; replaced < 4; replaced++) {
      if (replaced > 0) await round.draw();
      const panel = await round.validators();
      expect(panel.length).to.equal(2);
      await round.commitScores([scoring(0, verdict(members.map(() => 8)))]);
      await round.expire();
      const receipt = await round.advance();
      expect(proven(receipt)).to.deep.include([panel[1], false]);
      expect(proven(receipt)).to.not.deep.include([panel[0], false]);
      expect(eventsIn(receipt, NodePool, "NodeSlashed")).to.deep.equal([]);
      expect(endings(receipt)).to.deep.equal(replaced < 3 ? [] : [[Ending.Undecided, 0, 0b111]]);
    }
  });
});
