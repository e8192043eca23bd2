import type { Head } from "../chain/cursor.ts";
import type { Settlement, TaskBook, TaskEntry } from "../chain/taskBook.ts";

/** A task that has ended. */
export type EndedTask = TaskEntry & { settled: Settlement };

/** The task's windows have gone by, and nobody has settled it. */
export class DeadlinePassed extends Error {
  readonly code = "DeadlinePassed";
}

/** After a task's last window, this many seconds are left for settling it. */
const GRACE = 30;

interface Waiter<T> {
  resolve: (value: T) => void;
  reject: (error: Error) => void;
  /** Waits on where the windows have gone by. */
  patient: boolean;
}

/** Wakes those who wait for a block or for the end of a task. */
export class Arrivals {
  readonly #tasks = new Map<bigint, Set<Waiter<EndedTask>>>();
  #blocks: { number: number; resolve: () => void }[] = [];
  #told = -1;

  /** Resolves once everything up to this block has been taken in. */
  async reached(number: number): Promise<void> {
    if (number > this.#told) await new Promise<void>((resolve) => this.#blocks.push({ number, resolve }));
  }

  /** Resolves when the task has ended. Throws the signal's reason and, unless `patient`, DeadlinePassed by the chain's clock. */
  async ended(task: bigint, signal: AbortSignal, { patient = false } = {}): Promise<EndedTask> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<EndedTask>();
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    const waiter = { resolve, reject, patient };
    const waiters = this.#tasks.get(task) ?? new Set();
    this.#tasks.set(task, waiters.add(waiter));
    try {
      return await promise;
    } finally {
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#tasks.get(task) === waiters) this.#tasks.delete(task);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Whether somebody waits for the end of this task. */
  awaits(task: bigint): boolean {
    return this.#tasks.has(task);
  }

  /** Wakes those who wait for a block up to this one. */
  tellBlocks(upTo: number): void {
    this.#told = upTo;
    const due = this.#blocks.filter(({ number }) => number <= upTo);
    this.#blocks = this.#blocks.filter(({ number }) => number > upTo);
    for (const { resolve } of due) resolve();
  }

  tell(head: Head, book: TaskBook): void {
    this.tellBlocks(head.number);
    this.tellEnds(book);
    for (const [task, waiters] of this.#tasks) {
      const entry = book.tasks.get(task);
      if (entry === undefined || head.timestamp <= entry.deadline + entry.terms.revealWindow + GRACE) continue;
      for (const { reject, patient } of waiters) {
        if (!patient) reject(new DeadlinePassed(`the windows of task ${task} have gone by, and it is not settled`));
      }
    }
  }

  /** Wakes those whose task has ended. */
  tellEnds(book: TaskBook): void {
    for (const [task, waiters] of this.#tasks) {
      const entry = book.tasks.get(task);
      if (entry !== undefined && isEnded(entry)) for (const { resolve } of waiters) resolve(entry);
    }
  }
}

const isEnded = (entry: TaskEntry): entry is EndedTask => entry.settled !== undefined;
