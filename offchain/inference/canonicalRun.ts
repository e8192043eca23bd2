import type { ControlledEvaluateIndexOutput, ControlledEvaluateInputItem, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { CLAIM_TOP, roundLogProb, type Finish, type TokenLogProb } from "../protocol/claim.ts";
import type { Sampling } from "../protocol/manifest.ts";
import { AnswerText } from "./answerText.ts";
import type { Likelihood } from "./engine.ts";
import type { GrammarRun } from "./grammar.ts";
import { samplerOptions, UNSAMPLED } from "./sampling.ts";

/** What is fixed on every node, because each of them changes logits: one sequence, no flash attention, f16 KV cache, this batch. */
export const CANON = { batchSize: 512, sequences: 1, flashAttention: false } as const;

export interface Job {
  prompt: Token[];
  sampling: Sampling;
  jobSeed: string;
  /** Tokens of prompt and answer together. */
  contextTokens: number;
  /** A fresh run of the grammar that the answer must follow, where there is one. */
  grammar?: (() => GrammarRun) | undefined;
}

export interface Hooks {
  signal: AbortSignal;
  /** Called after each prompt chunk (with no text) and each token. */
  onProgress: (piece: string) => void;
}

export interface Answer {
  tokens: Token[];
  text: string;
  finish: Finish;
}

/** The most tokens an answer may have. */
export const answerLimit = ({ prompt, sampling, contextTokens }: Job) => Math.min(sampling.maxTokens, contextTokens - prompt.length);

/** Draws an answer token by token; each position has its own sampler and seed. */
export async function generate(model: LlamaModel, sequence: LlamaContextSequence, job: Job, hooks: Hooks): Promise<Answer> {
  const text = new AnswerText(model, job.sampling.stop);
  const tokens: Token[] = [];
  const grammar = job.grammar?.();
  const draw = (after: Token): ControlledEvaluateInputItem => {
    const options = samplerOptions(job.sampling, job.jobSeed, tokens);
    return [after, { generateNext: { token: true, options: grammar?.constrain(options) ?? options } }];
  };
  const done = (finish: Finish): Answer => {
    hooks.onProgress(text.finish());
    return { tokens, text: text.text, finish };
  };
  await sequence.clearHistory();
  let input = [...job.prompt.slice(0, -1), draw(job.prompt.at(-1)!)];
  for (;;) {
    const outputs = await evaluate(sequence, input, hooks);
    const token = outputs.at(-1)?.next.token;
    if (token == null) throw new Error("the engine drew no token");
    tokens.push(token);
    grammar?.accept(token);
    if (model.isEogToken(token) || text.push(token)) return done("stop");
    if (tokens.length >= answerLimit(job)) return done("length");
    hooks.onProgress(text.fresh());
    input = [draw(token)];
  }
}

/**
 * Reads claimed tokens as the answer they spell; null unless they end where `generate` would have ended,
 * so that neither cutting an answer short nor writing past its end goes unseen.
 */
export function respell(model: LlamaModel, job: Job, tokens: readonly Token[]): Omit<Answer, "tokens"> | null {
  const text = new AnswerText(model, job.sampling.stop);
  const limit = answerLimit(job);
  for (const [position, token] of tokens.entries()) {
    const stopped = model.isEogToken(token) || text.push(token);
    if (!stopped && position + 1 < limit) continue;
    text.finish();
    return position + 1 === tokens.length ? { text: text.text, finish: stopped ? "stop" : "length" } : null;
  }
  return null;
}

/** What a prefill tells about the token after a position. */
export type Next = ControlledEvaluateIndexOutput["next"];
type Ask = NonNullable<Extract<ControlledEvaluateInputItem, readonly unknown[]>[1]["generateNext"]>;

/**
 * Teacher-forced: one prefill of prompt and tokens. `ask` is called for every position in order and says what is wanted of the one it is given;
 * where it wants nothing, an empty result is given.
 */
export async function prefill(
  sequence: LlamaContextSequence,
  { prompt }: Pick<Job, "prompt">,
  tokens: readonly Token[],
  ask: (position: number) => Ask | undefined,
  hooks: Hooks,
): Promise<Next[]> {
  const first = prompt.length - 1;
  const all = [...prompt, ...tokens.slice(0, -1)];
  const input = all.map((token, index): ControlledEvaluateInputItem => {
    const generateNext = index < first ? undefined : ask(index - first);
    return generateNext === undefined ? token : [token, { generateNext }];
  });
  await sequence.clearHistory();
  const outputs = await evaluate(sequence, input, hooks);
  return tokens.map((_, position) => outputs[first + position]?.next ?? {});
}

/** The likeliest tokens at every position, which is what a claim says of them, and the likeliest one as the engine ranks it. One prefill. */
export async function likeliest(
  sequence: LlamaContextSequence,
  job: Job,
  tokens: readonly Token[],
  hooks: Hooks,
): Promise<{ top: TokenLogProb[][]; greedy: number[] }> {
  const ask = (): Ask => ({
    token: true,
    totalLogitWeight: true,
    logits: { filter: { tokens: [], includeMax: true, includeTop: CLAIM_TOP } },
    options: UNSAMPLED,
  });
  const found = await prefill(sequence, job, tokens, ask, hooks);
  return { top: found.map(ranked), greedy: found.map(({ token }) => token ?? -1) };
}

/** What the model itself makes of given tokens. One prefill. */
export async function likelihoodOf(
  sequence: LlamaContextSequence,
  job: Pick<Job, "prompt">,
  tokens: readonly Token[],
  hooks: Hooks,
): Promise<Likelihood> {
  const found = await prefill(
    sequence,
    job,
    tokens,
    (position) => ({
      totalLogitWeight: true,
      logits: { filter: { tokens: [tokens[position]!], includeMax: true, includeTop: 1 } },
      options: UNSAMPLED,
    }),
    hooks,
  );
  const pairs = found.map((next, position) => {
    const highest = Math.max(...(next.logits ?? new Map<Token, number>()).values());
    return { top: -Math.log(next.totalLogitWeight ?? 1), gap: highest - (next.logits?.get(tokens[position]!) ?? -Infinity) };
  });
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const logProbs = pairs.map(({ top, gap }) => top - gap);
  return {
    tokens: tokens.length,
    mean: mean(logProbs),
    least: Math.min(...logProbs),
    regret: mean(pairs.map(({ gap }) => gap)),
  };
}

function ranked(next: Next): TokenLogProb[] {
  const logits = [...(next.logits ?? [])];
  const highest = Math.max(...logits.map(([, logit]) => logit));
  // totalLogitWeight is the sum of exp(logit - highest) over the whole vocabulary.
  const normaliser = highest + Math.log(next.totalLogitWeight ?? 1);
  return logits
    .sort(([a, logitA], [b, logitB]) => logitB - logitA || a - b)
    .slice(0, CLAIM_TOP)
    .map(([token, logit]) => [token, roundLogProb(logit - normaliser)]);
}

/** Evaluates in the batches that llama.cpp would make anyway; between them there is time to abort and to say that work goes on. */
async function evaluate(sequence: LlamaContextSequence, input: ControlledEvaluateInputItem[], { signal, onProgress }: Hooks) {
  const outputs: (ControlledEvaluateIndexOutput | undefined)[] = [];
  for (let at = 0; at < input.length; at += CANON.batchSize) {
    signal.throwIfAborted();
    if (at > 0) onProgress("");
    for (const output of await sequence.controlledEvaluate(input.slice(at, at + CANON.batchSize))) outputs.push(output);
  }
  return outputs;
}
