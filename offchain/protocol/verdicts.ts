import { TypedDataEncoder } from "ethers";

/** What a panel of validators found, from its members' verdict words: twin of contracts/libraries/Verdicts.sol. */
const SEAT_BITS = 22n;
const SEATS = 9;
const TOLERANCE = 3;

/** Findings about a seat, as a verdict word has them. */
export const FINDING = { genuine: 0, notGenuine: 1, mismatch: 2, unavailable: 3 } as const;
export type Finding = (typeof FINDING)[keyof typeof FINDING];

/** One validator's opinion of one miner's seat. */
export interface Opinion {
  finding: Finding;
  /** Usefulness, 0 to 10. */
  score: number;
  /** Mean |difference of log-probability|, thousandths of a nat, 0 to 65,535. */
  deviation: number;
}

const MAX_SCORE = 10;
const MAX_DEVIATION = 0xffff;

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

/** A difference in nats as a verdict holds it. */
export const thousandthsOf = (nats: number): number => Math.min(MAX_DEVIATION, Math.max(0, Math.round(nats * 1_000)));

/** The verdict word: 22 bits for each miner's seat; seats without an opinion are all zero. Throws RangeError on what does not fit. */
export function packVerdict(opinions: ReadonlyMap<number, Opinion>): bigint {
  let word = 0n;
  for (const [seat, { finding, score, deviation }] of opinions) {
    const fits = seat >= 0 && seat < SEATS && score >= 0 && score <= MAX_SCORE && deviation >= 0 && deviation <= MAX_DEVIATION;
    if (!fits) throw new RangeError(`seat ${seat}, score ${score} or deviation ${deviation} does not fit a verdict`);
    word |= (BigInt(finding) | (BigInt(score) << 2n) | (BigInt(deviation) << 6n)) << (SEAT_BITS * BigInt(seat));
  }
  return word;
}

/** What a word says of a seat. */
export const opinionIn = (word: bigint, seat: number): Opinion => ({
  finding: findingOf(word, seat) as Finding,
  score: usefulnessOf(word, seat),
  deviation: deviationOf(word, seat),
});

/** The EIP-712 type of a verdict's commitment: twin of `Validation.commitmentOf`. */
export const VERDICT_TYPES = {
  Verdict: [
    { name: "task", type: "uint64" },
    { name: "round", type: "uint8" },
    { name: "author", type: "uint24" },
    { name: "verdict", type: "uint256" },
    { name: "evidence", type: "bytes32" },
    { name: "salt", type: "bytes32" },
  ],
};

/** What a validator hides until the panel opens. */
export interface SealedVerdict {
  task: bigint;
  /** 0, or 1 after an appeal. */
  round: number;
  /** The validator's node. */
  author: number;
  verdict: bigint;
  /** Digest of what backs it. */
  evidence: string;
  /** 32 bytes of which at least 128 bits are unpredictable. */
  salt: string;
}

/** What a validator commits to. `validation`: address of the contract. */
export function verdictCommitment({ chainId, validation }: { chainId: bigint; validation: string }, verdict: SealedVerdict): string {
  const domain = { name: "Corroborate", version: "1", chainId, verifyingContract: validation };
  return TypedDataEncoder.hash(domain, VERDICT_TYPES, verdict);
}
