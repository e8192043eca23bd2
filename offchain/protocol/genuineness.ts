import type { Claim, TokenLogProb } from "./claim.ts";

/** What the verifying engine saw at each position of a claim, from its own prefill of prompt and claimed tokens. */
export interface Reference {
  engineClass: string;
  /** The token this engine would have drawn at each position, given the claimed tokens before it. */
  expected: number[];
  /** Whether the claimed token is the expected one, or would be if figures lay `nearNats` otherwise, which is farther than honest engines differ. */
  near: boolean[];
  top: TokenLogProb[][];
}

/** Thresholds of one model. */
export interface GenuinenessRule {
  /** Least share of positions where the expected token is the claimed one. */
  minMatch: number;
  /** Misses allowed whatever the share, so that a short answer survives one near-tie. */
  freeMisses: number;
  /** By how much two figures may lie otherwise (nats) for a miss to be one that honest engines make. */
  nearNats: number;
  /** Misses allowed that are not near: what nobody honest makes. */
  farMisses: number;
  /** Mean |difference of log-probability| (nats) from which an answer is flagged. */
  flagDelta: number;
  /** ... and from which it is rejected. */
  maxDelta: number;
}

export const DEFAULT_GENUINENESS_RULE: GenuinenessRule = {
  minMatch: 0.98,
  freeMisses: 1,
  nearNats: 0.02,
  farMisses: 0,
  flagDelta: 5e-3,
  maxDelta: 1e-2,
};

/** Below this log-probability the reference's own figure is noise and is not compared. */
const COMPARED_ABOVE = -16;
/** One position's rank cannot weigh more than this many nats. */
const MAX_DIFFERENCE = 10;

/**
 * accepted; malformed = the claim does not fit prompt, vocabulary, length or its own end; notEqualInClass = same engine class, other figures;
 * differentTokens = another token would have been drawn at too many positions, or by more than engines differ; differentLogProbs = the figures of another model.
 */
export type Reason = "accepted" | "malformed" | "notEqualInClass" | "differentTokens" | "differentLogProbs";

export interface Judgement {
  ok: boolean;
  reason: Reason;
  /** Accepted, but closer to the limit than honest engines come. */
  flagged: boolean;
  positions: number;
  /** Positions where the reference would have drawn another token. */
  misses: number;
  /** ... and would have even if its figures lay a little otherwise. */
  far: number;
  /** Mean |difference of log-probability| in nats over the reference's top tokens. */
  delta: number;
  /** Same engine class: are the figures equal bit for bit? null = other class, not comparable so. */
  exact: boolean | null;
}

/** The judgement of a claim that cannot be compared at all. */
export function malformed(positions: number): Judgement {
  return {
    ok: false,
    reason: "malformed",
    flagged: true,
    positions,
    misses: positions,
    far: positions,
    delta: MAX_DIFFERENCE,
    exact: null,
  };
}

/**
 * Compares a claim with a reference. Pure. One answer's judgement is evidence, never proof:
 * whoever acts on it does so over many answers of one miner.
 */
export function judgeClaim(claim: Claim, reference: Reference, rule: GenuinenessRule = DEFAULT_GENUINENESS_RULE): Judgement {
  const positions = reference.expected.length;
  const fits = claim.tokens.length === positions && claim.top.length === positions;
  if (positions === 0 || !fits || claim.top.some((top, position) => top.length !== reference.top[position]?.length))
    return malformed(claim.tokens.length);
  const misses = reference.expected.filter((token, position) => token !== claim.tokens[position]).length;
  const far = reference.near.filter((near) => !near).length;
  const delta = meanDifference(claim.top, reference.top);
  const exact = claim.engineClass === reference.engineClass ? equal(claim.top, reference.top) : null;
  const tokensMatch = far <= rule.farMisses && (misses <= rule.freeMisses || 1 - misses / positions >= rule.minMatch);
  const reason: Reason =
    exact === false ? "notEqualInClass" : !tokensMatch ? "differentTokens" : delta > rule.maxDelta ? "differentLogProbs" : "accepted";
  return {
    ok: reason === "accepted",
    reason,
    flagged: reason !== "accepted" || delta > rule.flagDelta,
    positions,
    misses,
    far,
    delta,
    exact,
  };
}

function meanDifference(claimed: readonly TokenLogProb[][], own: readonly TokenLogProb[][]): number {
  let sum = 0;
  let count = 0;
  own.forEach((top, position) => {
    const named = new Map(claimed[position]);
    // A token the claim does not name lies at most at the claim's smallest figure; a constant penalty would punish near-ties.
    const smallest = Math.min(...named.values());
    for (const [token, logProb] of top) {
      if (logProb < COMPARED_ABOVE) continue;
      count++;
      sum += Math.min(MAX_DIFFERENCE, Math.abs(logProb - (named.get(token) ?? smallest)));
    }
  });
  return count === 0 ? MAX_DIFFERENCE : sum / count;
}

function equal(a: readonly TokenLogProb[][], b: readonly TokenLogProb[][]): boolean {
  return a.every((top, position) =>
    top.every(([token, logProb], rank) => token === b[position]?.[rank]?.[0] && logProb === b[position]?.[rank]?.[1]),
  );
}
