import { expect } from "chai";
import { type Result, type TransactionReceipt, ZeroHash } from "ethers";
import { partOf } from "../../offchain/protocol/parts.ts";
import { MODEL } from "./network.ts";
import { answer, Awaits, Ending, Kind, membersOf, Phase, QUESTIONS, RING, RoundDriver, scoring, TOPICS, verdict } from "./rounds.ts";
import { argsIn, asBigInts, errorIn, eventsIn, nextAt, now, plain, receiptOf, useNetwork } from "./suite.ts";

/** Tests of single values: what an event says, where a bound lies, which second is the last. */
describe("PoUW rounds, to the value", () => {
  const net = useNetwork({ nodes: 9, leased: false });
  const pouw = () => net().modules.PoUW;
  const network = () => net().parameters.network;
  const told = (receipt: TransactionReceipt, name: string) => argsIn(receipt, pouw(), name);

  it("W10 every step tells exactly what happened, and waits exactly as long as the rules say", async () => {
    const { SessionQueue: _queue, ...modules } = net().modules;
    const { rules, template } = network().capability;
    await net().networkHelpers.time.increase(network().rounds.interval);
    const opened = await receiptOf(pouw().connect(net().keeper).open(MODEL, Kind.Capability, 0));
    const at = await now(net());
    const seedBlock = BigInt(opened.blockNumber + net().parameters.seedDelay);
    const [event] = eventsIn(opened, pouw(), "RoundOpened");
    const id = event!["round"] as bigint;
    expect(plain(event).map((value) => (value !== null && typeof value === "object" ? (value as Result).toObject() : value))).to.deep.equal(
      [
        id,
        BigInt(Kind.Capability),
        MODEL,
        0n,
        template,
        (await modules.ModelRegistry.modelOf(MODEL)).agreement,
        asBigInts(rules),
        seedBlock,
      ],
    );
    const drawBy = BigInt(at + rules.drawWindow);
    expect(told(opened, "DrawAwaited")).to.deep.equal([[id, 0n, seedBlock, drawBy]]);
    const round = new RoundDriver(net(), id);
    const view = async () => await round.view();
    const seen = await view();
    expect([seen.seedBlock, seen.deadline, seen.createdBy, seen.topics, seen.questions, seen.answerers, seen.validators]).to.deep.equal([
      seedBlock,
      drawBy,
      0n,
      ZeroHash,
      ZeroHash,
      0n,
      0n,
    ]);
    expect([seen.kind, seen.tier, seen.model, seen.template, seen.replaced]).to.deep.equal([
      BigInt(Kind.Capability),
      0n,
      MODEL,
      template,
      0n,
    ]);

    const drawn = async (role: bigint, window: number) => {
      const receipt = await round.draw();
      const [[, roleOf, lease, members, size, deadline]] = told(receipt, "RoleDrawn") as [bigint[]];
      expect([roleOf, deadline]).to.deep.equal([role, BigInt((await now(net())) + window)]);
      const nodes = membersOf(members!);
      expect(nodes.length).to.equal(Number(size));
      for (const node of nodes) expect((await modules.NodePool.nodeOf(node)).lease).to.equal(lease);
      expect((await view()).deadline).to.equal(deadline);
      return nodes;
    };
    const [creator] = await drawn(0n, rules.claimWindow);
    expect((await view()).createdBy).to.equal(BigInt(creator!));
    const claimed = await receiptOf(pouw().connect(round.operator(creator!)).claim(id));
    const createBy = BigInt((await now(net())) + rules.createWindow);
    expect(told(claimed, "RoundClaimed")).to.deep.equal([[id, BigInt(creator!), createBy]]);
    expect((await view()).deadline).to.equal(createBy);
    const created = await receiptOf(pouw().connect(round.operator(creator!)).create(id, TOPICS));
    expect(told(created, "TopicsCreated")).to.deep.equal([[id, BigInt(creator!), TOPICS]]);
    expect((await view()).topics).to.equal(TOPICS);
    const [preparer] = await drawn(1n, rules.prepareWindow);
    expect((await view()).preparedBy).to.equal(BigInt(preparer!));
    const prepared = await receiptOf(pouw().connect(round.operator(preparer!)).prepare(id, QUESTIONS));
    expect(told(prepared, "QuestionsPrepared")).to.deep.equal([[id, BigInt(preparer!), QUESTIONS]]);
    expect((await view()).questions).to.equal(QUESTIONS);
    const members = await drawn(2n, rules.commitWindow);
    const startedAt = await now(net());
    expect((await view()).startedAt).to.equal(BigInt(startedAt));
    expect(membersOf((await view()).answerers)).to.deep.equal(members);
    const openings = members.map((_, seat) => answer(seat, 0, 40 + seat));
    for (const [seat, node] of members.entries()) {
      await nextAt(net(), startedAt + 3 + seat);
      const commitment = await round.commitOf(node, openings[seat]!);
      const receipt = await receiptOf(pouw().connect(round.operator(node)).commit(id, seat, commitment));
      expect(told(receipt, "AnswerCommitted")).to.deep.equal([[id, BigInt(seat), BigInt(node), commitment]]);
      expect((await view()).committed).to.equal(2n ** BigInt(seat + 1) - 1n);
    }
    // The last seat's commitment ends the wait for the others: openings begin in the next second.
    const fullAt = await now(net());
    expect((await view()).deadline).to.equal(BigInt(fullAt));
    await nextAt(net(), fullAt + 1);
    const first = await receiptOf(pouw().reveal(id, [openings[1]!]));
    expect(eventsIn(first, pouw(), "AnswerRevealed").map((args) => [args["round"], args["seat"], args["node"]])).to.deep.equal([
      [id, 1n, BigInt(members[1]!)],
    ]);
    expect(plain(await pouw().answerOf(id, 1))).to.deep.equal([openings[1]!.digest, openings[1]!.sketch, 41n, 4n]);
    expect(plain(await pouw().answerOf(id, 0))).to.deep.equal([ZeroHash, ZeroHash, 0n, 0n]);
    expect(plain(await pouw().answerOf(id + RING, 1))).to.deep.equal([ZeroHash, ZeroHash, 0n, 0n]);
    const half = await view();
    expect([half.revealed, half.deadline]).to.deep.equal([0b010n, BigInt(fullAt + rules.revealWindow)]);
    // What is open already is passed over, and costs nobody anything.
    const rest = await receiptOf(pouw().reveal(id, openings));
    expect(eventsIn(rest, pouw(), "AnswerRevealed").map((args) => args["seat"])).to.deep.equal([0n, 2n]);
    expect(told(rest, "DrawAwaited").map(([, role]) => role)).to.deep.equal([3n]);
    const panel = await drawn(3n, rules.scoreWindow);
    expect(membersOf((await view()).validators)).to.deep.equal(panel);
    const scores = panel.map((_, seat) => scoring(seat, verdict([8, 7, 6])));
    const scored = await round.commitScores(scores);
    expect(eventsIn(scored, pouw(), "ScoreCommitted").map((args) => [args["seat"], Number(args["node"])])).to.deep.equal(
      panel.map((node, seat) => [BigInt(seat), node]),
    );
    const scoredAt = await now(net());
    expect((await view()).scored).to.equal(0b11n);
    expect((await view()).deadline).to.equal(BigInt(await now(net())));
    await net().networkHelpers.time.increase(1);
    const one = await round.revealScores([scores[0]!]);
    expect(told(one, "ScoreRevealed")).to.deep.equal([[id, 0n, BigInt(panel[0]!), scores[0]!.verdict, scores[0]!.evidence]]);
    const opening = await view();
    expect([opening.opened, opening.awaits]).to.deep.equal([1n, BigInt(Awaits.ScoreOpenings)]);
    expect(opening.deadline).to.equal(BigInt(scoredAt + rules.scoreWindow));
    const closed = await round.revealScores(scores);
    const [ended] = eventsIn(closed, pouw(), "RoundClosed");
    expect([ended!["ending"], ended!["canonical"], ended!["agreed"], ended!["medians"]]).to.deep.equal([
      BigInt(Ending.Judged),
      0n,
      0b111n,
      0x678n,
    ]);
    expect(
      [...(ended!["parts"] as bigint[])].map((word) => partOf(word)).map(({ node, role, points }) => [node, role, points]),
    ).to.deep.equal([
      [creator, "creator", 2],
      [preparer, "preparer", 2],
      [members[0], "answerer", 8],
      [members[1], "answerer", 7],
      [members[2], "answerer", 6],
      [panel[0], "validator", 2],
      [panel[1], "validator", 2],
    ]);
    const last = await view();
    expect([last.phase, last.awaits, last.ending, last.deadline, last.seedBlock]).to.deep.equal([
      BigInt(Phase.Ended),
      BigInt(Awaits.Nothing),
      BigInt(Ending.Judged),
      0n,
      0n,
    ]);
    expect(await pouw().roundCount()).to.deep.equal([id, 0n]);
  });

  it("C1 in every phase, only what belongs to it is accepted, and the error says which phase was found and which wanted", async () => {
    const round = await RoundDriver.open(net(), Kind.Capability);
    const one = `0x${"01".repeat(32)}`;
    const acts: [name: string, wanted: number, act: () => Promise<unknown>][] = [
      ["claim", Phase.Request, () => pouw().claim.staticCall(round.id)],
      ["create", Phase.Create, () => pouw().create.staticCall(round.id, one)],
      ["prepare", Phase.Prepare, () => pouw().prepare.staticCall(round.id, one)],
      ["commit", Phase.Commit, () => pouw().commit.staticCall(round.id, 0, one)],
      ["reveal", Phase.Reveal, () => pouw().reveal.staticCall(round.id, [])],
      ["revealScores", Phase.Score, () => pouw().revealScores.staticCall(round.id, [])],
    ];
    /** Which acts get past the phase, whoever asks. */
    const accepted = async () => {
      const passed: string[] = [];
      const found = BigInt(await round.phase());
      for (const [name, wanted, act] of acts) {
        const error = await act().then(
          () => undefined,
          (failure: unknown) => errorIn(pouw(), (failure as { data: string }).data),
        );
        if (error?.name !== "PoUWWrongPhase") passed.push(name);
        // Of a round that is over nothing but the round itself is wanted.
        else
          expect(plain(error.args), name).to.deep.equal([round.id, found, BigInt(found === BigInt(Phase.Ended) ? Phase.Request : wanted)]);
      }
      return passed;
    };
    const walk: string[][] = [];
    const look = async () => walk.push(await accepted());
    await look();
    await round.draw();
    await look();
    await pouw()
      .connect(round.operator(await round.creator()))
      .claim(round.id);
    await look();
    await pouw()
      .connect(round.operator(await round.creator()))
      .create(round.id, TOPICS);
    await look();
    await round.draw();
    await look();
    await pouw()
      .connect(round.operator(await round.preparer()))
      .prepare(round.id, QUESTIONS);
    await look();
    await round.draw();
    await look();
    const openings = (await round.answerers()).map((_, seat) => answer(seat));
    await round.commit(openings);
    await net().networkHelpers.mine(1);
    await look();
    await round.reveal(openings);
    await look();
    await round.draw();
    await look();
    const scores = (await round.validators()).map((_, seat) => scoring(seat, verdict([8, 8, 8])));
    await round.commitScores(scores);
    await net().networkHelpers.mine(1);
    await look();
    await round.revealScores(scores);
    await look();
    expect(walk).to.deep.equal([
      [],
      ["claim", "create"],
      ["create"],
      [],
      ["prepare"],
      [],
      ["commit"],
      ["reveal"],
      [],
      ["commit"],
      ["revealScores"],
      [],
    ]);
  });

  it("H4 only the drawn node's operator claims, creates and prepares, and not nothing", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.draw();
    const { stranger, modules } = net();
    const creator = await round.creator();
    const notOperator = async (act: Promise<unknown>, node: number) =>
      await expect(act)
        .to.be.revertedWithCustomError(pouw(), "PoUWNotOperator")
        .withArgs(round.id, stranger.address, await modules.NodePool.operatorOf(node));
    await notOperator(pouw().connect(stranger).claim(round.id), creator);
    await notOperator(pouw().connect(stranger).create(round.id, TOPICS), creator);
    const own = pouw().connect(round.operator(creator));
    await expect(own.create(round.id, ZeroHash)).to.be.revertedWithCustomError(pouw(), "PoUWEmpty").withArgs(round.id);
    // Without a claim too.
    await own.create(round.id, TOPICS);
    await round.draw();
    const preparer = await round.preparer();
    await notOperator(pouw().connect(stranger).prepare(round.id, QUESTIONS), preparer);
    await expect(pouw().connect(round.operator(preparer)).prepare(round.id, ZeroHash))
      .to.be.revertedWithCustomError(pouw(), "PoUWEmpty")
      .withArgs(round.id);
  });

  it("a node whose key changed may still answer with the one before, for as long as that overlaps", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    const { NodePool } = net().modules;
    const { stranger } = net();
    const node = members[0]!;
    await NodePool.connect(round.operator(node)).proposeOperator(node, stranger.address);
    await NodePool.connect(stranger).acceptOperator(node);
    const commitment = await round.commitOf(node, answer(0));
    expect(told(await receiptOf(pouw().connect(round.operator(node)).commit(round.id, 0, commitment)), "AnswerCommitted").length).to.equal(
      1,
    );
    const second = members[1]!;
    await expect(pouw().connect(stranger).commit(round.id, 1, commitment))
      .to.be.revertedWithCustomError(pouw(), "PoUWNotOperator")
      .withArgs(round.id, stranger.address, await NodePool.operatorOf(second));
  });

  it("C1 C4 a commitment that is refused says why, one by one and carried alike", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    const commitment = await round.commitOf(members[0]!, answer(0));
    const [first, second] = [round.operator(members[0]!), round.operator(members[1]!)];
    const { NodePool } = net().modules;
    await expect(pouw().connect(first).commit(round.id, 3, commitment))
      .to.be.revertedWithCustomError(pouw(), "PoUWNoSeat")
      .withArgs(round.id, 3, 3);
    await expect(pouw().connect(first).commit(round.id, 0, ZeroHash))
      .to.be.revertedWithCustomError(pouw(), "PoUWEmpty")
      .withArgs(round.id);
    await pouw().connect(first).commit(round.id, 0, commitment);
    await expect(pouw().connect(first).commit(round.id, 0, commitment))
      .to.be.revertedWithCustomError(pouw(), "PoUWCommitted")
      .withArgs(round.id, 0, true);
    const good = round.sign(members[1]!, 1, await round.commitOf(members[1]!, answer(1)));
    const receipt = await receiptOf(
      pouw().commitMany([
        {
          round: round.id,
          commitments: [
            { ...good, seat: 0 },
            { ...good, seat: 3 },
            { ...good, commitment: ZeroHash },
            { ...good, seat: 2 },
            { ...good, r: ZeroHash, vs: ZeroHash },
            good,
            good,
          ],
        },
        { round: round.id + RING, commitments: [good] },
        { round: round.id + 1n, commitments: [good] },
      ]),
    );
    const skipped = eventsIn(receipt, pouw(), "CommitmentSkipped").map((args) => {
      const error = errorIn(pouw(), args["reason"] as string);
      return [args["round"], args["seat"], error.name];
    });
    expect(skipped).to.deep.equal([
      [round.id, 0n, "PoUWCommitted"],
      [round.id, 3n, "PoUWNoSeat"],
      [round.id, 1n, "PoUWEmpty"],
      [round.id, 2n, "PoUWNotOperator"],
      [round.id, 1n, "PoUWNotOperator"],
      [round.id, 1n, "PoUWCommitted"],
      [round.id + RING, 1n, "PoUWWrongPhase"],
      [round.id + 1n, 1n, "PoUWWrongPhase"],
    ]);
    expect(told(receipt, "AnswerCommitted")).to.deep.equal([[round.id, 1n, BigInt(members[1]!), good.commitment]]);
    expect((await round.view()).committed).to.equal(0b11n);
    expect(second.address).to.equal(await NodePool.operatorOf(members[1]!));
  });

  it("C2 C5 openings are refused with what was found and wanted, malformed scores too", async () => {
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.start();
    const openings = members.map((_, seat) => answer(seat));
    await round.commit(openings.slice(0, 2));
    await round.expire();
    const wrong = { ...answer(0), tokens: 41 };
    await expect(pouw().reveal(round.id, [wrong]))
      .to.be.revertedWithCustomError(pouw(), "PoUWMismatch")
      .withArgs(round.id, 0, await round.commitOf(members[0]!, wrong), await round.commitOf(members[0]!, answer(0)));
    await expect(pouw().reveal(round.id, [answer(2)]))
      .to.be.revertedWithCustomError(pouw(), "PoUWCommitted")
      .withArgs(round.id, 2, false);
    await expect(pouw().reveal(round.id, [{ ...answer(2), seat: 3 }]))
      .to.be.revertedWithCustomError(pouw(), "PoUWNoSeat")
      .withArgs(round.id, 3, 3);
    await round.reveal(openings.slice(0, 2));
    await round.draw();
    const panel = await round.validators();
    const malformed = scoring(0, verdict([11, 8]));
    const beyond = scoring(1, verdict([8, 8]) | (1n << 198n));
    await round.commitScores([malformed, beyond]);
    await net().networkHelpers.mine(1);
    for (const one of [malformed, beyond])
      await expect(pouw().revealScores(round.id, [one]))
        .to.be.revertedWithCustomError(pouw(), "PoUWMalformed")
        .withArgs(round.id, one.seat, one.verdict);
    const other = scoring(0, verdict([8, 8]));
    await expect(pouw().revealScores(round.id, [other]))
      .to.be.revertedWithCustomError(pouw(), "PoUWMismatch")
      .withArgs(
        round.id,
        0,
        await pouw().scoreCommitmentOf(round.id, panel[0]!, other),
        await pouw().scoreCommitmentOf(round.id, panel[0]!, malformed),
      );
    await expect(pouw().revealScores(round.id, [{ ...other, seat: 2 }]))
      .to.be.revertedWithCustomError(pouw(), "PoUWNoSeat")
      .withArgs(round.id, 2, 2);
  });

  it("F4 what was answered late or long is booked as such: seconds from the draw, tokens up to what the rules let", async () => {
    const { rules, template } = network().liveness;
    await pouw().setRules(Kind.Liveness, { ...rules, maxTokens: 50 }, template);
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    const startedAt = await now(net());
    const openings = members.map((_, seat) => answer(seat, 0, [49, 50, 51][seat]));
    for (const [seat, node] of members.entries()) {
      await nextAt(net(), startedAt + [0, 20, 60][seat]! + (seat === 0 ? 1 : 0));
      await pouw()
        .connect(round.operator(node))
        .commit(round.id, seat, await round.commitOf(node, openings[seat]!));
    }
    await net().networkHelpers.time.increase(1);
    await round.reveal(openings.slice(0, 2));
    const paceOf = async (seat: number) => plain(await pouw().answerOf(round.id, seat)).slice(2);
    expect([await paceOf(0), await paceOf(1), await paceOf(2)]).to.deep.equal([
      [49n, 1n],
      [50n, 20n],
      [0n, 0n],
    ]);
    await round.reveal(openings.slice(2));
    expect(await paceOf(2), "of a round that has ended, until its place is taken").to.deep.equal([50n, 60n]);
  });
});
