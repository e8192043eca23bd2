import type { Clock } from "./phases.ts";
import type { ROUND_ENDINGS, ROUND_PHASES } from "./roundEvents.ts";
import type { RoundAwait } from "./roundWork.ts";
import { popcount } from "./sketch.ts";

/** What may be said of a round from what is stored and the clock: twin of contracts/libraries/RoundLib.sol. */

/** How far a round has come, in the order of `Step`. */
export const ROUND_STEPS = [
  "none",
  "draw creator",
  "create",
  "draw preparer",
  "prepare",
  "draw answerers",
  "answer",
  "draw panel",
  "score",
] as const;
export type RoundStep = (typeof ROUND_STEPS)[number];
export type RoundPhase = (typeof ROUND_PHASES)[number];

/** Most replacements and repeated draws of a round. */
const MAX_REPLACED = 3;
/** Late nodes that are remembered. */
const MAX_LATE = 8;

/** How far a round's step has come. Times in seconds, seats are bits. */
export interface RoundProgress {
  /** Last second of the step; of "answer" and "score": last second to commit. */
  deadline: number;
  /** Block that decides the awaited draw. */
  seedBlock: number;
  committed: number;
  revealed: number;
  scored: number;
  opened: number;
}

/** Of a round's stored facts, what its phase follows from. */
export interface StoredRound extends RoundProgress {
  step: RoundStep;
  /** Whether type 1 claimed. */
  claimed: boolean;
}

/** Of a round's rules, what its phases follow from; seconds. */
export interface RoundWindows {
  quorum: number;
  validators: number;
  drawWindow: number;
  claimWindow: number;
  createWindow: number;
  prepareWindow: number;
  commitWindow: number;
  revealWindow: number;
  scoreWindow: number;
}

/** More than half of the validators that were to be drawn: twin of `RoundLib.panelQuorum`. */
export const panelQuorumOf = (validators: number): number => Math.floor(validators / 2) + 1;

/** Most seconds from a round's opening to the moment from which anyone can end it: twin of `RoundLib.life`. */
export function roundLife(rules: RoundWindows): number {
  const { drawWindow, claimWindow, createWindow, prepareWindow, commitWindow, revealWindow, scoreWindow } = rules;
  const once = 4 * drawWindow + claimWindow + createWindow + prepareWindow + commitWindow + revealWindow + 2 * scoreWindow;
  return once * (1 + MAX_REPLACED);
}

/** Whether a step waits for the block that decides a draw. */
export const isDraw = (step: RoundStep): boolean => step.startsWith("draw ");

/** What a round waits for in a block, and the last second of that wait: twin of `RoundLib.awaits`. `now` is that block's own clock. */
export function awaitsAt(facts: StoredRound, rules: RoundWindows, now: Clock): { awaits: RoundAwait; deadline: number } {
  const { step, deadline, claimed } = facts;
  if (step === "none") return { awaits: "nothing", deadline: 0 };
  const past = now.timestamp > deadline;
  if (isDraw(step)) return { awaits: past || now.blockNumber > facts.seedBlock ? "advance" : "seed", deadline };
  if (step === "create" || step === "prepare") {
    if (past) return { awaits: "advance", deadline };
    if (step === "prepare") return { awaits: "questions", deadline };
    return { awaits: claimed ? "topics" : "claim", deadline };
  }
  const answers = step === "answer";
  if (!past) return { awaits: answers ? "commitments" : "scores", deadline };
  const [sealed, opened] = answers ? [facts.committed, facts.revealed] : [facts.scored, facts.opened];
  if (popcount(BigInt(sealed)) < (answers ? rules.quorum : panelQuorumOf(rules.validators))) return { awaits: "advance", deadline };
  const closesAt = deadline + (answers ? rules.revealWindow : rules.scoreWindow);
  if (sealed === opened || now.timestamp > closesAt) return { awaits: "advance", deadline: closesAt };
  return { awaits: answers ? "openings" : "score openings", deadline: closesAt };
}

/** The phase of a round that runs: twin of `RoundLib.phase`. */
export function runningPhase({ step, claimed, deadline }: StoredRound, now: Clock): RoundPhase {
  if (step === "draw creator") return "request";
  if (step === "create") return claimed ? "create" : "request";
  if (step === "draw preparer" || step === "prepare") return "prepare";
  if (step === "draw answerers") return "start";
  if (step !== "answer") return "score";
  return now.timestamp > deadline ? "reveal" : "commit";
}

/** The phase of a round that is over, or of none: twin of `PoUW.phaseOf` where no step runs. */
export function endedPhase(ending: (typeof ROUND_ENDINGS)[number] | undefined): RoundPhase {
  if (ending === undefined) return "none";
  return ending === "judged" || ending === "undecided" ? "ended" : "aborted";
}

/** The late nodes with one more, which is not drawn again; the first eight are remembered: twin of `RoundLib.shunLate`. */
export const withLate = (late: readonly number[], node: number): number[] => (late.length === MAX_LATE ? [...late] : [...late, node]);
