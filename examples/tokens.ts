// How many tokens a prompt has, by the model's own file: what a task declares must be true, because it is paid for.
import path from "node:path";
import { LlamaEngine } from "../offchain/inference/llama.ts";
import { loadModels, modelNamed } from "../offchain/inference/models.ts";
import type { Message } from "../offchain/protocol/manifest.ts";

const models = await loadModels(path.join(import.meta.dirname, "../models/registry.json"));
const entry = modelNamed(models, "toy-world-f16");
const engine = await LlamaEngine.start({ model: entry, embed: modelNamed(models, "toy-embed-q8_0") });

export const MODEL = `0x${entry.sha256}`;
export const countTokens = async (messages: Message[]): Promise<number> => await engine.tokenCount(messages);
