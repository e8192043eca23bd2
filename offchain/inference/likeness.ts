import type { Likelihood } from "./engine.ts";

/**
 * How useful an answer is by what the registered model itself would say: an answer that it finds likely, or that means what its own answer means.
 * This cannot see a mistake that the model makes itself, and it reads nothing in the answer as an instruction.
 */

/** Log-probability (nats) of the most surprising token from which surprise counts, and at which it is complete. */
const SURPRISE: readonly [number, number] = [-3, -9];
/** Mean regret (nats) at which an answer is no longer one that the model could have given. */
const MOST_REGRET = 0.8;
/** Cosine to the model's own answer below which nothing is shared, and from which the meaning is. */
const MEANING: readonly [number, number] = [0.2, 0.62];
/** What an answer of the same meaning in other words is worth at most: the words may be wrong where it counts, and a cosine does not see it. */
const OTHER_WORDS = 0.6;

/** @param cosine of the embeddings of the answer and of the model's own greedy answer */
export function likenessScore(cosine: number, { tokens, least, regret }: Likelihood): number {
  if (tokens === 0) return 0;
  const meaning = ramp(cosine, ...MEANING);
  const words = Math.max(1 - ramp(least, ...SURPRISE), ramp(regret, MOST_REGRET, 0));
  return Math.round(10 * Math.max(words * (0.7 + 0.3 * meaning), OTHER_WORDS * meaning));
}

/** 0 at `from`, 1 at `to`, straight between. */
const ramp = (value: number, from: number, to: number) => Math.min(1, Math.max(0, (value - from) / (to - from)));
