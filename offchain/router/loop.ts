import { setImmediate as nextTurn } from "node:timers/promises";
import type { EventCursor, Head } from "../chain/cursor.ts";
import { mayPass } from "../chain/errors.ts";
import type { Sender } from "../chain/sender.ts";
import type { SessionView, Views } from "../chain/views.ts";
import type { LogStore } from "../chain/logStore.ts";
import type { Bell } from "../runtime/bell.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { CarriedStore } from "./carriedStore.ts";
import { decide } from "./carrier.ts";
import type { Executor } from "./execute.ts";
import { decideLease, leaseNeedsCare } from "./upkeep.ts";
import type { World } from "./world.ts";

export interface LoopParts {
  cursor: EventCursor;
  journal: LogStore;
  store: CarriedStore;
  world: World;
  sender: Sender;
  executor: Executor;
  views: Pick<Views, "eligibleCount">;
  pollMs: number;
  /** Ends the loop. */
  stopping: AbortSignal;
  log: Logger;
  /** Told of every head that was acted on, and of every failure to reach one. */
  onHead: (head: Head) => void;
  onOutage: (error: string) => void;
}

const LONGEST_PAUSE_MS = 8_000;
/** The same shortage is told again after this time. */
const SHORTAGE_EVERY_MS = 30_000;

/** What was told last of too few nodes, and when. */
interface Shortage {
  text: string;
  atMs: number;
}

/** Observe, decide, execute, until stopped. Rounds never overlap. Throws what is not retryable, for example ReorgTooDeep. */
export async function runLoop(parts: LoopParts, bell: Bell): Promise<void> {
  const { stopping, pollMs, log, onOutage } = parts;
  const shortages = new Map<number, Shortage>();
  let failures = 0;
  let ticked: Head | undefined;
  while (!stopping.aborted) {
    let pause = pollMs;
    try {
      const { head, caughtUp } = await oneRound(parts, ticked, shortages);
      ticked = head;
      if (failures > 0) log.info({ afterFailures: failures }, "the chain answers again");
      failures = 0;
      if (!caughtUp) pause = 0;
    } catch (error) {
      if (stopping.aborted) return;
      if (!mayPass(error)) throw error;
      failures++;
      pause = Math.min(pollMs * 2 ** failures, LONGEST_PAUSE_MS);
      onOutage(oneLine(error));
      if (failures === 1)
        log.warn({ code: (error as { code?: string }).code, error: oneLine(error) }, "the chain cannot be read; trying again");
    }
    await bell.pause(pause, stopping);
  }
}

async function oneRound(parts: LoopParts, ticked: Head | undefined, shortages: Map<number, Shortage>) {
  const { cursor, journal, store, world, sender, executor, log, onHead } = parts;
  const polled = await cursor.poll();
  const readAt = performance.now();
  const batch = { ...polled, added: polled.added.filter((event) => world.concerns(event)) };
  const { head, caughtUp, removedFrom } = batch;
  // What a reorganisation left is read back from the journal. Otherwise whoever was waiting goes on before the batch is written down, which takes
  // longer than an answer: a process that ends in between reads the batch again. Nothing that comes from outside is served in between.
  if (removedFrom !== undefined) journal.absorb(batch, cursor);
  const forgotten = world.absorb(batch, readAt);
  if (removedFrom === undefined) {
    if (batch.added.length > 0) await nextTurn();
    journal.absorb(batch, cursor);
  }
  for (const task of forgotten) {
    store.forget(task);
    executor.forget(task);
  }
  if (removedFrom !== undefined) {
    const reopened = sender.reorged(removedFrom);
    log.warn({ fromBlock: removedFrom, head: head.number, reopened }, "the chain was reorganised");
  }
  if (!caughtUp) return { head: ticked, caughtUp };
  if (head.hash !== ticked?.hash) await sender.tick(head);
  const open = await world.observe(head);
  executor.run(
    decide(
      open.map((known) => executor.sight(known)),
      world.next,
    ),
  );
  for (const [id, session] of world.sessions) await careForLease(parts, id, session, shortages);
  onHead(head);
  return { head, caughtUp };
}

async function careForLease(
  { world, views, executor, log }: LoopParts,
  id: number,
  session: SessionView,
  shortages: Map<number, Shortage>,
): Promise<void> {
  if (!leaseNeedsCare(session, world.next)) return;
  const eligible = await views.eligibleCount(session.model, world.head!.number);
  const action = decideLease({ session, eligible, held: world.book.leases.has(session.lease) }, world.next);
  executor.runLease(id, action);
  const now = performance.now();
  const shortage = shortages.get(id);
  if (!action.short || (action.reason === shortage?.text && now < shortage.atMs + SHORTAGE_EVERY_MS)) return;
  shortages.set(id, { text: action.reason, atMs: now });
  log.warn(
    { session: id, eligible, wanted: session.leaseNodes, leaseUntil: session.leaseUntil },
    `too few free nodes for a lease: ${action.reason}`,
  );
}
