import type { Batch, EventCursor, Head } from "../chain/cursor.ts";
import { mayPass } from "../chain/errors.ts";
import type { Sender } from "../chain/sender.ts";
import { phaseOf } from "../protocol/phases.ts";
import { Phase } from "../protocol/types.ts";
import type { Bell } from "../runtime/bell.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { Shutdown } from "../runtime/shutdown.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { decide, owed, type Role } from "./decide.ts";
import type { Executor } from "./execute.ts";
import type { Journal } from "./journal.ts";
import type { RoundWatch } from "./roundWatch.ts";
import type { Observation, World } from "./world.ts";

export interface LoopParts {
  cursor: EventCursor;
  journal: Journal;
  world: World;
  /** Rounds of network work; absent: the node takes no part in them. */
  rounds?: Pick<RoundWatch, "observe">;
  sender: Sender;
  executor: Executor;
  node: number;
  roles: readonly Role[];
  pollMs: number;
  shutdown: Shutdown;
  log: Logger;
  /** Told of every head that was acted on, and of every failure to reach one. */
  onHead: (head: Head) => void;
  onObserved?: (observation: Observation) => void;
  onReorg?: (depth: number) => void;
  onOutage: (error: string) => void;
  /** Told when `Runtime` changed, and when the node's model did. */
  onRuntime: () => Promise<void>;
  onModel: () => Promise<void>;
  onPenalty?: (kind: "slashed" | "jailed") => void;
  /** Told of every new task. */
  onQueued?: (task: bigint) => void;
  /** Whether the node leaves these contracts: it then serves what it is seated for and ends. `leaving` aborts when that took too long. */
  leaves: () => boolean;
  leaving: AbortSignal;
}

const LONGEST_PAUSE_MS = 8_000;

/**
 * Observe, decide, execute, until stopped. Rounds never overlap. Ends after a drain: when nothing that is committed still has to be revealed and no
 * transaction waits, or when the shutdown stops it. Throws what is not retryable, for example ReorgTooDeep.
 */
export async function runLoop(parts: LoopParts, bell: Bell): Promise<void> {
  const { shutdown, pollMs, log, onOutage } = parts;
  let failures = 0;
  let acted: Head | undefined;
  while (!shutdown.stopping.aborted) {
    let pause = pollMs;
    try {
      const round = await oneRound(parts, acted);
      acted = round.head;
      if (failures > 0) log.info({ afterFailures: failures }, "the chain answers again");
      failures = 0;
      if (round.drained) return;
      if (round.behind) pause = 0;
    } catch (error) {
      if (shutdown.stopping.aborted) return;
      if (!mayPass(error)) throw error;
      failures++;
      pause = Math.min(pollMs * 2 ** failures, LONGEST_PAUSE_MS);
      onOutage(oneLine(error));
      if (failures === 1)
        log.warn({ code: (error as { code?: string }).code, error: oneLine(error) }, "the chain cannot be read; trying again");
    }
    await bell.pause(pause, shutdown.stopping);
  }
}

/** What the chain says about where the contracts are and which model this node serves. */
async function follow({ node, onRuntime, onModel, onPenalty, onQueued, log }: LoopParts, { added }: Batch): Promise<void> {
  for (const { name, args } of added) if (name === "TaskQueued") onQueued?.(args.getValue("task") as bigint);
  for (const { name, args, transactionHash } of added) {
    if ((name !== "NodeSlashed" && name !== "NodeJailed") || Number(args.getValue("node")) !== node) continue;
    onPenalty?.(name === "NodeSlashed" ? "slashed" : "jailed");
    log.error({ reason: name, transaction: transactionHash }, "this node was penalised");
  }
  if (added.some(({ module, name }) => module === "Runtime" && name === "ModuleChanged")) await onRuntime();
  if (added.some(({ name, args }) => name === "NodeServiceChanged" && Number(args.getValue("node")) === node)) await onModel();
}

/** One look at the chain, and what follows from it. Throws what reading throws. */
export async function oneRound(
  parts: LoopParts,
  acted: Head | undefined,
): Promise<{ head: Head | undefined; behind?: boolean; drained?: boolean }> {
  const { cursor, journal, world, sender, executor, shutdown, log, onHead } = parts;
  const batch = await cursor.poll();
  if (batch.added.some(({ name }) => name === "TaskQueued")) crashPoint("seen");
  journal.absorb(batch, cursor);
  world.absorb(batch);
  const { head, removedFrom, caughtUp } = batch;
  if (removedFrom !== undefined) {
    const reopened = sender.reorged(removedFrom);
    parts.onReorg?.(head.number - removedFrom + 1);
    log.warn({ fromBlock: removedFrom, head: head.number, reopened }, "the chain was reorganised");
  }
  if (!caughtUp) return { head: acted, behind: true };
  if (head.hash !== acted?.hash) await sender.tick(head);
  const [tasks, network] = await Promise.all([world.observe(head), parts.rounds?.observe(head)]);
  const observation: Observation = { ...tasks, ...(network !== undefined && { network }) };
  parts.onObserved?.(observation);
  await follow(parts, batch);
  const draining = shutdown.draining.aborted || parts.leaving.aborted;
  const actions = draining ? owed(observation) : decide(observation, parts.roles);
  executor.run(actions, head);
  onHead(head);
  const idle = executor.running.length === 0 && sender.pending.length === 0;
  const rests = () => observation.seats.length === 0 && owed(observation).length === 0 && !mayBeSeated(observation, parts.roles);
  const drained = idle && (draining ? actions.length === 0 : parts.leaves() && rests());
  return { head, drained };
}

/** Whether a task that runs may still want this node: its draw is not decided yet, or it will be judged. */
const mayBeSeated = ({ tasks, now }: Observation, roles: readonly Role[]): boolean =>
  tasks.some(({ facts }) => phaseOf(facts, now) === Phase.Queued || (facts.judged && roles.includes("validator")));
