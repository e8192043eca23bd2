import { readFileSync } from "node:fs";
import { expect } from "chai";
import { areaUnder, bestCut, cosineOf, type Pair, pointAt, rocOf, standardError } from "../../../bench/agreement/roc.ts";
import { rng } from "../../../models/world.mjs";
import { semanticSketch } from "../../../offchain/inference/semanticSketch.ts";
import { distance } from "../../../offchain/protocol/sketch.ts";

const pair = (alike: boolean, cosine: number): Pair => ({ alike, cosine, euclidean: -Math.sqrt(2 - 2 * cosine), sketch: 0 });
const PAIRS = [pair(true, 0.9), pair(true, 0.6), pair(false, 0.7), pair(false, 0.1)];

describe("curves of agreement", () => {
  it("count what each cut lets through", () => {
    expect(pointAt(PAIRS, "cosine", 0.65)).to.deep.equal({ cut: 0.65, agree: 0.5, falselyAgree: 0.5 });
    expect(rocOf(PAIRS, "cosine").map(({ agree, falselyAgree }) => [agree, falselyAgree])).to.deep.equal([
      [0.5, 0],
      [0.5, 0.5],
      [1, 0.5],
      [1, 1],
    ]);
    expect(areaUnder(PAIRS, "cosine")).to.equal(0.75);
    expect(bestCut(rocOf(PAIRS, "cosine")).cut).to.equal(0.9);
  });

  it("J3: cosine and Euclidean distance of unit vectors order pairs alike", () => {
    expect(areaUnder(PAIRS, "euclidean")).to.equal(areaUnder(PAIRS, "cosine"));
  });

  it("J3: the estimate from 256 bits lies within the stated error of the true cosine", () => {
    const random = rng(7);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    const unit = (vector: number[]) => vector.map((value) => value / Math.hypot(...vector));
    let within = 0;
    const count = 300;
    for (let i = 0; i < count; i++) {
      const a = unit(Array.from({ length: 192 }, normal));
      const noise = unit(Array.from({ length: 192 }, normal));
      const weight = random.next();
      const b = unit(a.map((value, at) => value * weight + noise[at]! * (1 - weight)));
      const cosine = a.reduce((sum, value, at) => sum + value * b[at]!, 0);
      const embed = "ab".repeat(32);
      const error = cosineOf(distance(semanticSketch(a, embed), semanticSketch(b, embed))) - cosine;
      expect(Math.abs(error)).to.be.at.most(5 * standardError(cosine) + 0.005);
      if (Math.abs(error) <= 2 * standardError(cosine)) within++;
    }
    expect(within / count).to.be.greaterThan(0.9);
  });

  it("are committed: sketches tell nearly as well as the embeddings they stand for", () => {
    const found = JSON.parse(readFileSync(new URL("../../../bench/agreement.json", import.meta.url), "utf8"));
    expect(found.areaUnderCurve.cosine).to.be.greaterThan(0.98);
    expect(found.areaUnderCurve.sketch).to.be.greaterThan(found.areaUnderCurve.cosine - 0.01);
    expect(found.registered.wrong).to.be.lessThan(0.02);
    expect(found.registered.nonsense).to.equal(0);
  });
});
