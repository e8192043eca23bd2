import { expect } from "chai";
import fc from "fast-check";
import { CONTENT_UNAVAILABLE, isRefusal, TERMS_UNTRUE } from "../../offchain/protocol/judging.ts";
import { type Conduct, type Mark, type Part, partOf } from "../../offchain/protocol/parts.ts";
import { ROUND_ENDINGS, ROUND_KINDS } from "../../offchain/protocol/roundEvents.ts";
import { panelQuorumOf } from "../../offchain/protocol/roundPhases.ts";
import { judge } from "../../offchain/protocol/sketch.ts";
import { panelOutcome, standingOf } from "../../offchain/protocol/verdicts.ts";
import { hex } from "./samples.ts";
import { patience, RUNS, useNetwork } from "./suite.ts";

const NO_SEAT = 255;
const PASSED = 1;
const FAILED = 2;

/** A round that is to be concluded, as `RoundBook.Case` has it, by names. */
interface Case {
  kind: "liveness" | "capability";
  ending: (typeof ROUND_ENDINGS)[number];
  seats: number;
  panelSize: number;
  committed: number;
  revealed: number;
  scored: number;
  opened: number;
  canonical: number;
  agreed: number;
  createdBy: number;
  preparedBy: number;
  quorum: number;
  validators: number;
  bar: number;
  speed: number;
  seated: number[];
  judges: number[];
  /** Seconds and tokens by seat. */
  pace: [number, number][];
  levels: { creator: number; preparer: number; answerers: number[]; validators: number[] };
  words: bigint[];
}

const node = fc.integer({ min: 1, max: 2 ** 24 - 1 });
const bitmap = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const level = fc.integer({ min: 0, max: 10 });
const saturating = fc.integer({ min: 0, max: 65_535 });
const opinion = fc.record({
  finding: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) }),
  score: fc.integer({ min: 0, max: 10 }),
  deviation: fc.integer({ min: 0, max: 65_535 }),
});
const word = fc
  .array(opinion, { minLength: 7, maxLength: 7 })
  .map((seats) =>
    seats.reduceRight((all, { finding, score, deviation }) => (all << 22n) | BigInt(finding | (score << 2) | (deviation << 6)), 0n),
  );
const cases: fc.Arbitrary<Case> = fc
  .record({
    kind: fc.constantFrom("liveness", "capability"),
    ending: fc.oneof({ weight: 4, arbitrary: fc.constant("judged") }, { weight: 1, arbitrary: fc.constantFrom(...ROUND_ENDINGS) }),
    seats: fc.integer({ min: 0, max: 7 }),
    panelSize: fc.integer({ min: 0, max: 4 }),
    committed: fc.oneof(fc.constant(0x7f), bitmap(7)),
    hidden: fc.oneof(fc.constant(0), bitmap(7)),
    scored: fc.oneof(fc.constant(0xf), bitmap(4)),
    kept: fc.oneof(fc.constant(0), bitmap(4)),
    canonical: fc.oneof(fc.constant(NO_SEAT), fc.integer({ min: 0, max: 6 })),
    agreed: fc.oneof(fc.constant(0x7f), bitmap(7)),
    createdBy: fc.oneof(fc.constant(0), node),
    preparedBy: fc.oneof(fc.constant(0), node),
    quorum: fc.integer({ min: 2, max: 7 }),
    validators: fc.integer({ min: 0, max: 4 }),
    bar: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10 })),
    speed: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 100_000 })),
    seated: fc.array(node, { minLength: 7, maxLength: 7 }),
    judges: fc.array(node, { minLength: 4, maxLength: 4 }),
    pace: fc.array(fc.tuple(fc.oneof(fc.integer({ min: 0, max: 60 }), saturating), saturating), { minLength: 7, maxLength: 7 }),
    levels: fc.record({
      creator: level,
      preparer: level,
      answerers: fc.array(level, { minLength: 7, maxLength: 7 }),
      validators: fc.array(level, { minLength: 4, maxLength: 4 }),
    }),
    words: fc.array(word, { minLength: 4, maxLength: 4 }),
  })
  .map(({ hidden, kept, ...one }) => {
    const seats = 2 ** one.seats - 1;
    const panel = 2 ** one.panelSize - 1;
    const committed = one.committed & seats;
    const revealed = committed & ~hidden;
    const scored = one.scored & panel;
    return {
      ...one,
      kind: one.kind,
      ending: one.ending,
      committed,
      revealed,
      scored,
      opened: scored & ~kept,
      agreed: one.agreed & revealed,
      words: one.words.slice(0, one.panelSize),
    };
  });

const isIn = (bits: number, seat: number) => ((bits >> seat) & 1) === 1;
const sizeOf = (bits: number) => [...bits.toString(2)].filter((bit) => bit === "1").length;

function conductOf(committed: number, revealed: number, seat: number, opens: boolean): Conduct {
  if (!isIn(committed, seat)) return "silent";
  if (isIn(revealed, seat)) return "opened";
  return opens ? "unopened" : "excused";
}

/** What the protocol says of every member: written from `IPoUW`'s prose, not from the library. */
function concluded(c: Case) {
  const parts: Part[] = [];
  const work = (who: number, role: "creator" | "preparer", refused: boolean, atLevel: number): Part => ({
    node: who,
    role,
    conduct: "opened",
    mark: refused ? "miss" : "pass",
    level: atLevel,
    line: "health",
    points: refused ? 0 : 2,
  });
  if (c.createdBy !== 0) parts.push(work(c.createdBy, "creator", false, c.levels.creator));
  if (c.preparedBy !== 0) parts.push(work(c.preparedBy, "preparer", c.ending === "content refused", c.levels.preparer));
  const first = parts.length;
  const panelQuorum = panelQuorumOf(c.validators);
  const found = panelOutcome(
    c.words.filter((_, seat) => isIn(c.opened, seat)),
    c.revealed,
    panelQuorum,
    c.bar,
  );
  const agreed = c.canonical === NO_SEAT ? 0 : c.agreed;
  let outcomes = 0;
  for (let seat = 0; seat < c.seats; seat++) {
    const conduct = conductOf(c.committed, c.revealed, seat, sizeOf(c.committed) >= c.quorum);
    let [mark, points]: [Mark, number] = ["none", 0];
    if (conduct === "silent" || conduct === "unopened") {
      mark = "miss";
      outcomes |= FAILED << (4 * seat);
    } else if (conduct === "opened" && c.ending === "judged") {
      const grouped = agreed !== 0 && (c.kind === "liveness" || c.validators === 0);
      if (grouped || found.decided) {
        const good = (!grouped || isIn(agreed, seat)) && !(found.decided && isIn(found.rejected, seat));
        outcomes |= (good ? PASSED : FAILED) << (4 * seat);
        const [seconds, tokens] = c.pace[seat]!;
        const fast = BigInt(tokens) * 1_000n >= BigInt(c.speed) * BigInt(c.levels.answerers[seat]!) * BigInt(seconds);
        if (!good) mark = "miss";
        else if (c.kind === "liveness") [mark, points] = ["pass", 1];
        else [mark, points] = [fast ? "capable" : "miss", found.decided ? found.medians.get(seat)! : 1];
      }
    }
    const line = c.kind === "liveness" ? "liveness" : "health";
    parts.push({ node: c.seated[seat]!, role: "answerer", conduct, mark, level: c.levels.answerers[seat]!, line, points });
  }
  let panelOutcomes = 0;
  for (let seat = 0; seat < c.panelSize; seat++) {
    const conduct = conductOf(c.scored, c.opened, seat, sizeOf(c.scored) >= panelQuorum);
    let [mark, points]: [Mark, number] = ["none", 0];
    if (conduct === "silent" || conduct === "unopened") {
      mark = "miss";
      panelOutcomes |= FAILED << (4 * seat);
    } else if (conduct === "opened" && found.decided) {
      const { near, far } = standingOf(c.words[seat]!, found, c.revealed);
      [mark, points] = near >= far ? ["pass", 2] : ["miss", 0];
    }
    parts.push({ node: c.judges[seat]!, role: "validator", conduct, mark, level: c.levels.validators[seat]!, line: "health", points });
  }
  const medians = [...found.medians].reduce((all, [seat, median]) => all | (BigInt(median) << BigInt(4 * seat)), 0n);
  return { parts, first, outcomes, panelOutcomes, agreed, medians };
}

const membersOf = (nodes: number[]) => nodes.reduceRight((all, one) => (all << 24n) | BigInt(one), 0n);
const bytesOf = (values: number[]) => values.reduceRight((all, one) => (all << 8n) | BigInt(one), 0n);

describe("Parity of conclusions", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: 0, leased: false });

  const encoded = (c: Case) => ({
    facts: {
      ...{ id: 1, tier: 0, step: 0, replaced: 0, since: 0, deadline: 0, seedBlock: 0, threshold: 45, claimed: false, startedAt: 0 },
      ...{ creator: 0, preparer: 0, answerers: 0, panel: 0, late: 0, lates: 0 },
      kind: ROUND_KINDS.indexOf(c.kind),
      ending: ROUND_ENDINGS.indexOf(c.ending),
      seats: c.seats,
      committed: c.committed,
      revealed: c.revealed,
      scored: c.scored,
      opened: c.opened,
      panelSize: c.panelSize,
      canonical: c.canonical,
      agreed: c.agreed,
      createdBy: c.createdBy,
      preparedBy: c.preparedBy,
    },
    rules: {
      ...{ answerers: 7, passesUp: 1, missesDown: 1, drawWindow: 1, claimWindow: 1, createWindow: 1, prepareWindow: 1 },
      ...{ commitWindow: 1, revealWindow: 1, scoreWindow: 1, maxTokens: 1 },
      quorum: c.quorum,
      validators: c.validators,
      bar: c.bar,
      speed: c.speed,
    },
    seated: membersOf(c.seated),
    judges: membersOf(c.judges),
    pace: c.pace.reduceRight((all, [seconds, tokens]) => (all << 32n) | BigInt(seconds) | (BigInt(tokens) << 16n), 0n),
    levels: [bytesOf([c.levels.creator, c.levels.preparer]), bytesOf(c.levels.answerers), bytesOf(c.levels.validators)] as [
      bigint,
      bigint,
      bigint,
    ],
    words: c.words,
  });
  const told = async (c: Case) => {
    const { parts, first, outcomes, panelOutcomes, agreed, medians } = await net().modules.Referee.conclude(encoded(c));
    return {
      parts: parts.map(partOf),
      first: Number(first),
      outcomes: Number(outcomes),
      panelOutcomes: Number(panelOutcomes),
      agreed: Number(agreed),
      medians,
    };
  };

  it(`F4 W10 Referee.conclude says of every member what the rules say, for ${RUNS} rounds`, async () => {
    const marks = new Map<string, number>();
    for (const one of fc.sample(cases, { numRuns: RUNS, seed: 19 })) {
      const wanted = concluded(one);
      expect(await told(one), fc.stringify(one)).to.deep.equal(wanted);
      for (const { role, mark } of wanted.parts) marks.set(`${role} ${mark}`, (marks.get(`${role} ${mark}`) ?? 0) + 1);
    }
    for (const mark of ["answerer none", "answerer pass", "answerer capable", "answerer miss", "validator pass", "validator miss"])
      expect(marks.get(mark), mark).to.be.greaterThan(RUNS / 40);
  });

  it("W10 a capable answer is exactly fast enough, and one token a second less is a miss that keeps its pass", async () => {
    const base: Case = {
      ...fc.sample(cases, { numRuns: 1, seed: 3 })[0]!,
      ...{ kind: "capability", ending: "judged", seats: 1, panelSize: 1, committed: 1, revealed: 1, scored: 1, opened: 1 },
      ...{ canonical: 0, agreed: 1, quorum: 1, validators: 1, bar: 0, speed: 500, words: [0n | (7n << 2n)] },
    };
    const answered = async (seconds: number, tokens: number, atLevel: number, speed = 500) => {
      const one = { ...base, speed, pace: [[seconds, tokens]] as [number, number][], levels: { ...base.levels, answerers: [atLevel] } };
      const { parts, outcomes, first } = await told(one);
      return [parts[first]!.mark, parts[first]!.points, outcomes & 0xf];
    };
    expect(await answered(10, 20, 4)).to.deep.equal(["capable", 7, PASSED]);
    expect(await answered(10, 19, 4)).to.deep.equal(["miss", 7, PASSED]);
    expect(await answered(10, 0, 0), "anything will do at level 0").to.deep.equal(["capable", 7, PASSED]);
    expect(await answered(65_535, 65_535, 2)).to.deep.equal(["capable", 7, PASSED]);
    // 1,000 tokens in 1,500 seconds are 666.7 in 1,000.
    expect(await answered(1_500, 1_000, 1, 666)).to.deep.equal(["capable", 7, PASSED]);
    expect(await answered(1_500, 1_000, 1, 667)).to.deep.equal(["miss", 7, PASSED]);
  });

  it(`F3 Referee.group names seats as judge groups answers, and knows a refusal, for ${RUNS} rounds`, async () => {
    const { Referee } = net().modules;
    const answers = fc.record({
      revealed: bitmap(7),
      /** What each seat answers: few texts, near and far sketches, refusals. */
      texts: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 7, maxLength: 7 }),
      flips: fc.array(fc.constantFrom(0, 0, 3, 44, 45, 46, 90, 128), { minLength: 7, maxLength: 7 }),
      quorum: fc.integer({ min: 2, max: 7 }),
    });
    const TEXTS = [CONTENT_UNAVAILABLE, TERMS_UNTRUE, ...[1, 2, 3].map((text) => hex(BigInt(text) << 200n))];
    let refusals = 0;
    for (const { revealed, texts, flips, quorum } of fc.sample(answers, { numRuns: RUNS, seed: 23 })) {
      const seats = Array.from({ length: 7 }, (_, seat) => seat).filter((seat) => isIn(revealed, seat));
      const digests = seats.map((seat) => TEXTS[texts[seat]!]!);
      const sketches = seats.map((seat) => hex(((1n << BigInt(flips[seat]!)) - 1n) << BigInt(8 * texts[seat]!)));
      const { canonical, accepted, agreed } = judge(digests, sketches, false, 45, quorum);
      const found = await Referee.group(revealed, digests, sketches, 45, quorum);
      const wanted = agreed
        ? [
            BigInt(seats[canonical]!),
            BigInt(seats.reduce((bits, seat, i) => bits | (isIn(accepted, i) ? 1 << seat : 0), 0)),
            isRefusal(digests[canonical]!),
          ]
        : [BigInt(NO_SEAT), 0n, false];
      expect([...found], fc.stringify({ revealed, texts, flips, quorum })).to.deep.equal(wanted);
      if (wanted[2] === true) refusals++;
    }
    expect(refusals).to.be.greaterThan(RUNS / 50);
  });
});
