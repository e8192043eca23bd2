/** A pair of answers, and how alike they are by each measure; larger means more alike. */
export interface Pair {
  alike: boolean;
  cosine: number;
  /** Minus the distance of the unit vectors, 0 to -2. */
  euclidean: number;
  /** Minus the Hamming distance of the sketches, 0 to -256: what the contract compares. */
  sketch: number;
}

/** One point of a curve: what a cut lets through. Rates from 0 to 1. */
export interface RocPoint {
  cut: number;
  /** Share of the pairs of one meaning that agree. */
  agree: number;
  /** Share of the other pairs that agree. */
  falselyAgree: number;
}

/** What each cut does, from the strictest. */
export function rocOf(pairs: readonly Pair[], measure: keyof Omit<Pair, "alike">): RocPoint[] {
  const alike = pairs.filter((pair) => pair.alike);
  const other = pairs.filter((pair) => !pair.alike);
  const cuts = [...new Set(pairs.map((pair) => pair[measure]))].sort((a, b) => b - a);
  return cuts.map((cut) => ({ cut, ...rateAt(alike, other, measure, cut) }));
}

function rateAt(alike: readonly Pair[], other: readonly Pair[], measure: keyof Omit<Pair, "alike">, cut: number) {
  const share = (some: readonly Pair[]) => some.filter((pair) => pair[measure] >= cut).length / some.length;
  return { agree: share(alike), falselyAgree: share(other) };
}

/** What one cut does. */
export const pointAt = (pairs: readonly Pair[], measure: keyof Omit<Pair, "alike">, cut: number): RocPoint => ({
  cut,
  ...rateAt(
    pairs.filter((pair) => pair.alike),
    pairs.filter((pair) => !pair.alike),
    measure,
    cut,
  ),
});

/** Area under the curve: how often a pair of one meaning is more alike than another pair; ties count half. */
export function areaUnder(pairs: readonly Pair[], measure: keyof Omit<Pair, "alike">): number {
  const alike = pairs.filter((pair) => pair.alike).map((pair) => pair[measure]);
  const other = pairs.filter((pair) => !pair.alike).map((pair) => pair[measure]);
  let won = 0;
  for (const a of alike) for (const b of other) won += a > b ? 1 : a === b ? 0.5 : 0;
  return won / (alike.length * other.length);
}

/** The cut that gets most pairs right, both kinds weighing the same. */
export function bestCut(curve: readonly RocPoint[]): RocPoint {
  return curve.reduce((best, point) => (point.agree - point.falselyAgree > best.agree - best.falselyAgree ? point : best));
}

/** The cosine that a distance of 256-bit sketches stands for: the angle is pi * distance / 256. */
export const cosineOf = (hamming: number): number => Math.cos((Math.PI * hamming) / 256);

/** Standard error of that estimate: each bit differs with probability angle / pi. */
export function standardError(cosine: number): number {
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const p = angle / Math.PI;
  return Math.PI * Math.sqrt((p * (1 - p)) / 256) * Math.sin(angle);
}
