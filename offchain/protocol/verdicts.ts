/** What a panel of validators found, from its members' verdict words: twin of contracts/libraries/Verdicts.sol. */
const SEAT_BITS = 22n;
const SEATS = 9;
const TOLERANCE = 3;

/** Findings about a seat, as a verdict word has them. */
export const FINDING = { genuine: 0, notGenuine: 1, mismatch: 2, unavailable: 3 } as const;

/** Bitmaps of miners' seats, and the usefulness of each judged seat. `bad`: by a quorum; `rejected`: bad, or below the bar. */
export interface PanelOutcome {
  decided: boolean;
  rejected: number;
  bad: number;
  genuine: number;
  medians: Map<number, number>;
}

export const findingOf = (word: bigint, seat: number): number => Number((word >> (SEAT_BITS * BigInt(seat))) & 3n);
/** Usefulness, 0 to 10. */
export const usefulnessOf = (word: bigint, seat: number): number => Number((word >> (SEAT_BITS * BigInt(seat) + 2n)) & 0xfn);
/** Mean |delta| of the log-probabilities that was measured, thousandths of a nat. */
export const deviationOf = (word: bigint, seat: number): number => Number((word >> (SEAT_BITS * BigInt(seat) + 6n)) & 0xffffn);

const seatsIn = (bitmap: number) => Array.from({ length: SEATS }, (_, seat) => seat).filter((seat) => (bitmap >> seat) & 1);

/** What the opened words say about the seats of a bitmap. */
export function panelOutcome(words: bigint[], seats: number, quorum: number, bar: number): PanelOutcome {
  const found: PanelOutcome = { decided: words.length >= quorum, rejected: 0, bad: 0, genuine: 0, medians: new Map() };
  if (!found.decided) return found;
  for (const seat of seatsIn(seats)) {
    const bad = words.filter((word) => findingOf(word, seat) !== FINDING.genuine).length;
    const scores = words.map((word) => usefulnessOf(word, seat)).sort((a, b) => a - b);
    const median = scores[Math.floor((scores.length - 1) / 2)]!;
    found.medians.set(seat, median);
    if (bad >= quorum) found.bad |= 1 << seat;
    if (words.length - bad >= quorum) found.genuine |= 1 << seat;
    if (bad >= quorum || median < bar) found.rejected |= 1 << seat;
  }
  return found;
}

/** How far one validator was from its panel: seats on which it agreed, and seats on which it did not. */
export function standingOf(word: bigint, { bad, medians }: PanelOutcome, seats: number): { near: number; far: number } {
  const judged = seatsIn(seats);
  const far = judged.filter(
    (seat) =>
      (findingOf(word, seat) !== FINDING.genuine) !== (((bad >> seat) & 1) === 1) ||
      Math.abs(usefulnessOf(word, seat) - (medians.get(seat) ?? 0)) > TOLERANCE,
  ).length;
  return { near: judged.length - far, far };
}

/** The seats that a single verdict would reject. */
export function rejectedBy(word: bigint, seats: number, bar: number): number {
  return seatsIn(seats)
    .filter((seat) => findingOf(word, seat) !== FINDING.genuine || usefulnessOf(word, seat) < bar)
    .reduce((bits, seat) => bits | (1 << seat), 0);
}
