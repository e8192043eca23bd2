import { createHash } from "node:crypto";
import type { ControlledEvaluateInputItem, Token } from "node-llama-cpp";
import type { Sampling } from "../protocol/manifest.ts";

type EvaluationOptions = Extract<ControlledEvaluateInputItem, readonly unknown[]>[1];
/** What the sampler may be told. */
export type SamplerOptions = NonNullable<NonNullable<EvaluationOptions["generateNext"]>["options"]>;

/** How many of the answer's latest tokens the penalties look at. The prompt is not punished. */
const PENALTY_WINDOW = 64;

/** The public seed of one position: 31 bits of sha256("<jobSeed>:<client's seed>:<position>"). */
export function tokenSeed(jobSeed: string, clientSeed: number, position: number): number {
  const hash = createHash("sha256").update(`${jobSeed}:${clientSeed}:${position}`).digest();
  return hash.readUInt32LE(0) & 0x7fff_ffff;
}

/** All logits as the model gave them: what claims are made of. */
export const UNSAMPLED: SamplerOptions = { temperature: 0 };

/** Whether a draw may differ from the likeliest token, so that verifying it takes a sampler of its own. */
export function altersDraw(sampling: Sampling): boolean {
  const { temperature, repeatPenalty, frequencyPenalty, presencePenalty } = sampling;
  return temperature > 0 || repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
}

/** The sampler for the token after `before`. Every value is named, because the library's defaults (topK 40, topP 0.95) are not neutral. */
export function samplerOptions(sampling: Sampling, jobSeed: string, before: readonly Token[]): SamplerOptions {
  return {
    temperature: sampling.temperature,
    topK: sampling.topK,
    topP: sampling.topP,
    minP: sampling.minP ?? 0,
    seed: tokenSeed(jobSeed, sampling.seed, before.length),
    repeatPenalty: {
      punishTokens: before.slice(-PENALTY_WINDOW),
      maxPunishTokens: PENALTY_WINDOW,
      penalty: sampling.repeatPenalty,
      frequencyPenalty: sampling.frequencyPenalty,
      presencePenalty: sampling.presencePenalty,
    },
  };
}
