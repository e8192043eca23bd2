import { TypedDataEncoder } from "ethers";
import type { Domain } from "../protocol/commitment.ts";
import type { FINISH } from "../protocol/types.ts";

export type Finish = keyof typeof FINISH;

/** What is told of an answer while it is written: a piece of its text, and how it ended. */
export type LiveEvent = { text: string } | { finish: Finish };

const GRANT_TYPES = {
  Stream: [
    { name: "task", type: "uint64" },
    { name: "node", type: "uint24" },
    { name: "until", type: "uint40" },
  ],
};
/** A grant may not be made further ahead than this, seconds. */
export const LONGEST_GRANT = 600;

/** What a task's router signs to read a node's tokens while they are written: the EIP-712 digest of task, node and the last second. */
export function grantDigest({ chainId, queue }: Domain, task: bigint, node: number, until: number): string {
  return TypedDataEncoder.hash({ name: "Corroborate", version: "1", chainId, verifyingContract: queue }, GRANT_TYPES, {
    task,
    node,
    until,
  });
}

interface Prompt {
  text: string;
  /** Characters of the present attempt; a second one writes the same again. */
  written: number;
  finish?: Finish;
}

interface Task {
  prompts: Map<number, Prompt>;
  changed: PromiseWithResolvers<void>;
}

const MOST_TASKS = 64;

/** The texts of answers that are being written, for readers who may come late. Only the latest tasks are kept. */
export class LiveAnswers {
  readonly #tasks = new Map<bigint, Task>();

  /** An attempt at a prompt begins. */
  begin(task: bigint, prompt: number): void {
    const { prompts } = this.#task(task);
    const known = prompts.get(prompt);
    prompts.set(prompt, { text: known?.text ?? "", written: 0 });
  }

  push(task: bigint, prompt: number, piece: string): void {
    const held = this.#tasks.get(task)?.prompts.get(prompt);
    if (held === undefined) return;
    held.text += piece.slice(Math.max(0, held.text.length - held.written));
    held.written += piece.length;
    this.#tell(task);
  }

  finish(task: bigint, prompt: number, finish: Finish): void {
    const held = this.#tasks.get(task)?.prompts.get(prompt);
    if (held === undefined) return;
    held.finish = finish;
    this.#tell(task);
  }

  /** Everything about a prompt from its first character on; ends with its end. Waits for a prompt that nobody has begun. */
  async *read(task: bigint, prompt: number, signal: AbortSignal): AsyncGenerator<LiveEvent> {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    let shown = 0;
    while (!signal.aborted) {
      const entry = this.#task(task);
      const held = entry.prompts.get(prompt);
      if (held !== undefined && held.text.length > shown) {
        const text = held.text.slice(shown);
        shown = held.text.length;
        yield { text };
        continue;
      }
      if (held?.finish !== undefined) {
        yield { finish: held.finish };
        return;
      }
      await Promise.race([entry.changed.promise, aborted.promise]);
    }
  }

  #task(task: bigint): Task {
    const known = this.#tasks.get(task) ?? { prompts: new Map<number, Prompt>(), changed: Promise.withResolvers<void>() };
    this.#tasks.set(task, known);
    if (this.#tasks.size > MOST_TASKS) this.#tasks.delete(this.#tasks.keys().next().value!);
    return known;
  }

  #tell(task: bigint): void {
    const entry = this.#tasks.get(task);
    if (entry === undefined) return;
    const { changed } = entry;
    entry.changed = Promise.withResolvers<void>();
    changed.resolve();
  }
}
