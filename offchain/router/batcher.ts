import { randomUUID } from "node:crypto";
import type { Digest } from "../content/contentId.ts";
import type { LocalStore } from "../content/localStore.ts";
import { seal } from "../content/sealing.ts";
import { taskManifestBytes, type TaskManifest } from "../inference/taskManifest.ts";
import { encodePromptTokens } from "../protocol/answers.ts";
import { canonicalJson } from "../protocol/canonicalJson.ts";
import type { Message } from "../protocol/manifest.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { EndedTask } from "./arrivals.ts";
import { endingOf } from "./endings.ts";
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
  resolve: (place: Place) => void;
  reject: (error: unknown) => void;
}

interface Group {
  waiting: Waiting[];
  /** Submissions of this kind that wait to be mined: while one does, the next one gathers. */
  submitting: number;
  timer: NodeJS.Timeout | undefined;
  gatheredSince: number;
}

/** While a submission waits to be mined, what comes is gathered for the next one, but no longer than this. */
const MOST_GATHER_MS = 1_000;
/** A little below the queue's ring of 64 open tasks per session. */
const MOST_OPEN = 60;
/** Longer than this after it was submitted no task can be taken back. */
const CANCEL_MS = 60_000;
/** Most contents in a manifest, bytes; below the protocol's own limit, which counts keys and quotes too. */
const MOST_TEXT = 192 * 1024;

/** Lets prompts that want the same terms ride in one task. Under no load each goes at once and alone. */
export class Batcher {
  /** Tasks submitted, and the prompts in them. */
  readonly counters = { tasks: 0, prompts: 0 };
  readonly #parts: BatcherParts;
  readonly #groups = new Map<string, Group>();
  /** How many still wait for each task that was submitted a moment ago. */
  readonly #awaited = new Map<bigint, number>();
  readonly #closing = new AbortController();
  #openTasks = 0;

  constructor(parts: BatcherParts) {
    this.#parts = parts;
  }

  /** Resolves when the prompt's task is mined. Throws ApiError, ChainError, ManifestError or the signal's reason. */
  async place(ask: Ask): Promise<Place> {
    ask.signal.throwIfAborted();
    const key = canonicalJson(ask.shared);
    const group = this.#groups.get(key) ?? { waiting: [], submitting: 0, timer: undefined, gatheredSince: 0 };
    this.#groups.set(key, group);
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiting: Waiting = { ask, resolve, reject };
    const onAbort = () => {
      group.waiting = group.waiting.filter((one) => one !== waiting);
      reject(ask.signal.reason);
    };
    ask.signal.addEventListener("abort", onAbort, { once: true });
    if (group.waiting.length === 0) group.gatheredSince = performance.now();
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
    const { world, seals } = this.#parts;
    const ended = endingOf(submitted.task, submitted.terms, world, this.#closing.signal);
    const key = seals?.keyOf(name);
    if (key !== undefined) void seals!.handOver(submitted, key, ended);
    return await ended;
  }

  /** Ends the waiting for tasks. */
  close(): void {
    this.#closing.abort(new Error("the router ends"));
  }

  #consider(key: string, group: Group): void {
    const room = this.#openTasks < MOST_OPEN;
    const full = room ? fullPart(group.waiting, this.#sizeOr(1)) : [];
    if (full.length > 0) {
      group.waiting = group.waiting.slice(full.length);
      group.gatheredSince = performance.now();
      void this.#submit(key, group, full);
      return this.#consider(key, group);
    }
    if (group.waiting.length === 0) {
      if (group.submitting === 0) this.#groups.delete(key);
      return;
    }
    const waited = performance.now() - group.gatheredSince;
    const most = group.submitting > 0 ? Math.max(MOST_GATHER_MS, this.#parts.limits.windowMs) : this.#parts.limits.windowMs;
    clearTimeout(group.timer);
    if (!room) return;
    group.timer = setTimeout(() => this.#flush(key, group), Math.max(0, most - waited));
  }

  #sizeOr(other: number): number {
    try {
      return this.size;
    } catch {
      return other;
    }
  }

  #flush(key: string, group: Group): void {
    const part = group.waiting.slice(0, this.#sizeOr(1));
    if (part.length === 0 || this.#openTasks >= MOST_OPEN) return;
    group.waiting = group.waiting.slice(part.length);
    group.gatheredSince = performance.now();
    void this.#submit(key, group, part);
    this.#consider(key, group);
  }

  /** A task has ended, or was not submitted: others may have its place. */
  #left(): void {
    this.#openTasks--;
    for (const [key, group] of this.#groups) this.#consider(key, group);
  }

  /** Never rejects: every prompt is told. */
  async #submit(key: string, group: Group, part: Waiting[]): Promise<void> {
    const { content, submission, seals, log } = this.#parts;
    const { sealed = false, ...shared } = part[0]!.ask.shared;
    group.submitting++;
    this.#openTasks++;
    try {
      const name = sealed ? Seals.nameFor(randomUUID()) : randomUUID();
      const key = seals?.keyOf(name);
      if (sealed && key === undefined) throw new Error("found no keys for sealed tasks");
      const prompts = part.map(({ ask }) => ({ messages: ask.messages }));
      const bytes = taskManifestBytes({ ...shared, v: 1, prompts });
      const manifest: Digest = await content.put(key === undefined ? bytes : seal(key, bytes));
      part.forEach(({ ask }, prompt) => ask.onNamed?.(name, prompt));
      const promptTokens = encodePromptTokens(part.map(({ ask }) => ask.promptTokens));
      const signal = everyoneGone(part.map(({ ask }) => ask.signal));
      const submitted = await submission.submit({ manifest, promptTokens, maxTokens: shared.sampling.maxTokens }, name, signal);
      this.counters.tasks++;
      this.counters.prompts += part.length;
      log.info({ task: String(submitted.task), prompts: part.length, transaction: submitted.transaction }, "submitted");
      const ended = this.ended(submitted, name);
      const told = toldOf(ended);
      ended.catch(() => {}).finally(() => this.#left());
      this.#awaited.set(submitted.task, part.length);
      setTimeout(() => this.#awaited.delete(submitted.task), CANCEL_MS).unref();
      part.forEach(({ resolve, ask }, prompt) => {
        resolve({ ...submitted, name, prompt, told, ended });
        if (ask.signal.aborted) this.abandon(submitted);
      });
    } catch (error) {
      log.debug({ prompts: part.length, error: oneLine(error) }, "not submitted");
      for (const { reject } of part) reject(error);
      this.#left();
    } finally {
      group.submitting--;
      this.#consider(key, group);
    }
  }
}

/** Notes when the news came, before anybody who waits for it acts on it. */
export function toldOf(ended: Promise<EndedTask>): Place["told"] {
  const told: Place["told"] = { at: undefined };
  ended.then(
    () => (told.at = performance.now()),
    () => (told.at = performance.now()),
  );
  return told;
}

/** As many of the first as fill a task; none while there is room. */
function fullPart(waiting: Waiting[], size: number): Waiting[] {
  let bytes = 0;
  for (const [index, { ask }] of waiting.entries()) {
    bytes += ask.messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + 64, 0);
    if (bytes > MOST_TEXT && index > 0) return waiting.slice(0, index);
    if (index + 1 === size) return waiting.slice(0, size);
  }
  return [];
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
