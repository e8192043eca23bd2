/** A token that could be drawn at a position, and its logit as the sampler saw it, divided by the temperature. */
export type Candidate = [token: number, logit: number];

/**
 * Whether an engine whose logits lie up to `nats` otherwise could have drawn `claimed` at this position. A sampler lays the candidates side by side,
 * likeliest first, each as wide as it is probable, and takes the one in which a random number falls. Other figures move the borders a little, and swap
 * neighbours that are nearly as likely as each other; both happen between honest engines, and between generation and prefill on one engine.
 * @param survivors candidates left after all filters
 * @param claimedLogit of the claimed token, filters aside; scaled as the candidates' are
 * @param random the random number of this position, from and to, 0 to 1
 * @param temperature over 0
 */
export function nearMiss(
  survivors: readonly Candidate[],
  claimed: number,
  claimedLogit: number,
  random: [from: number, to: number],
  nats: number,
  temperature: number,
): boolean {
  const slack = nats / temperature;
  const row = [...survivors].sort((a, b) => b[1] - a[1]);
  // A filter cuts where a hair decides, too.
  if (!row.some(([token]) => token === claimed)) {
    if (claimedLogit < (row.at(-1)?.[1] ?? -Infinity) - slack) return false;
    row.push([claimed, claimedLogit]);
  }
  const highest = row[0]![1];
  const weights = row.map(([, logit]) => Math.exp(logit - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let border = 0;
  return row.some(([token, logit], rank) => {
    const [from, to] = [border, (border += weights[rank]! / total)];
    // A border between shares C and 1 - C moves by at most slack * C * (1 - C).
    const reached = from - slack * from * (1 - from) <= random[1] && random[0] <= to + slack * to * (1 - to);
    return reached && (token === claimed || Math.abs(logit - claimedLogit) <= slack);
  });
}
