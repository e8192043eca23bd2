import { popcount } from "./sketch.ts";
import { type Facts, Phase, State, Status } from "./types.ts";

/** The clock a phase is derived from: a block's timestamp (seconds) and number. */
export interface Clock {
  timestamp: number;
  blockNumber: number;
}

/** Where a task is: twin of `SessionQueue.phaseOf`. Deadlines are inclusive. */
export function phaseOf(facts: Facts, now: Clock): Phase {
  if (facts.status === Status.None) return Phase.None;
  if (facts.status !== Status.Open) return Phase.Settled;
  if (now.timestamp <= facts.commitsCloseAt) {
    if (facts.lease === 0) return Phase.Queued;
    if (facts.state === State.Unseeded && BigInt(now.blockNumber) <= facts.seed) return Phase.Queued;
    return Phase.Committing;
  }
  if (popcount(BigInt(facts.committed)) < facts.quorum || facts.revealed === facts.committed) return Phase.Closed;
  return now.timestamp > facts.commitsCloseAt + facts.revealWindow ? Phase.Closed : Phase.Revealing;
}
