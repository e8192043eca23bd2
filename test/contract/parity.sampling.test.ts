import { expect } from "chai";
import { BATCHES, sampleSize, schedule, UNBOUNDED_SAMPLE } from "../../offchain/protocol/sampling.ts";
import { deployLibraries, useNetwork } from "./suite.ts";

const KNOWN = [
  [2n ** 255n, 9_604n],
  [10n ** 12n, 9_604n],
  [1_000_000n, 9_513n],
  [1_000n, 906n],
  [100n, 99n],
  [1n, 1n],
  [0n, 0n],
] as const;

describe("Sampling", () => {
  const net = useNetwork({ nodes: 0, leased: false });

  it("J7 9,604 of a number without end, 9,513 of a million, 906 of a thousand, 99 of a hundred, in both languages", async () => {
    const found = await (await deployLibraries(net())).sampleSizes(KNOWN.map(([population]) => population));
    for (const [i, [population, wanted]] of KNOWN.entries()) {
      expect(sampleSize(population), `${population}`).to.equal(wanted);
      expect(found[i], `${population} on chain`).to.equal(wanted);
    }
  });

  it("J7 never more than there are, never less for more, the same in both languages", async () => {
    const populations = Array.from({ length: 400 }, (_, i) => BigInt(i < 200 ? i : Math.floor(1.05 ** i)));
    const found = await (await deployLibraries(net())).sampleSizes(populations);
    let last = 0n;
    for (const [i, population] of populations.entries()) {
      const size = sampleSize(population);
      expect(found[i]).to.equal(size);
      expect(size <= population && size <= UNBOUNDED_SAMPLE && size >= last, `${population}: ${size} after ${last}`).to.equal(true);
      last = size;
    }
  });

  it("J7 the schedule covers the day without gaps, evenly, and adds up to the sample", async () => {
    const libraries = await deployLibraries(net());
    for (const population of [0n, 1n, 95n, 100n, 1_000n, 1_000_000n, 10n ** 15n]) {
      const sample = sampleSize(population);
      const day = schedule(population);
      expect([...(await libraries.batchSizes(sample))]).to.deep.equal(day.map(({ size }) => size));
      expect(day.reduce((sum, { size }) => sum + size, 0n)).to.equal(sample);
      let at = 0;
      for (const { from, until, size } of day) {
        expect(from).to.equal(at);
        expect(size - sample / BigInt(BATCHES) <= 1n && size >= sample / BigInt(BATCHES)).to.equal(true);
        at = until;
      }
      expect(at).to.equal(86_400);
    }
  });
});
