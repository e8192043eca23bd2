import { popcount } from "./sketch.ts";
import { type Facts, Phase, Stage, State, Status } from "./types.ts";

/** The clock a phase is derived from: a block's timestamp (seconds) and number. */
export interface Clock {
  timestamp: number;
  blockNumber: number;
}

/** Time in which a verdict that is due may be asked for, seconds: `SessionQueue.ASK_WINDOW`. */
export const ASK_WINDOW = 3_600;

/**
 * Where a task is: twin of `SessionQueue.phaseOf`. Deadlines are inclusive.
 * @param stage where its verdict is (`Validation.stageOf`); matters only where the facts say `judged`
 */
export function phaseOf(facts: Facts, now: Clock, stage: Stage = Stage.None): Phase {
  if (facts.status === Status.None) return Phase.None;
  if (facts.status !== Status.Open) return Phase.Settled;
  if (now.timestamp <= facts.commitsCloseAt) {
    if (facts.lease === 0) return Phase.Queued;
    if (facts.state === State.Unseeded && BigInt(now.blockNumber) <= facts.seed) return Phase.Queued;
    return Phase.Committing;
  }
  if (popcount(BigInt(facts.committed)) < facts.quorum) return Phase.Closed;
  const revealsCloseAt = facts.commitsCloseAt + facts.revealWindow;
  if (facts.revealed !== facts.committed && now.timestamp <= revealsCloseAt) return Phase.Revealing;
  return facts.judged ? verdictPhase(facts, now, stage, revealsCloseAt) : Phase.Closed;
}

/** Nobody is asked about fewer openings than a quorum, nor after `ASK_WINDOW`. */
function verdictPhase(facts: Facts, now: Clock, stage: Stage, revealsCloseAt: number): Phase {
  if (stage === Stage.Final) return Phase.Closed;
  if (stage === Stage.Appealable) return Phase.Appealable;
  if (stage !== Stage.None) return Phase.Validating;
  if (popcount(BigInt(facts.revealed)) < facts.quorum) return Phase.Closed;
  return now.timestamp > revealsCloseAt + ASK_WINDOW ? Phase.Closed : Phase.Validating;
}

/** Whether the lease's next member may take a silent seat now: in the second half of the commit window, once. */
export function mayStandIn(facts: Facts, now: Clock): boolean {
  return facts.standby && !facts.stoodIn && now.timestamp > facts.commitsCloseAt - Math.floor(facts.commitWindow / 2);
}
