import { expect } from "chai";
import fc from "fast-check";
import {
  FINDING,
  opinionIn,
  type Opinion,
  packVerdict,
  panelOutcome,
  standingOf,
  thousandthsOf,
} from "../../../offchain/protocol/verdicts.ts";

const opinion = (changes: Partial<Opinion> = {}): Opinion => ({ finding: FINDING.genuine, score: 8, deviation: 0, ...changes });
const word = (...opinions: Partial<Opinion>[]) => packVerdict(new Map(opinions.map((one, seat) => [seat, opinion(one)])));
const arbitrary = fc.record({
  finding: fc.constantFrom(...Object.values(FINDING)),
  score: fc.integer({ min: 0, max: 10 }),
  deviation: fc.integer({ min: 0, max: 65_535 }),
});

describe("verdict words", () => {
  it("hold every opinion of nine seats", () => {
    fc.assert(
      fc.property(fc.array(arbitrary, { minLength: 9, maxLength: 9 }), (opinions) => {
        const packed = packVerdict(new Map(opinions.map((one, seat) => [seat, one])));
        expect(opinions.map((_, seat) => opinionIn(packed, seat))).to.deep.equal(opinions);
      }),
    );
  });

  it("refuse what does not fit", () => {
    expect(() => word({ score: 11 })).to.throw(RangeError, "score 11");
    expect(() => packVerdict(new Map([[9, opinion()]]))).to.throw(RangeError, "seat 9");
    expect(thousandthsOf(1e9)).to.equal(65_535);
    expect(thousandthsOf(0.0364)).to.equal(36);
  });
});

describe("the outcome of a panel", () => {
  it("rejects what a quorum finds bad, and what lies below the bar", () => {
    const bad = { finding: FINDING.notGenuine, score: 0 };
    const words = [word({}, bad, { score: 3 }), word({}, bad, { score: 2 }), word({}, {}, { score: 9 })];
    expect(panelOutcome(words, 0b111, 2, 4)).to.deep.include({
      decided: true,
      rejected: 0b110,
      bad: 0b010,
      genuine: 0b101,
    });
  });

  it("decides nothing without a quorum of openings", () => {
    expect(panelOutcome([word({})], 0b1, 2, 4)).to.include({ decided: false, rejected: 0 });
  });

  it("F3: takes the lower median, whatever the order, which one outlier moves at most to a neighbour", () => {
    const scores = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 3, maxLength: 9 });
    fc.assert(
      fc.property(scores, fc.integer({ min: 0, max: 10 }), (given, other) => {
        const median = (list: number[]) =>
          panelOutcome(
            list.map((score) => word({ score })),
            1,
            1,
            0,
          ).medians.get(0)!;
        const sorted = [...given].sort((a, b) => a - b);
        const rank = Math.floor((given.length - 1) / 2);
        expect(median(given)).to.equal(sorted[rank]);
        expect(median([...given].reverse())).to.equal(median(given));
        const moved = median([other, ...given.slice(1)]);
        expect(moved).to.be.within(sorted[Math.max(0, rank - 1)]!, sorted[rank + 1]!);
      }),
    );
  });

  it("says of each validator how far it stood from its panel", () => {
    const words = [
      word({ score: 8 }, { finding: FINDING.notGenuine, score: 0 }),
      word({ score: 7 }, { finding: FINDING.mismatch, score: 0 }),
    ];
    const alone = word({ score: 3 }, { score: 9 });
    const found = panelOutcome([...words, alone], 0b11, 2, 0);
    expect(standingOf(words[0]!, found, 0b11)).to.deep.equal({ near: 2, far: 0 });
    expect(standingOf(alone, found, 0b11)).to.deep.equal({ near: 0, far: 2 });
  });
});
