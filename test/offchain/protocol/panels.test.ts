import { expect } from "chai";
import { copying, honest, incomeOf, praising, RECORDED, simulate } from "../../../bench/panels/simulate.ts";

const { kinds } = RECORDED;
const TASKS = 8_000;

describe("validators in the long run, with scores that the shipped model gave", () => {
  const CROWD = [honest, honest, honest, honest, honest, honest];
  const meanOf = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const LAZY = { "one that always says 10": praising, "one that copies what others mostly say": copying };

  for (const [name, lazy] of Object.entries(LAZY)) {
    it(`F5: ${name} earns less than the honest, from one known bad answer in five on`, () => {
      for (const canaryRate of [0.2, 0.4]) {
        const run = simulate([...CROWD, lazy], canaryRate, TASKS, 5);
        const mean = meanOf(CROWD.map((_, i) => incomeOf(run, i, true)));
        expect(incomeOf(run, CROWD.length, false), `${canaryRate}`).to.be.lessThan(mean);
        expect(run.scores.at(-1), `${canaryRate}`).to.be.lessThan(Math.min(...run.scores.slice(0, -1)));
      }
    });

    it(`${name} would earn less from one in ten on, were only those paid who agree with their panel`, () => {
      for (const canaryRate of [0.1, 0.2]) {
        const run = simulate([...CROWD, lazy], canaryRate, TASKS, 5, "near");
        const mean = meanOf(CROWD.map((_, i) => incomeOf(run, i, true)));
        expect(incomeOf(run, CROWD.length, false), `${canaryRate}`).to.be.lessThan(mean);
      }
    });
  }

  it("cannot do so without canaries: where nothing is ever bad, who does no work stands as well as the rest", () => {
    const { scores } = simulate([...CROWD, praising], 0, 2_000, 5);
    expect(scores.at(-1)).to.be.at.least(scores[0]!);
  });

  it("K11: recorded scores keep nonsense below the bar, and what the model itself says above it", () => {
    expect(kinds["drawn at 0.8"]!.p05).to.be.at.least(4);
    expect(kinds["nonsense"]!.p95).to.be.lessThan(4);
    expect(kinds["injection alone"]!.most).to.be.lessThan(4);
  });

  it("J4: recorded scores show that words for the judge gain nothing on the mean and never pass the bar, and how far other fluent words get", () => {
    const { known, unknown } = RECORDED.injections;
    expect([known.tried, unknown.tried]).to.deep.equal([160, 160]);
    expect(known.meanChange).to.be.at.most(0);
    // Nonsense that is cut in two by an injection is not quite the same nonsense.
    expect(known.mostGained).to.be.at.most(1);
    expect(known.cameOverBar).to.equal(0);
    expect(unknown.cameOverBar / unknown.tried).to.be.at.most(0.02);
    expect(RECORDED.separation).to.be.at.least(0.95);
  });
});
