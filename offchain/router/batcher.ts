import { randomUUID } from "node:crypto";
import type { Digest } from "../content/contentId.ts";
import type { LocalStore } from "../content/localStore.ts";
import { seal } from "../content/sealing.ts";
import { taskManifestBytes, type TaskManifest } from "../inference/taskManifest.ts";
import { encodePromptTokens } from "../protocol/answers.ts";
import { canonicalJson } from "../protocol/canonicalJson.ts";
import type { Message } from "../protocol/manifest.ts";
import type { Status } from "../protocol/types.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import { ApiError } from "./apiError.ts";
import type { EndedTask } from "./arrivals.ts";
import { endingOf } from "./endings.ts";
import { Pace } from "./pace.ts";
import { Seals } from "./seals.ts";
import type { Submission, Submitted } from "./submission.ts";
import type { World } from "./world.ts";

/** One prompt with its own place in a task, and all that it must share with the others of the task. */
export interface Ask {
  messages: Message[];
  promptTokens: number;
  shared: Omit<TaskManifest, "v" | "prompts"> & { sealed?: boolean };
  signal: AbortSignal;
  /** Told under which name it will be submitted and as which prompt, before anything is sent. */
  onNamed?: ((name: string, prompt: number) => void) | undefined;
}

/** Where a prompt is: the task, and its number in it. */
export interface Place extends Submitted {
  /** Under which it was submitted. */
  name: string;
  prompt: number;
  /** When the news of its end came, by performance.now(); undefined before. */
  told: { at: number | undefined };
  /** When it was known to be on chain, by performance.now(). Until its end is told the chain is waited for, whatever else is done meanwhile. */
  placedAt: number;
  /** Why it was not on chain sooner, milliseconds: `queue` until the session's nodes had room, `router` what gathering cost. */
  waited: { queue: number; router: number };
  /** Resolves when the task has ended; rejects as `endingOf` does. */
  ended: Promise<EndedTask>;
}

export interface BatchLimits {
  /** Requests that come within this time ride together; 0 gathers only what waits for an earlier submission. */
  windowMs: number;
  /** Most prompts in one task; the session's own limit holds as well. */
  size: number;
}

export interface BatcherParts {
  content: LocalStore;
  submission: Submission;
  world: World;
  limits: BatchLimits;
  /** Keys of sealed tasks; without it nothing is sealed. */
  seals?: Seals;
  log: Logger;
}

interface Waiting {
  ask: Ask;
  /** When it came, and since when it could not go because nodes have enough to do. By performance.now(). */
  enteredAt: number;
  blockedAt: number | undefined;
  resolve: (place: Place) => void;
  reject: (error: unknown) => void;
}

interface Group {
  waiting: Waiting[];
  /** Submissions of this kind that wait to be mined: while one does, the next one gathers. */
  submitting: number;
  timer: NodeJS.Timeout | undefined;
  gatheredSince: number;
  /** When they go who are gathered until the next block. By performance.now(). */
  dueAt: number | undefined;
}

/** While others are on their way, what comes is gathered for the next task, but no longer than this. */
const MOST_GATHER_MS = 1_000;
/** Before the next block, on top of what a submission may take: whoever goes then is in it like whoever went at once. */
const LEAD_MS = 50;
/** A measurement's weight in the mean of what submissions take, and in that of how far they are from it. */
const FRESH_SHARE = 0.25;
/** So many mean deviations above the mean a submission may take: RFC 6298, section 2, which waits for answers by the same rule. */
const DEVIATIONS = 4;
/** Who would wait for longer is told to come again. */
const MOST_WAIT_SECONDS = 120;
const LONGEST_RETRY_SECONDS = 60;
/** A little below the queue's ring of 64 open tasks per session. */
const MOST_OPEN = 60;
/** Longer than this after it was submitted no task can be taken back. */
const CANCEL_MS = 60_000;
/** Most contents in a manifest, bytes; below the protocol's own limit, which counts keys and quotes too. */
const MOST_TEXT = 192 * 1024;

/**
 * Lets prompts that want the same terms ride in one task. Under no load each goes at once and alone. While others are on their way they are gathered
 * until shortly before the next block, which costs nobody time; and while nodes have enough to do they wait here until one has less.
 */
export class Batcher {
  /** Tasks submitted, and the prompts in them. */
  readonly counters = { tasks: 0, prompts: 0 };
  readonly #parts: BatcherParts;
  readonly #groups = new Map<string, Group>();
  /** How many still wait for each task that was submitted a moment ago. */
  readonly #awaited = new Map<bigint, number>();
  readonly #closing = new AbortController();
  readonly #pace = new Pace();
  #openTasks = 0;
  /** From the hand-over of a task until it is broadcast, milliseconds: the mean, and the mean distance from it. */
  #sendMs = 0;
  #sendOffMs = 0;

  constructor(parts: BatcherParts) {
    this.#parts = parts;
  }

  /** Resolves when the prompt's task is mined. Throws ApiError (429 where too many wait), ChainError, ManifestError or the signal's reason. */
  async place(ask: Ask): Promise<Place> {
    ask.signal.throwIfAborted();
    this.#refuseLongWait();
    const key = canonicalJson(ask.shared);
    const group = this.#groups.get(key) ?? { waiting: [], submitting: 0, timer: undefined, gatheredSince: 0, dueAt: undefined };
    this.#groups.set(key, group);
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const enteredAt = performance.now();
    const waiting: Waiting = { ask, enteredAt, blockedAt: undefined, resolve, reject };
    const onAbort = () => {
      group.waiting = group.waiting.filter((one) => one !== waiting);
      reject(ask.signal.reason);
    };
    ask.signal.addEventListener("abort", onAbort, { once: true });
    if (group.waiting.length === 0) Object.assign(group, { gatheredSince: enteredAt, dueAt: undefined });
    group.waiting.push(waiting);
    this.#consider(key, group);
    try {
      return await promise;
    } finally {
      ask.signal.removeEventListener("abort", onAbort);
    }
  }

  /** Says that a client has gone away. A task for which nobody waits is taken back while that can be. */
  abandon(submitted: Submitted): void {
    const left = (this.#awaited.get(submitted.task) ?? 0) - 1;
    this.#awaited.set(submitted.task, left);
    if (left !== 0) return;
    this.#parts.submission.cancel(submitted).catch((error: unknown) => {
      this.#parts.log.debug({ task: String(submitted.task), error: oneLine(error) }, "not taken back");
    });
  }

  /** Prompts that are not submitted yet. */
  get waiting(): number {
    return [...this.#groups.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** Most prompts in one task now. Throws ApiError 503 as the submission's session does. */
  get size(): number {
    const { maxPrompts, rules } = this.#parts.submission.session;
    return Math.max(1, Math.min(this.#parts.limits.size, maxPrompts, Math.floor(1_024 / rules.redundancy)));
  }

  /** The end of a task that was submitted under this name, also by an earlier process. Until then, a sealed task's key is handed to its nodes. */
  async ended(submitted: Submitted, name: string): Promise<EndedTask> {
    return await this.#handingOver(submitted, name, endingOf(submitted.task, submitted.terms, this.#parts.world, this.#closing.signal));
  }

  /** As `ended`, however long it takes; for those whom nobody waits for any more. Throws only once the router ends. */
  async endedAtLast(submitted: Submitted, name: string): Promise<EndedTask> {
    const { arrivals } = this.#parts.world;
    return await this.#handingOver(submitted, name, arrivals.ended(submitted.task, this.#closing.signal, { patient: true }));
  }

  async #handingOver(submitted: Submitted, name: string, ended: Promise<EndedTask>): Promise<EndedTask> {
    const { seals } = this.#parts;
    const key = seals?.keyOf(name);
    if (key !== undefined) void seals!.handOver(submitted, key, ended);
    return await ended;
  }

  /** Ends the waiting for tasks. */
  close(): void {
    this.#closing.abort(new Error("the router ends"));
  }

  /** Sends what is to go now, and sets the time for what is to go later. `due`: that time has come. */
  #consider(key: string, group: Group, due = false): void {
    clearTimeout(group.timer);
    if (group.waiting.length === 0) {
      if (group.submitting === 0) this.#groups.delete(key);
      return;
    }
    const size = this.#sizeOr(1);
    const fitting = fittingPart(group.waiting, size);
    const admitted = this.#openTasks < MOST_OPEN ? this.#pace.admitted(fitting, size, this.#commitWindow) : 0;
    const now = performance.now();
    if (admitted < fitting) for (const waiting of group.waiting) waiting.blockedAt ??= now;
    if (admitted === 0) return;
    const full = fitting === size || fitting < group.waiting.length || admitted < fitting;
    if (!full && !due) {
      // By a timer also where the time is up: prompts of a list come in one turn of the event loop, which may last longer than the window.
      group.timer = setTimeout(() => this.#consider(key, group, true), Math.max(0, Math.ceil(this.#gatherMs(group, now))));
      return;
    }
    const part = group.waiting.splice(0, admitted);
    Object.assign(group, { gatheredSince: now, dueAt: undefined });
    void this.#submit(key, group, part);
    this.#consider(key, group);
  }

  /** How much longer a task that is not full waits for others. */
  #gatherMs(group: Group, now: number): number {
    const { windowMs } = this.#parts.limits;
    const { submitting } = group;
    const left = (ms: number) => group.gatheredSince + ms - now;
    if (submitting === 0 && this.#openTasks === 0) return left(windowMs);
    const lead = LEAD_MS + this.#sendMs + DEVIATIONS * this.#sendOffMs;
    const block = this.#parts.world.rhythm.nextAt(now + lead);
    if (block !== undefined) {
      group.dueAt ??= Math.max(group.gatheredSince + windowMs, Math.min(group.gatheredSince + MOST_GATHER_MS, block - lead));
      return group.dueAt - now;
    }
    return left(submitting > 0 ? Math.max(MOST_GATHER_MS, windowMs) : windowMs);
  }

  #sizeOr(other: number): number {
    try {
      return this.size;
    } catch {
      return other;
    }
  }

  get #commitWindow(): number {
    try {
      return this.#parts.submission.session.rules.commitWindow;
    } catch {
      return 0;
    }
  }

  /** A queue that is longer than its clients will wait only makes all of them fail. Throws ApiError 429. */
  #refuseLongWait(): void {
    const seconds = this.#pace.waitSeconds(this.waiting, this.#sizeOr(1), this.#commitWindow);
    if (seconds <= MOST_WAIT_SECONDS) return;
    const found = `found work for ${Math.ceil(seconds)} seconds before this request, wanted at most ${MOST_WAIT_SECONDS}; try again`;
    const retryAfter = Math.ceil(Math.min(seconds - MOST_WAIT_SECONDS, LONGEST_RETRY_SECONDS));
    throw new ApiError(429, found, { code: "too_many_requests", retryAfter });
  }

  /** A task has ended, or was not submitted: others may have its place, those first who came first. */
  #left(): void {
    this.#openTasks--;
    for (const [key, group] of [...this.#groups].sort(([, a], [, b]) => firstOf(a) - firstOf(b))) this.#consider(key, group);
  }

  /** Never rejects: every prompt is told. */
  async #submit(key: string, group: Group, part: Waiting[]): Promise<void> {
    const { content, submission, seals, log } = this.#parts;
    const { sealed = false, ...shared } = part[0]!.ask.shared;
    group.submitting++;
    this.#openTasks++;
    const ends = this.#pace.begun(part.length, performance.now());
    const over = (status: Status | undefined) => {
      ends({ status, nowMs: performance.now() });
      this.#left();
    };
    try {
      crashPoint("batchGathered");
      const name = sealed ? Seals.nameFor(randomUUID()) : randomUUID();
      const key = seals?.keyOf(name);
      if (sealed && key === undefined) throw new Error("found no keys for sealed tasks");
      const prompts = part.map(({ ask }) => ({ messages: ask.messages }));
      const bytes = taskManifestBytes({ ...shared, v: 1, prompts });
      const manifest: Digest = await content.put(key === undefined ? bytes : seal(key, bytes));
      crashPoint("batchWritten");
      part.forEach(({ ask }, prompt) => ask.onNamed?.(name, prompt));
      crashPoint("batchNamed");
      const promptTokens = encodePromptTokens(part.map(({ ask }) => ask.promptTokens));
      const signal = everyoneGone(part.map(({ ask }) => ask.signal));
      const handedAt = performance.now();
      const submitted = await submission.submit({ manifest, promptTokens, maxTokens: shared.sampling.maxTokens }, name, signal);
      crashPoint("taskSubmitted");
      const sendMs = Math.max(0, (submitted.broadcastAt ?? handedAt) - handedAt);
      this.#sendOffMs += (Math.abs(sendMs - this.#sendMs) - this.#sendOffMs) * FRESH_SHARE;
      this.#sendMs += (sendMs - this.#sendMs) * FRESH_SHARE;
      this.counters.tasks++;
      this.counters.prompts += part.length;
      log.info({ task: String(submitted.task), prompts: part.length, transaction: submitted.transaction }, "submitted");
      const ended = this.ended(submitted, name);
      const told = toldOf(ended, this.#parts.world);
      ended.then(
        ({ settled }) => over(settled.status),
        () => over(undefined),
      );
      this.#awaited.set(submitted.task, part.length);
      setTimeout(() => this.#awaited.delete(submitted.task), CANCEL_MS).unref();
      part.forEach(({ resolve, ask, enteredAt, blockedAt }, prompt) => {
        const readyAt = blockedAt === undefined ? enteredAt : handedAt;
        const router = (blockedAt ?? readyAt) - enteredAt + this.#lostBetween(readyAt, handedAt, sendMs, submitted.block);
        const waited = { queue: blockedAt === undefined ? 0 : handedAt - blockedAt, router };
        resolve({ ...submitted, name, prompt, told, placedAt: performance.now(), waited, ended });
        if (ask.signal.aborted) this.abandon(submitted);
      });
    } catch (error) {
      log.debug({ prompts: part.length, error: oneLine(error) }, "not submitted");
      for (const { reject } of part) reject(error);
      over(undefined);
    } finally {
      group.submitting--;
      this.#consider(key, group);
    }
  }

  /**
   * What gathering cost: nothing where the task is in the block in which a router that gathers nothing would have put it, and the time between the two
   * blocks where it is not. Where blocks do not come by the clock, all of the gathering.
   */
  #lostBetween(readyAt: number, handedAt: number, sendMs: number, block: number): number {
    const { rhythm } = this.#parts.world;
    if (rhythm.intervalMs === undefined) return handedAt - readyAt;
    const [first, found] = [rhythm.firstAfter(readyAt + sendMs), rhythm.seenAt(block)];
    return first === undefined || found === undefined ? 0 : Math.max(0, found - first);
  }
}

const firstOf = ({ waiting }: Group): number => waiting[0]?.enteredAt ?? Infinity;

/** Notes when the news came. */
export function toldOf(ended: Promise<EndedTask>, world: Pick<World, "readAt">): Place["told"] {
  const told: Place["told"] = { at: undefined };
  ended.then(
    () => (told.at = world.readAt),
    () => (told.at = world.readAt),
  );
  return told;
}

/** How many of the first go into one task. */
function fittingPart(waiting: Waiting[], size: number): number {
  let bytes = 0;
  for (const [index, { ask }] of waiting.slice(0, size).entries()) {
    bytes += ask.messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + 64, 0);
    if (bytes > MOST_TEXT && index > 0) return index;
  }
  return Math.min(waiting.length, size);
}

/** Aborts once all of them have. */
function everyoneGone(signals: AbortSignal[]): AbortSignal {
  const all = new AbortController();
  const check = () => {
    const last = signals.find(({ aborted }) => !aborted);
    if (last === undefined) all.abort(signals[0]!.reason);
  };
  for (const signal of signals) signal.addEventListener("abort", check, { once: true });
  check();
  return all.signal;
}
