import { setTimeout as delay } from "node:timers/promises";
import type { Head } from "../chain/cursor.ts";
import { ChainRevert } from "../chain/errors.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { Action } from "./decide.ts";
import { JournalConflict } from "./journal.ts";

export interface ExecutorOptions {
  /** Carries one act out. */
  act: (action: Action, head: Head, signal: AbortSignal) => Promise<void>;
  log: Logger;
  /** Milliseconds on a clock that never goes back; default this process's. */
  now?: () => number;
  /** Told of each act that ended. */
  onAct?: (kind: string, outcome: "done" | "failed") => void;
  /** Told of an error after which nothing may go on. */
  onFatal: (error: Error) => void;
}

/** How often each kind of act was done, and how often it failed. */
export type ActionCounters = Record<string, { done: number; failed: number }>;

/** Acts that take the engine, and are cut short when they are no longer wanted. */
export const INFERRING: ReadonlySet<string> = new Set<Action["kind"]>([
  "infer",
  "judge",
  "createTopics",
  "prepareQuestion",
  "answerRound",
  "scoreRound",
]);
const MAX_INFERRING = 4;
const STOP_MS = 2_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;

/** Carries actions out, each once at a time, with growing pauses after failures. Decisions are made again every time, so nothing here waits long. */
export class Executor {
  readonly counters: ActionCounters = {};
  readonly #options: ExecutorOptions;
  readonly #now: () => number;
  readonly #running = new Map<string, { kind: string; abort: AbortController; done: Promise<void> }>();
  readonly #pauses = new Map<string, { until: number; ms: number }>();

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Acts in progress. */
  get running(): string[] {
    return [...this.#running.keys()];
  }

  /** Starts what is not running yet, and ends inference that is no longer wanted. */
  run(actions: Action[], head: Head): void {
    const wanted = new Map(actions.filter(({ kind }) => kind !== "wait").map((action) => [keyOf(action), action]));
    for (const [key, { kind, abort }] of this.#running)
      if (INFERRING.has(kind) && !wanted.has(key)) abort.abort(new Error("no longer wanted"));
    for (const key of this.#pauses.keys()) if (!wanted.has(key)) this.#pauses.delete(key);
    for (const [key, action] of wanted) {
      if (this.#running.has(key) || this.#now() < (this.#pauses.get(key)?.until ?? 0)) continue;
      const inferring = [...this.#running.values()].filter(({ kind }) => INFERRING.has(kind)).length;
      if (INFERRING.has(action.kind) && inferring >= MAX_INFERRING) continue;
      this.#start(key, action, head);
    }
  }

  /** Ends everything that can be ended; what waits for a block is in the journal and goes on after a restart. */
  async stop(): Promise<void> {
    for (const { abort } of this.#running.values()) abort.abort(new Error("the node stops"));
    await Promise.race([Promise.all([...this.#running.values()].map(({ done }) => done)), delay(STOP_MS, undefined, { ref: false })]);
  }

  #start(key: string, action: Action, head: Head): void {
    const { act, log, onAct } = this.#options;
    const { kind, reason } = action;
    const abort = new AbortController();
    const counter = (this.counters[kind] ??= { done: 0, failed: 0 });
    log.debug({ act: key, reason }, "acting");
    const done = act(action, head, abort.signal)
      .then(
        () => {
          counter.done++;
          onAct?.(kind, "done");
          this.#pauses.delete(key);
          log.info({ act: key, reason }, "done");
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          counter.failed++;
          onAct?.(kind, "failed");
          this.#failed(key, error);
        },
      )
      .finally(() => this.#running.delete(key));
    this.#running.set(key, { kind, abort, done });
  }

  #failed(key: string, error: unknown): void {
    const { log, onFatal } = this.#options;
    const { code } = error as { code?: string };
    // A journal that cannot be written must not be acted past.
    if (error instanceof JournalConflict || code?.startsWith("SQLITE_")) onFatal(error as Error);
    const ms = Math.min((this.#pauses.get(key)?.ms ?? FIRST_PAUSE_MS / 2) * 2, LONGEST_PAUSE_MS);
    this.#pauses.set(key, { until: this.#now() + ms, ms });
    log[error instanceof ChainRevert ? "info" : "warn"]({ act: key, code, error: oneLine(error), againInMs: ms }, "not done");
  }
}

function keyOf(action: Action): string {
  if (action.kind === "drawLease") return `drawLease:${action.session}`;
  if (action.kind === "collect") return `collect:${action.lease}`;
  return `${action.kind}:${"of" in action ? action.of : action.task}`;
}
