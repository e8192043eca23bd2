import type { LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import type { Claim } from "../protocol/claim.ts";
import { judgeClaim, malformed, type GenuinenessRule, type Reference } from "../protocol/genuineness.ts";
import { likeliest, prefill, respell, type Hooks, type Job, type Next } from "./canonicalRun.ts";
import type { Verification } from "./engine.ts";
import { nearMiss } from "./nearMiss.ts";
import { altersDraw, samplerOptions, type SamplerOptions } from "./sampling.ts";

/** The engine that a claim is compared with. */
export interface Verifier {
  model: LlamaModel;
  sequence: LlamaContextSequence;
  engineClass: string;
  /** Tokens of the model; ids beyond could crash the engine. */
  vocabulary: number;
}

/** Reads a claim as the answer it spells, and judges it. Never throws on anything that a claim says. */
export async function verify(verifier: Verifier, job: Job, claim: Claim, rule: GenuinenessRule, hooks: Hooks): Promise<Verification> {
  const { model, sequence, engineClass, vocabulary } = verifier;
  const tokens = claim.tokens as Token[];
  const spelled = tokens.every((token) => token < vocabulary) ? respell(model, job, tokens) : null;
  if (spelled?.finish !== claim.finish) return { ...malformed(tokens.length), text: "" };
  const reference = await referenceOf(sequence, job, tokens, rule.nearNats, hooks);
  return { ...judgeClaim(claim, { engineClass, ...reference }, rule), text: spelled.text };
}

/**
 * What this engine makes of given tokens: one prefill; a second one where the draw is not simply the likeliest token; where it would
 * have drawn another token somewhere, one or two more to see how nearly.
 */
export async function referenceOf(
  sequence: LlamaContextSequence,
  job: Job,
  tokens: readonly Token[],
  nearNats: number,
  hooks: Hooks,
): Promise<Omit<Reference, "engineClass">> {
  const { top, greedy } = await likeliest(sequence, job, tokens, hooks);
  const expected =
    job.grammar === undefined && !altersDraw(job.sampling)
      ? greedy
      : (await redrawn(sequence, job, tokens, () => (options) => options, hooks)).map(({ token }) => token ?? -1);
  const misses = expected.flatMap((token, position) => (token === tokens[position] ? [] : [position]));
  const near = expected.map((token, position) => token === tokens[position]);
  for (const position of await nearOnes(sequence, job, tokens, misses, nearNats, hooks)) near[position] = true;
  return { expected, near, top };
}

/** Misses looked at closely; an answer with more of them is rejected for their number. */
const MOST_LOOKED_AT = 8;
/** So hot that all tokens are alike, and the place of the drawn one in their row tells the random number. */
const FLAT = 1e9;

/** Those misses that a slight difference of the figures explains. */
async function nearOnes(
  sequence: LlamaContextSequence,
  job: Job,
  tokens: readonly Token[],
  misses: readonly number[],
  nats: number,
  hooks: Hooks,
): Promise<number[]> {
  if (misses.length === 0 || misses.length > MOST_LOOKED_AT) return [];
  const { temperature } = job.sampling;
  const unfiltered = temperature === 0 ? {} : { temperature: FLAT, topK: 0, topP: 1, minP: 0 };
  const only = (change: Partial<SamplerOptions>) => (position: number) =>
    misses.includes(position) ? (options: SamplerOptions) => ({ ...options, ...change }) : undefined;
  const drawn = await redrawn(sequence, job, tokens, only({}), hooks, true);
  if (temperature === 0)
    return misses.filter((position) => {
      const logits = drawn[position]!.logits!;
      return Math.max(...logits.values()) - (logits.get(tokens[position]!) ?? -Infinity) <= nats;
    });
  const flat = await redrawn(sequence, job, tokens, only(unfiltered), hooks, true);
  return misses.filter((position) => {
    const { token, logits } = flat[position]!;
    const row = possible(logits).sort((a, b) => b[1] - a[1]);
    const rank = row.findIndex(([one]) => one === token);
    const claimedLogit = ((logits?.get(tokens[position]!) ?? -Infinity) * FLAT) / temperature;
    const random: [number, number] = [rank / row.length, (rank + 1) / row.length];
    return nearMiss(possible(drawn[position]!.logits), tokens[position]!, claimedLogit, random, nats, temperature);
  });
}

/** What is not forbidden by a grammar. */
const possible = (logits: Map<Token, number> | undefined) => [...(logits ?? [])].filter(([, logit]) => Number.isFinite(logit));

/** What is drawn at every position for which `change` gives a function. */
async function redrawn(
  sequence: LlamaContextSequence,
  job: Job,
  tokens: readonly Token[],
  change: (position: number) => ((options: SamplerOptions) => SamplerOptions) | undefined,
  hooks: Hooks,
  logits = false,
): Promise<Next[]> {
  const grammar = job.grammar?.();
  return await prefill(
    sequence,
    job,
    tokens,
    (position) => {
      if (position > 0) grammar?.accept(tokens[position - 1]!);
      const changed = change(position);
      if (changed === undefined) return undefined;
      const options = changed(samplerOptions(job.sampling, job.jobSeed, tokens.slice(0, position)));
      return { token: true, logits, options: grammar?.constrain(options) ?? options };
    },
    hooks,
  );
}
