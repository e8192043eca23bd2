import { readFileSync } from "node:fs";
import { type Random, rng } from "../../models/world.mjs";
import { accepts } from "../../offchain/protocol/draw.ts";
import { SCORE_FLOOR, stepOf } from "../../offchain/protocol/score.ts";
import { FINDING, packVerdict, panelOutcome, standingOf } from "../../offchain/protocol/verdicts.ts";

/** Validators in the long run: panels are drawn, verdicts pooled and conduct scored as the contracts do it. */

export interface Quantiles {
  least: number;
  p05: number;
  median: number;
  p95: number;
  most: number;
}
/** What the shipped model's scorer said: quantiles of each kind of answer, and every score of what the model drew itself. */
export const RECORDED = JSON.parse(readFileSync(new URL("../usefulness.json", import.meta.url), "utf8")) as {
  separation: number;
  kinds: Record<string, Quantiles>;
  injections: Record<"known" | "unknown", { tried: number; meanChange: number; mostGained: number; cameOverBar: number }>;
  recorded: { good: number[]; nonsense: number[] };
};

/** What a validator hands in for an answer that is good or not. */
export type Manner = (good: boolean, random: Random) => { bad: boolean; score: number };
const recordedOf = (scores: readonly number[], random: Random) => scores[random.int(0, scores.length - 1)]!;
/** Finds out, and scores as the shipped model's scorer did. */
export const honest: Manner = (good, random) => ({
  bad: !good,
  score: recordedOf(good ? RECORDED.recorded.good : RECORDED.recorded.nonsense, random),
});
/** Does no work and hands in the most praise. */
export const praising: Manner = () => ({ bad: false, score: 10 });
/** Cannot see the others' verdicts, so it hands in what they mostly say. */
export const copying: Manner = () => ({ bad: false, score: 9 });

const PANEL = 3;
const QUORUM = 2;
const BAR = 4;
/** What checking costs, as a share of what a verdict is paid. */
export const WORK = 0.05;

/** Who is paid for an opened verdict: everybody, or only those who agreed with the panel on at least as many seats as they did not. */
export type Paying = "all" | "near";

/** What became of each validator. `paid`: verdicts that were paid. */
export interface LongRun {
  seats: number[];
  paid: number[];
  scores: number[];
}

/** Many judged tasks of one answer each, of which a share is known to be bad; draws as `NodePool.drawPanel` weighs them. */
export function simulate(manners: readonly Manner[], canaryRate: number, tasks: number, seed: number, paying: Paying = "all"): LongRun {
  const random = rng(seed);
  const scores = manners.map(() => SCORE_FLOOR);
  const seats = manners.map(() => 0);
  const paid = manners.map(() => 0);
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
    const found = panelOutcome(words, 1, QUORUM, BAR);
    panel.forEach((validator, i) => {
      const { near, far } = standingOf(words[i]!, found, 1);
      seats[validator]!++;
      if (paying === "all" || near >= far) paid[validator]!++;
      scores[validator] = stepOf(scores[validator]!, "opened", near, far);
    });
  }
  return { seats, paid, scores };
}

/** What a validator has left, in verdicts' pay: its pay less its work. */
export const incomeOf = ({ seats, paid }: LongRun, validator: number, works: boolean): number =>
  paid[validator]! - (works ? WORK * seats[validator]! : 0);
