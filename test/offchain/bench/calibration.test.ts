import { expect } from "chai";
import { calibrate, CannotTell } from "../../../bench/truth/calibration.ts";
import { type JudgedRow, summarise, tokensToCatch } from "../../../bench/truth/report.ts";

const rows = (deltas: number[]): JudgedRow[] =>
  deltas.map((delta, i) => ({
    i,
    ok: delta < 0.01,
    reason: delta < 0.01 ? "accepted" : "differentLogProbs",
    flagged: false,
    positions: 10,
    misses: 0,
    far: 0,
    delta,
    exact: null,
  }));
const repeated = (delta: number) => rows(Array.from({ length: 16 }, () => delta));

describe("calibration of the check of genuineness", () => {
  it("puts the threshold in the geometric middle, and tries it on answers that it was not made from", () => {
    const found = calibrate(repeated(1e-3), repeated(4e-2));
    expect(found.rule.maxDelta).to.equal(6.3e-3);
    expect(found.rule.flagDelta).to.equal(2.5e-3);
    expect(found).to.include({ falselyRejected: 0, honest: 8, missed: 0, cheap: 8 });
  });

  it("counts what the other half shows", () => {
    const honest = repeated(1e-3);
    honest[2] = { ...honest[2]!, delta: 1 };
    const cheap = repeated(4e-2);
    cheap[3] = { ...cheap[3]!, delta: 0 };
    expect(calibrate(honest, cheap)).to.include({ falselyRejected: 1, missed: 1 });
  });

  it("refuses a model whose next-cheaper quantisation lies within twice the largest honest difference", () => {
    expect(() => calibrate(repeated(1e-3), repeated(2e-3))).to.throw(CannotTell, "not admitted");
    expect(() => calibrate(repeated(1e-3), repeated(5e-4))).to.throw(CannotTell);
    expect(() => calibrate(repeated(0), repeated(0))).to.throw(CannotTell);
  });

  it("takes engines that do not differ at all", () => {
    expect(calibrate(repeated(0), repeated(4e-2)).rule.maxDelta).to.equal(4e-3);
  });
});

describe("rates of the bench of truth", () => {
  it("counts an answer as one, and four in a row as caught when one of them is", () => {
    const mixed = rows([0, 0, 0, 0.02, 0, 0, 0, 0]);
    expect(summarise(mixed)).to.include({ answers: 8, tokens: 80, rejected: 1, rejectedRate: 0.125, rejectedWithinFour: 0.5 });
  });

  it("says how many tokens a rare sign takes", () => {
    expect(tokensToCatch(0)).to.equal(null);
    expect(tokensToCatch(1)).to.equal(1);
    expect(tokensToCatch(0.01)).to.equal(459);
  });
});
