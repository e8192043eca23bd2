/** Agreement of answers by 256-bit sketches: twin of contracts/libraries/Sketch.sol. */

/** What a comparison found; `canonical` and `accepted` (bitmap of places) only mean something when `agreed`. */
export interface Verdict {
  canonical: number;
  accepted: number;
  agreed: boolean;
}

/** Number of set bits. */
export function popcount(value: bigint): number {
  let count = 0;
  for (let rest = value; rest !== 0n; rest &= rest - 1n) count++;
  return count;
}

/** Hamming distance of two 256-bit sketches, 0 to 256. */
export function distance(a: string, b: string): number {
  return popcount(BigInt(a) ^ BigInt(b));
}

/**
 * Groups answers and picks the canonical one. The group of i is every j with an equal digest or, unless `exact`, a sketch within
 * `threshold`; canonical is the largest group of at least `quorum`, then the smallest sum of distances, then the lowest place;
 * a second group of the same size without a common member makes it undecided.
 */
export function judge(digests: string[], sketches: string[], exact: boolean, threshold: number, quorum: number): Verdict {
  const count = digests.length;
  const groups = digests.map((_, i) => 1 << i);
  const sums = digests.map(() => 0);
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      let apart = 0;
      if (BigInt(digests[i]!) !== BigInt(digests[j]!)) {
        if (exact) continue;
        apart = distance(sketches[i]!, sketches[j]!);
        if (apart > threshold) continue;
      }
      groups[i]! |= 1 << j;
      groups[j]! |= 1 << i;
      sums[i]! += apart;
      sums[j]! += apart;
    }
  }
  const size = (i: number) => popcount(BigInt(groups[i]!));
  let best = 0;
  for (let i = 1; i < count; i++) {
    if (size(i) > size(best) || (size(i) === size(best) && sums[i]! < sums[best]!)) best = i;
  }
  const undecided: Verdict = { canonical: 0, accepted: 0, agreed: false };
  if (count === 0 || size(best) < quorum) return undecided;
  for (let i = 0; i < count; i++) {
    if ((groups[i]! & groups[best]!) === 0 && size(i) === size(best)) return undecided;
  }
  return { canonical: best, accepted: groups[best]!, agreed: true };
}
