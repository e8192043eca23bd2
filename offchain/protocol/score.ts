/** How a node's reputation moves: twin of contracts/libraries/Score.sol. Scores run from 0 to 10,000. */

export const SCORE_MOST = 10_000;
/** Score of a node that nothing is known about, and what every score decays to. */
export const SCORE_FLOOR = 1_000;
/** Time in which the distance to the floor halves, seconds. */
export const SCORE_HALF_LIFE = 30 * 86_400;

/** How a node behaved in a task; numbers as in `Score.Conduct`. */
export type Conduct = "silent" | "unopened" | "opened" | "excused";

/** The score after one task. */
export function stepOf(score: number, conduct: Conduct, accepted: number, outliers: number): number {
  if (conduct === "silent") return score - Math.floor(score / 8);
  if (conduct === "unopened") return score - Math.floor(score / 4);
  if (accepted > outliers) return score + Math.floor((SCORE_MOST - score) / 16);
  if (outliers > accepted) return score - Math.floor(score / 8);
  return score;
}

/** The score `elapsed` seconds later. */
export function decayed(score: number, elapsed: number): number {
  const halvings = Math.floor(elapsed / SCORE_HALF_LIFE);
  if (halvings === 0) return score;
  const apart = Math.floor(Math.abs(score - SCORE_FLOOR) / 2 ** halvings);
  return score >= SCORE_FLOOR ? SCORE_FLOOR + apart : SCORE_FLOOR - apart;
}
