import type { Clock } from "../../protocol/phases.ts";
import { Stage } from "../../protocol/types.ts";

/** What a validator sees of a panel in which it sits. Times are block times, seconds. */
export interface VerdictSight {
  task: bigint;
  /** Of the task: 0, or 1 after a first attempt without a majority. */
  attempt: number;
  /** Of the verdict: 0, or 1 after an appeal. */
  round: number;
  seat: number;
  stage: Stage;
  /** Last second to commit, until the last seat has committed. */
  closeAt: number;
  commitWindow: number;
  revealWindow: number;
  committed: boolean;
  opened: boolean;
  /** "lost": the verdict made anew is not the one that is committed. */
  work: "none" | "ready" | "lost";
}

export type ValidatorKind = "judge" | "commitVerdict" | "openVerdict" | "wait";

/** One thing to do, and why. "judge" is said again as long as it is wanted. */
export interface ValidatorAction {
  kind: ValidatorKind;
  task: bigint;
  attempt: number;
  round: number;
  seat: number;
  /** For "judge": from this second on, content that cannot be had is found unavailable. */
  giveUpAt: number;
  reason: string;
}

/** For this part of the commit window a validator asks again for content that it did not get. */
const PATIENCE = 0.5;

/** What a seat in a panel does next. Pure; `now` as in decideMiner. */
export function decideValidator(sight: VerdictSight, now: Clock): ValidatorAction {
  const { task, attempt, round, seat, closeAt, commitWindow } = sight;
  const giveUpAt = Math.ceil(closeAt - commitWindow * (1 - PATIENCE));
  const act = (kind: ValidatorKind, reason: string): ValidatorAction => ({ kind, task, attempt, round, seat, giveUpAt, reason });
  if (sight.stage === Stage.Committing) {
    if (sight.committed) return act("wait", "committed; other seats may still commit");
    if (now.timestamp >= closeAt) return act("wait", "the next block comes after commitments have closed");
    if (sight.work === "none") return act("judge", "seated in the panel, and commitments are open");
    return sight.work === "ready" ? act("commitVerdict", "judged") : act("wait", "the verdict is lost");
  }
  if (sight.stage !== Stage.Revealing) return act("wait", "nothing is asked of the panel");
  if (!sight.committed) return act("wait", "commitments have closed without this seat");
  if (sight.opened) return act("wait", "opened");
  if (sight.work === "none") return act("judge", "committed on chain, and the verdict is not in the journal");
  return sight.work === "ready" ? act("openVerdict", "commitments have closed") : act("wait", "the verdict that was committed is lost");
}

/** Whether a seat still owes the chain an opening, so that a graceful end waits for it. */
export const owesVerdict = ({ committed, opened, work }: VerdictSight): boolean => committed && !opened && work === "ready";
