import type { Reason } from "../../offchain/protocol/genuineness.ts";
import { temperatureOf } from "./probes.ts";

/** What the reference made of one claim. */
export interface JudgedRow {
  i: number;
  ok: boolean;
  reason: Reason;
  flagged: boolean;
  positions: number;
  misses: number;
  far: number;
  delta: number;
  exact: boolean | null;
}

/** Answers of one miner in a row, of which one rejected answer catches it. */
export const GROUP = 4;

/** One maker's claims, judged. Rates from 0 to 1. */
export interface Summary {
  answers: number;
  tokens: number;
  rejected: number;
  rejectedRate: number;
  /** Share of the groups of `GROUP` answers in a row with at least one rejected. */
  rejectedWithinFour: number;
  flagged: number;
  /** Claims equal to the reference's bit for bit, of those of its own engine class. */
  exact: number;
  reasons: Partial<Record<Reason, number>>;
  /** Mean |difference of log-probability|, nats. */
  delta: { median: number; p95: number; least: number; most: number };
  /** Share of the positions at which the reference would have drawn another token, and of those where not even nearly this one. */
  misses: { greedy: number; warm: number };
  far: { greedy: number; warm: number };
}

export function summarise(rows: readonly JudgedRow[]): Summary {
  const deltas = rows.map(({ delta }) => delta).sort((a, b) => a - b);
  const at = (share: number) => deltas[Math.min(deltas.length - 1, Math.floor(share * deltas.length))] ?? 0;
  const groups = Array.from({ length: Math.floor(rows.length / GROUP) }, (_, i) => rows.slice(i * GROUP, (i + 1) * GROUP));
  const rejected = rows.filter(({ ok }) => !ok);
  const share = (of: "misses" | "far", warm: boolean) => {
    const some = rows.filter(({ i, reason }) => temperatureOf(i) > 0 === warm && reason !== "malformed");
    return round(
      sum(some, (row) => row[of]) /
        Math.max(
          1,
          sum(some, ({ positions }) => positions),
        ),
    );
  };
  return {
    answers: rows.length,
    tokens: sum(rows, ({ positions }) => positions),
    rejected: rejected.length,
    rejectedRate: round(rejected.length / rows.length),
    rejectedWithinFour: round(groups.filter((group) => group.some(({ ok }) => !ok)).length / groups.length),
    flagged: rows.filter(({ flagged }) => flagged).length,
    exact: rows.filter(({ exact }) => exact === true).length,
    reasons: Object.fromEntries(
      [...new Set(rows.map(({ reason }) => reason))].map((reason) => [reason, rows.filter((row) => row.reason === reason).length]),
    ),
    delta: { median: round(at(0.5)), p95: round(at(0.95)), least: round(at(0)), most: round(at(1)) },
    misses: { greedy: share("misses", false), warm: share("misses", true) },
    far: { greedy: share("far", false), warm: share("far", true) },
  };
}

/**
 * Tokens after which a cheat is seen with 99 % where each position shows it with this probability; null where it never shows.
 * @param farRate far misses per position
 */
export function tokensToCatch(farRate: number): number | null {
  if (farRate <= 0) return null;
  return farRate >= 1 ? 1 : Math.ceil(Math.log(0.01) / Math.log(1 - farRate));
}

const sum = <T>(items: readonly T[], value: (item: T) => number) => items.reduce((total, item) => total + value(item), 0);
/** Six significant digits are more than 500 answers can tell. */
const round = (value: number) => Number(value.toPrecision(6));
