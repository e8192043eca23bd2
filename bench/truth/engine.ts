import { getLlama, LlamaLogLevel, type Llama, type Token } from "node-llama-cpp";
import { CANON, generate, likeliest, type Hooks, type Job } from "../../offchain/inference/canonicalRun.ts";
import { chatPrompt } from "../../offchain/inference/chatPrompt.ts";
import { referenceOf, verify } from "../../offchain/inference/verification.ts";
import type { Claim, TokenLogProb } from "../../offchain/protocol/claim.ts";
import type { GenuinenessRule } from "../../offchain/protocol/genuineness.ts";
import type { Message, Sampling } from "../../offchain/protocol/manifest.ts";

/** What to ask, and how to draw. */
export interface Probe {
  messages: Message[];
  sampling: Sampling;
  jobSeed: string;
}

/** A model and how it runs; the defaults are what every node must do. */
export interface Build {
  modelPath: string;
  contextTokens: number;
  flashAttention?: boolean;
  /** Keys and values of the attention in 8 bits. */
  kv8?: boolean;
}

/** Tokens and the claim about them. */
export type Made = Pick<Claim, "tokens" | "top" | "finish">;

let shared: Promise<Llama> | undefined;
const hooks: Hooks = { signal: new AbortController().signal, onProgress: () => {} };

/** One llama.cpp for all models of this process, with one thread. */
export async function theLlama(): Promise<Llama> {
  shared ??= getLlama({ gpu: false, build: "never", skipDownload: true, maxThreads: 1, logLevel: LlamaLogLevel.error });
  return await shared;
}

/** The CPU variant that llama.cpp took, as its list of instruction sets. */
export async function instructionSets(): Promise<string> {
  const { systemInfo } = await theLlama();
  return [...systemInfo.matchAll(/(\w+) = 1/g)].map(([, name]) => name).join("+");
}

/** The node's own canonical code on a model, in this process: no queue, no messages. */
export async function openEngine({ modelPath, contextTokens, flashAttention = false, kv8 = false }: Build, engineClass: string) {
  const llama = await theLlama();
  const model = await llama.loadModel({ modelPath, gpuLayers: 0, defaultContextFlashAttention: flashAttention });
  const kv = kv8 ? ({ experimentalKvCacheKeyType: "Q8_0", experimentalKvCacheValueType: "Q8_0" } as const) : {};
  const context = await model.createContext({ ...CANON, flashAttention, contextSize: contextTokens, threads: 1, ...kv });
  const sequence = context.getSequence();
  const vocabulary = [...model.iterateAllTokens()].length;
  const jobOf = ({ messages, sampling, jobSeed }: Probe): Job => ({
    prompt: chatPrompt(model, messages),
    sampling,
    jobSeed,
    contextTokens,
  });
  const topOf = async (probe: Probe, tokens: number[]): Promise<TokenLogProb[][]> =>
    (await likeliest(sequence, jobOf(probe), tokens as Token[], hooks)).top;
  return {
    endToken: model.tokens.eos as number | null,
    isEnd: (token: number) => model.isEogToken(token as Token),
    /** An answer and its claim, as an honest miner makes them. */
    make: async (probe: Probe): Promise<Made> => {
      const { tokens, finish } = await generate(model, sequence, jobOf(probe), hooks);
      return { tokens, finish, top: await topOf(probe, tokens) };
    },
    /** The claim that this model makes of any tokens. */
    topOf,
    judge: async (probe: Probe, claim: Claim, rule: GenuinenessRule) =>
      await verify({ model, sequence, engineClass, vocabulary }, jobOf(probe), claim, rule, hooks),
    /** Misses that are not near, for other figures of nearness. */
    farMisses: async (probe: Probe, tokens: number[], nearNats: number): Promise<number> => {
      const { near } = await referenceOf(sequence, jobOf(probe), tokens as Token[], nearNats, hooks);
      return near.filter((one) => !one).length;
    },
    close: async () => {
      await context.dispose();
      await model.dispose();
    },
  };
}

export type BenchEngine = Awaited<ReturnType<typeof openEngine>>;
