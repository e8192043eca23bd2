import { copyFile, mkdtemp, open, rename, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LlamaEngine, type LlamaOptions } from "../../../offchain/inference/llama.ts";
import { loadModels, modelNamed, type ModelEntry } from "../../../offchain/inference/models.ts";
import type { Message, Sampling } from "../../../offchain/protocol/manifest.ts";

export const MODELS_FOLDER = fileURLToPath(new URL("../../../models/", import.meta.url));
const list = await loadModels(path.join(MODELS_FOLDER, "registry.json"));

export const model = (id = "toy-world-f16"): ModelEntry => modelNamed(list, id);

/** A real engine with the toy models. Whoever starts it closes it. */
export const startEngine = (changes: Partial<LlamaOptions> = {}): Promise<LlamaEngine> =>
  LlamaEngine.start({ model: model(), embed: model("toy-embed-q8_0"), ...changes });

export const user = (content: string): Message[] => [{ role: "user", content }];
export const STORY = user("Tell me a story about a fox named Tim.");

export const greedy: Sampling = {
  temperature: 0,
  topP: 1,
  topK: 0,
  seed: 0,
  maxTokens: 160,
  stop: [],
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatPenalty: 1,
};
export const warm: Sampling = { ...greedy, temperature: 0.8 };

/** A copy of the F16 model that a test may spoil. */
export interface ModelCopy {
  entry: ModelEntry;
  flipByte: () => Promise<void>;
  /** Puts another model's file under the same name. */
  replaceBy: (other: ModelEntry) => Promise<void>;
  remove: () => Promise<void>;
}

export async function modelCopy(): Promise<ModelCopy> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "corroborate-"));
  const entry = { ...model(), path: path.join(folder, "model.gguf") };
  await copyFile(model().path, entry.path);
  const flipByte = async () => {
    const handle = await open(entry.path, "r+");
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, 1_000_000);
    await handle.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, 1_000_000);
    await handle.close();
  };
  const replaceBy = async (other: ModelEntry) => {
    await copyFile(other.path, `${entry.path}.new`);
    await rename(`${entry.path}.new`, entry.path);
  };
  return { entry, flipByte, replaceBy, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The error a promise ends with. Fails when it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string; retryable?: boolean }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected an error, found none");
}
