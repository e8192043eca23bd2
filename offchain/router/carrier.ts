import { phaseOf, type Clock } from "../protocol/phases.ts";
import { type Facts, Phase, type TaskTerms } from "../protocol/types.ts";

/** What a carrier sees of a task. Seats are bitmaps. */
export interface CarrierSight {
  task: bigint;
  terms: Pick<TaskTerms, "commitWindow" | "revealWindow">;
  facts: Facts;
  /** Seats whose signed commitments are held. */
  commitments: number;
  /** Seats whose openings are held or public. */
  openings: number;
  /** What is on its way already, or failed a moment ago. */
  carrying: { commitments: number; openings: number; settling: boolean };
}

/** One transaction, and why. */
export type CarrierAction =
  | { kind: "commit"; tasks: { task: bigint; seats: number }[] }
  | { kind: "reveal"; tasks: { task: bigint; seats: number }[] }
  | { kind: "settle"; task: bigint };

/**
 * The part of a window after which a carrier sends what it has. Members act for themselves from 30 % on, so that this lies a little before: then one
 * transaction of the carrier's is on its way before each of them sends its own.
 */
export const PATIENCE = 0.25;
/** Most tasks in one transaction. */
export const MOST_COMMITS = 16;
export const MOST_REVEALS = 8;

/**
 * What a carrier sends now. Pure. All that is ready in the same moment goes out together.
 * @param next the earliest clock of the next block, in which an act would land
 */
export function decide(sights: CarrierSight[], next: Clock): CarrierAction[] {
  const phased = sights.map((sight) => ({ sight, phase: phaseOf(sight.facts, next) }));
  const commits = phased.flatMap(({ sight, phase }) =>
    phase === Phase.Committing ? ready(sight.task, freshCommitments(sight, next)) : [],
  );
  const reveals = phased.flatMap(({ sight, phase }) => (phase === Phase.Revealing ? ready(sight.task, freshOpenings(sight, next)) : []));
  const closed = phased.filter(({ sight, phase }) => phase === Phase.Closed && !sight.carrying.settling);
  return [
    ...batches(commits, MOST_COMMITS).map((tasks): CarrierAction => ({ kind: "commit", tasks })),
    ...batches(reveals, MOST_REVEALS).map((tasks): CarrierAction => ({ kind: "reveal", tasks })),
    ...closed.map(({ sight: { task } }): CarrierAction => ({ kind: "settle", task })),
  ];
}

/** Seats to commit now: all as soon as they are complete, what there is once patience has ended. */
function freshCommitments({ facts, terms, commitments, carrying }: CarrierSight, next: Clock): number {
  const fresh = commitments & ~facts.committed & ~carrying.commitments;
  const complete = (facts.committed | commitments) === (1 << facts.redundancy) - 1;
  const opened = facts.commitsCloseAt - terms.commitWindow;
  return complete || next.timestamp >= opened + terms.commitWindow * PATIENCE ? fresh : 0;
}

/** Seats to open now. A reveal that completes the task settles it, so one that is on its way is waited for. */
function freshOpenings({ facts, terms, openings, carrying }: CarrierSight, next: Clock): number {
  if (carrying.openings !== 0) return 0;
  const fresh = openings & facts.committed & ~facts.revealed;
  const complete = (facts.committed & ~facts.revealed & ~openings) === 0;
  return complete || next.timestamp >= facts.commitsCloseAt + terms.revealWindow * PATIENCE ? fresh : 0;
}

const ready = (task: bigint, seats: number) => (seats === 0 ? [] : [{ task, seats }]);

function batches<T>(list: T[], most: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / most) }, (_, i) => list.slice(i * most, (i + 1) * most));
}
