import { expect } from "chai";
import fc from "fast-check";
import { lowerMedian } from "../../offchain/protocol/judging.ts";
import { distance, judge } from "../../offchain/protocol/sketch.ts";
import { deployLibraries, inBatches, patience, RUNS, useNetwork } from "./suite.ts";

const hex = (value: bigint) => `0x${value.toString(16).padStart(64, "0")}`;
const word = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), fc.constantFrom(0n, 1n, 2n ** 255n, 2n ** 256n - 1n)).map(hex);

/** Answers that lie near each other often enough to form groups: a centre with some bits flipped, and few different digests. */
const comparing = fc
  .record({
    centre: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    answers: fc.array(
      fc.record({
        digest: fc.integer({ min: 1, max: 6 }),
        from: fc.integer({ min: 0, max: 200 }),
        flipped: fc.integer({ min: 0, max: 60 }),
      }),
      { minLength: 0, maxLength: 9 },
    ),
    exact: fc.integer({ min: 0, max: 4 }).map((dice) => dice === 0),
    threshold: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.constantFrom(0, 256)),
    quorum: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ centre, answers, ...rest }) => ({
    ...rest,
    digests: answers.map(({ digest }) => hex(BigInt(digest))),
    sketches: answers.map(({ from, flipped }) => hex((centre ^ (((1n << BigInt(flipped)) - 1n) << BigInt(from))) & (2n ** 256n - 1n))),
  }));

describe("Parity of agreement", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: 0, leased: false });

  it(`Sketch.distance = distance, for ${RUNS} pairs`, async () => {
    const libraries = await deployLibraries(net());
    const pairs = fc.sample(fc.tuple(word, word), { numRuns: RUNS, seed: 2 });
    const found = await inBatches<bigint>(
      net(),
      libraries,
      "distances",
      pairs.map(([a]) => a),
      pairs.map(([, b]) => b),
    );
    pairs.forEach(([a, b], i) => expect(Number(found[i]), `${a} ${b}`).to.equal(distance(a, b)));
    expect(await libraries.distances([hex(0n)], [hex(2n ** 256n - 1n)])).to.deep.equal([256n]);
  });

  it(`F3 Sketch.judge = judge, for ${RUNS} sets of up to nine answers`, async () => {
    const libraries = await deployLibraries(net());
    const given = fc.sample(comparing, { numRuns: RUNS, seed: 3 });
    const found = await inBatches<{ canonical: bigint; accepted: bigint; agreed: boolean }>(net(), libraries, "verdicts", given);
    const tally = { agreed: 0, undecided: 0, split: 0 };
    given.forEach((one, i) => {
      const verdict = judge(one.digests, one.sketches, one.exact, one.threshold, one.quorum);
      const { canonical, accepted, agreed } = found[i]!;
      expect({ canonical: Number(canonical), accepted: Number(accepted), agreed }, `set ${i}`).to.deep.equal(verdict);
      if (!agreed) tally.undecided++;
      else if (verdict.accepted === (1 << one.digests.length) - 1) tally.agreed++;
      else tally.split++;
    });
    expect(Math.min(...Object.values(tally)), `both ends and the middle occurred: ${JSON.stringify(tally)}`).to.be.greaterThan(RUNS / 20);
  });

  it(`F3 Judging.lowerMedian = lowerMedian, for ${RUNS} sets and members`, async () => {
    const libraries = await deployLibraries(net());
    const arbitrary = fc.tuple(
      fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 0, maxLength: 9 }),
      fc.integer({ min: 0, max: 0x1ff }),
    );
    const given = fc
      .sample(arbitrary, { numRuns: RUNS, seed: 4 })
      .map(([values, mask]) => ({ values, members: mask & ((1 << values.length) - 1) }));
    const found = await inBatches<bigint>(
      net(),
      libraries,
      "lowerMedians",
      given.map(({ values }) => values),
      given.map(({ members }) => members),
    );
    given.forEach(({ values, members }, i) => {
      expect(Number(found[i]), `${values.join()} ${members}`).to.equal(lowerMedian(values.filter((_, place) => (members >> place) & 1)));
    });
  });
});
