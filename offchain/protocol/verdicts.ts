import { TypedDataEncoder } from "ethers";
import { lowerMedian } from "./judging.ts";

/** What a validator found of a miner's seat; numbers as in contracts/libraries/Verdicts.sol. */
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

export const MAX_SCORE = 10;
/** A score farther than this from the median counts as far. */
export const TOLERANCE = 3;
const SEAT_BITS = 22n;
const SEATS = 9;
const MAX_DEVIATION = 0xffff;

/** A deviation in nats as a verdict holds it. */
export const deviationOf = (nats: number): number => Math.min(MAX_DEVIATION, Math.max(0, Math.round(nats * 1_000)));

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
export function opinionIn(word: bigint, seat: number): Opinion {
  const bits = Number((word >> (SEAT_BITS * BigInt(seat))) & 0x3fffffn);
  return { finding: (bits & 3) as Finding, score: (bits >> 2) & 0xf, deviation: bits >> 6 };
}

/** What a panel found; bitmaps of miners' seats but `medians`, which is by seat: twin of `Verdicts.Outcome`. */
export interface Outcome {
  decided: boolean;
  rejected: number;
  bad: number;
  genuine: number;
  notGenuine: number;
  mismatch: number;
  medians: Map<number, number>;
}

/**
 * The verdict of a panel: twin of `Verdicts.outcome`.
 * @param words of those who opened
 * @param seats bitmap of the miners' seats that are judged
 * @param quorum openings that are needed, and votes for a finding
 * @param bar lowest median that is paid; 0: none
 */
export function outcomeOf(words: readonly bigint[], seats: number, quorum: number, bar: number): Outcome {
  const found: Outcome = {
    decided: words.length >= quorum,
    rejected: 0,
    bad: 0,
    genuine: 0,
    notGenuine: 0,
    mismatch: 0,
    medians: new Map(),
  };
  if (!found.decided) return found;
  for (let seat = 0; seat < SEATS; seat++) {
    const bit = 1 << seat;
    if ((seats & bit) === 0) continue;
    const opinions = words.map((word) => opinionIn(word, seat));
    const votes = (finding: Finding) => opinions.filter((opinion) => opinion.finding === finding).length;
    const untrue = votes(FINDING.notGenuine) + votes(FINDING.mismatch);
    if (votes(FINDING.genuine) >= quorum) found.genuine |= bit;
    if (untrue >= quorum) found.notGenuine |= bit;
    if (votes(FINDING.mismatch) >= quorum) found.mismatch |= bit;
    if (untrue + votes(FINDING.unavailable) >= quorum) found.bad |= bit;
    const median = lowerMedian(opinions.map(({ score }) => score));
    found.medians.set(seat, median);
    if (median < bar) found.rejected |= bit;
  }
  found.rejected |= found.bad;
  return found;
}

/** Seats on which a validator was with its panel, and on which it was not: twin of `Verdicts.standing`. */
export function standingOf(word: bigint, found: Outcome, seats: number): { near: number; far: number } {
  let near = 0;
  let far = 0;
  for (let seat = 0; seat < SEATS; seat++) {
    if (((seats >> seat) & 1) === 0) continue;
    const { finding, score } = opinionIn(word, seat);
    const bad = ((found.bad >> seat) & 1) === 1;
    const apart = Math.abs(score - (found.medians.get(seat) ?? 0));
    if ((finding !== FINDING.genuine) !== bad || apart > TOLERANCE) far++;
    else near++;
  }
  return { near, far };
}

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
