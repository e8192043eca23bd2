import type { Engine } from "../inference/engine.ts";
import { LlamaEngine } from "../inference/llama.ts";
import type { ModelEntry } from "../inference/models.ts";

/** The engines of a process, one for each pair of models however many nodes use it. The last user's release closes it. */
export class Engines {
  readonly #threads: number;
  readonly #known = new Map<string, { engine: Promise<LlamaEngine>; users: number }>();

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** The engine of these models, started where nobody has it yet. Throws what LlamaEngine.start throws. */
  async take(models: { model: ModelEntry; embed: ModelEntry }): Promise<Engine> {
    const key = keyOf(models);
    const known = this.#known.get(key) ?? { engine: LlamaEngine.start({ ...models, threads: this.#threads }), users: 0 };
    known.users++;
    this.#known.set(key, known);
    try {
      return await known.engine;
    } catch (error) {
      this.#known.delete(key);
      throw error;
    }
  }

  async release(models: { model: ModelEntry; embed: ModelEntry }): Promise<void> {
    const known = this.#known.get(keyOf(models));
    if (known === undefined || --known.users > 0) return;
    this.#known.delete(keyOf(models));
    await (await known.engine).close();
  }

  async closeAll(): Promise<void> {
    const all = [...this.#known.values()];
    this.#known.clear();
    await Promise.all(all.map(async ({ engine }) => await engine.then((started) => started.close()).catch(() => {})));
  }
}

const keyOf = ({ model, embed }: { model: ModelEntry; embed: ModelEntry }) => `${model.sha256} ${embed.sha256}`;
