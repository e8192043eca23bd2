import { phaseOf, type Clock } from "../../protocol/phases.ts";
import { type Facts, Phase, Stage } from "../../protocol/types.ts";

/** A task as a keeper sees it. */
export interface TaskSight {
  task: bigint;
  facts: Facts;
  /** Where its verdict is; `Stage.None` where nobody asked for one. */
  stage?: Stage;
  /** Block time at which this node first saw the task closed; seconds. */
  closedSeenAt?: number;
}

/** A session's draw that waits for its seed. */
export interface DrawSight {
  session: number;
  seedBlock: number;
}

/** A lease that was not collected yet; `until` in seconds. */
export interface LeaseSight {
  lease: number;
  until: number;
}

export type OracleAction =
  | { kind: "assign"; task: bigint; reason: string }
  | { kind: "ask"; task: bigint; reason: string }
  | { kind: "settle"; task: bigint; reason: string }
  | { kind: "drawLease"; session: number; seedBlock: number; reason: string }
  | { kind: "collect"; lease: number; reason: string };

/** Who this keeper is among those that may act: keepers take turns, so that one transaction is sent and not one by each. */
export interface Turns {
  node: number;
  nodeCount: number;
}

/** Seconds that routers, and then each keeper, have before the next one acts. */
export const GRACE = 4;
/** Blocks between keepers' turns where nobody is named to act first. */
const TURN_BLOCKS = 2;
/** Turns repeat after this many keepers, so that the wait stays short however many nodes there are. */
const MOST_TURNS = 4;

/** What a keeper does now. Pure; `now` as in decideMiner. */
export function decideOracle(
  { tasks, draws, leases }: { tasks: TaskSight[]; draws: DrawSight[]; leases: LeaseSight[] },
  turns: Turns,
  now: Clock,
): OracleAction[] {
  const turn = (subject: bigint | number) =>
    Number((BigInt(subject) + BigInt(turns.node)) % BigInt(Math.max(1, Math.min(turns.nodeCount, MOST_TURNS))));
  return [
    ...tasks.flatMap((sight) => decideTask(sight, turn(sight.task), now)),
    ...draws.flatMap(({ session, seedBlock }): OracleAction[] => {
      if (now.blockNumber <= seedBlock + turn(session) * TURN_BLOCKS) return [];
      return [{ kind: "drawLease", session, seedBlock, reason: "a lease was asked for and its seed is known" }];
    }),
    ...leases.flatMap(({ lease, until }): OracleAction[] => {
      if (now.timestamp <= until + turn(lease) * GRACE) return [];
      return [{ kind: "collect", lease, reason: "the lease has lapsed" }];
    }),
  ];
}

function decideTask({ task, facts, stage = Stage.None, closedSeenAt }: TaskSight, turn: number, now: Clock): OracleAction[] {
  const phase = phaseOf(facts, now, stage);
  if (phase === Phase.Validating && stage === Stage.None) {
    // The last opening asks by itself; where one stays away, somebody must.
    if (now.timestamp <= facts.commitsCloseAt + facts.revealWindow + turn * GRACE) return [];
    return [{ kind: "ask", task, reason: "reveals have closed and nobody asked for the verdict" }];
  }
  if (phase === Phase.Queued && facts.lease === 0 && now.timestamp < facts.commitsCloseAt) {
    if (BigInt(now.blockNumber) <= facts.seed + BigInt(turn * TURN_BLOCKS)) return [];
    return [{ kind: "assign", task, reason: "the task has no committee and its seed is known" }];
  }
  if (phase === Phase.Closed && closedSeenAt !== undefined && now.timestamp >= closedSeenAt + GRACE * (1 + turn))
    return [{ kind: "settle", task, reason: "the task is closed and nobody settled it" }];
  return [];
}
