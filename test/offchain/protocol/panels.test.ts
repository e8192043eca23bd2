import { readFileSync } from "node:fs";
import { expect } from "chai";
import { type Random, rng } from "../../../models/world.mjs";
import { accepts } from "../../../offchain/protocol/draw.ts";
import { SCORE_FLOOR, stepOf } from "../../../offchain/protocol/score.ts";
import { FINDING, packVerdict, panelOutcome, standingOf } from "../../../offchain/protocol/verdicts.ts";

interface Quantiles {
  least: number;
  p05: number;
  median: number;
  p95: number;
  most: number;
}
/** What the shipped model's scorer said of each kind of answer of the fixture. */
const { kinds } = JSON.parse(readFileSync(new URL("../../../bench/usefulness.json", import.meta.url), "utf8")) as {
  kinds: Record<string, Quantiles>;
};
const GOOD = kinds["drawn at 0.8"]!;
/** A score as recorded, never above what it was: each share of the answers counts with its lowest. */
const recordedScore = (random: Random) => {
  const rank = random.next();
  return rank < 0.05 ? GOOD.least : rank < 0.5 ? GOOD.p05 : rank < 0.95 ? GOOD.median : GOOD.p95;
};

/** What a validator hands in for an answer that is good or not. */
type Manner = (good: boolean, random: Random) => { bad: boolean; score: number };
const honest: Manner = (good, random) => ({ bad: !good, score: good ? recordedScore(random) : 0 });
/** Does no work and hands in the most praise. */
const praising: Manner = () => ({ bad: false, score: 10 });
/** Cannot see the others' verdicts, so it hands in what they mostly say. */
const copying: Manner = () => ({ bad: false, score: 9 });

const PANEL = 3;
/** What checking costs, as a share of what a verdict is paid. */
const WORK = 0.05;

/** Seats and scores after many judged tasks of one answer each, of which a share is known to be bad; draws as `NodePool.drawPanel` weighs them. */
function simulate(manners: Manner[], canaryRate: number, tasks: number, seed: number) {
  const random = rng(seed);
  const scores = manners.map(() => SCORE_FLOOR);
  const seats = manners.map(() => 0);
  for (let task = 0; task < tasks; task++) {
    const panel: number[] = [];
    while (panel.length < PANEL) {
      const candidate = random.int(0, manners.length - 1);
      const roll = BigInt(random.int(0, 19_999)) << 128n;
      if (!panel.includes(candidate) && accepts(roll, scores[candidate]!)) panel.push(candidate);
    }
    const good = !random.chance(canaryRate);
    const words = panel.map((validator) => {
      const { bad, score } = manners[validator]!(good, random);
      return packVerdict(new Map([[0, { finding: bad ? FINDING.notGenuine : FINDING.genuine, score, deviation: 0 }]]));
    });
    const found = panelOutcome(words, 1, 2, 4);
    panel.forEach((validator, i) => {
      const { near, far } = standingOf(words[i]!, found, 1);
      seats[validator]!++;
      scores[validator] = stepOf(scores[validator]!, "opened", near, far);
    });
  }
  return { seats, scores };
}

const income = (seats: number, works: boolean) => seats * (works ? 1 - WORK : 1);

describe("validators in the long run, with scores that the shipped model gave", () => {
  const CROWD = [honest, honest, honest, honest, honest, honest];

  for (const [name, lazy] of Object.entries({ "one that always says 10": praising, "one that copies what others mostly say": copying }))
    it(`F5: ${name} earns less than the honest, from one known bad answer in five on`, () => {
      for (const canaryRate of [0.2, 0.4]) {
        const { seats, scores } = simulate([...CROWD, lazy], canaryRate, 8_000, 5);
        const others = seats.slice(0, -1).map((count) => income(count, true));
        const mean = others.reduce((sum, one) => sum + one, 0) / others.length;
        expect(income(seats.at(-1)!, false), `${canaryRate}`).to.be.lessThan(mean);
        expect(scores.at(-1), `${canaryRate}`).to.be.lessThan(Math.min(...scores.slice(0, -1)));
      }
    });

  it("cannot do so without canaries: where nothing is ever bad, who does no work stands as well as the rest", () => {
    const { scores } = simulate([...CROWD, praising], 0, 2_000, 5);
    expect(scores.at(-1)).to.be.at.least(scores[0]!);
  });

  it("K11: recorded scores keep nonsense below the bar, and what the model itself says above it", () => {
    expect(GOOD.p05).to.be.at.least(4);
    expect(kinds["nonsense"]!.p95).to.be.lessThan(4);
    expect(kinds["injection alone"]!.most).to.be.lessThan(4);
  });
});
