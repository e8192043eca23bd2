import { DEFAULT_GENUINENESS_RULE, type GenuinenessRule } from "../../offchain/protocol/genuineness.ts";
import type { JudgedRow } from "./report.ts";

/** The next-cheaper quantisation lies too near to tell it from the model itself. */
export class CannotTell extends Error {
  readonly code = "CannotTell";
  constructor(honest: number, cheap: number) {
    super(
      `found differences from ${cheap} nats for the next-cheaper quantisation and up to ${honest} nats for honest engines, wanted at least twice as much; the model is not admitted to the check of genuineness`,
    );
  }
}

/** A calibrated rule, and how it did on the answers that it was not made from. */
export interface Calibration {
  rule: GenuinenessRule;
  /** Largest difference of an honest engine, and smallest of the next-cheaper quantisation, on the half that the rule is made from; nats. */
  honestMost: number;
  cheapLeast: number;
  /** On the other half. */
  falselyRejected: number;
  honest: number;
  missed: number;
  cheap: number;
}

/**
 * Thresholds for a model: an answer is rejected from the geometric middle between the largest honest difference and the smallest of the next-cheaper
 * quantisation, and flagged from half of the logarithmic way to it. Made from every other pair of answers, tried on the rest.
 * @param honest the model on every engine class that is admitted
 * @param cheap the next-cheaper quantisation passed off as the model
 * @throws CannotTell where twice the largest honest difference reaches the smallest of the other
 */
export function calibrate(honest: readonly JudgedRow[], cheap: readonly JudgedRow[]): Calibration {
  // Pairs, because temperatures alternate.
  const makes = ({ i }: JudgedRow) => i % 4 < 2;
  const honestMost = Math.max(...honest.filter(makes).map(({ delta }) => delta));
  const cheapLeast = Math.min(...cheap.filter(makes).map(({ delta }) => delta));
  if (!(cheapLeast > 2 * honestMost)) throw new CannotTell(honestMost, cheapLeast);
  // Engines that do not differ at all leave no lower end to take a middle of.
  const lowest = Math.max(honestMost, cheapLeast / 100);
  const maxDelta = Number(Math.sqrt(lowest * cheapLeast).toPrecision(2));
  const flagDelta = Number(Math.sqrt(lowest * maxDelta).toPrecision(2));
  const tried = (rows: readonly JudgedRow[]) => rows.filter((row) => !makes(row));
  return {
    rule: { ...DEFAULT_GENUINENESS_RULE, maxDelta, flagDelta },
    honestMost,
    cheapLeast,
    falselyRejected: tried(honest).filter(({ delta }) => delta > maxDelta).length,
    honest: tried(honest).length,
    missed: tried(cheap).filter(({ delta }) => delta <= maxDelta).length,
    cheap: tried(cheap).length,
  };
}
