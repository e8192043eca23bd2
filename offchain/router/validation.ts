import { z } from "zod";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import type { Engine } from "../inference/engine.ts";
import { semanticSketch } from "../inference/semanticSketch.ts";
import { distance as bitsApart } from "../protocol/sketch.ts";
import { Status } from "../protocol/types.ts";
import { verify } from "../sdk/verify.ts";
import type { Caller } from "./access.ts";
import type { Answering } from "./answering.ts";
import { ApiError, toApiError } from "./apiError.ts";
import { checkExpectations, expectSchema } from "./expectations.ts";
import type { verdictSchema } from "./nativeSchemas.ts";
import type { ChatCompletion } from "./replySchemas.ts";
import { messagesField } from "./requestSchemas.ts";
import { parsed } from "./requests.ts";
import type { TaskLives } from "./taskLife.ts";

/** Body of POST /v1/validate. */
export const validateBody = z.strictObject({
  task: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional()
    .meta({ description: "A task of this router: its proof is checked against the chain." }),
  prompt: z.int().min(0).max(1_023).optional(),
  messages: messagesField
    .optional()
    .meta({ description: "Instead of a task: what the text should answer. Asked again of the network, and paid for." }),
  text: z.string().max(65_536).optional(),
  max_tokens: z.int().min(1).optional(),
  expect: expectSchema.optional(),
});

/** Body of POST /v1/delegate. */
export const delegateBody = z.strictObject({
  messages: messagesField,
  max_tokens: z.int().min(1).optional(),
  expect: expectSchema.optional(),
  attempts: z
    .int()
    .min(1)
    .max(3)
    .optional()
    .meta({ description: "Answers that do not meet the expectations are asked for again, with another seed." }),
});

export type Verdict = z.output<typeof verdictSchema>;

export interface ValidationParts {
  answering: Answering;
  lives: TaskLives;
  endpoint: Endpoint;
  deployment: Deployment;
  engine: Pick<Engine, "embed" | "info">;
  model: { name: string };
  /** Most bits in which two sketches may differ to mean the same. */
  threshold: () => number;
}

/** Says of a text whether it is what it should be, with the evidence: VALID, INVALID, RETRY (nothing is known yet) or NEEDS_SPEC (nothing to check against). */
export class Validation {
  readonly #parts: ValidationParts;

  constructor(parts: ValidationParts) {
    this.#parts = parts;
  }

  /** Throws ApiError 400, 404; network failures are RETRY. */
  async validate(body: unknown, caller: Caller, gone: AbortSignal): Promise<Verdict> {
    const { task, prompt = 0, messages, text, max_tokens, expect } = parsed(validateBody, body);
    if (task !== undefined) return await this.#validateTask(task, prompt, text, expect, gone);
    if (text === undefined) return needsSpec("found no text, wanted one, or the task that gave it");
    if (messages === undefined) {
      if (expect === undefined) return needsSpec("found neither messages nor expectations, wanted what the text should answer, or be");
      return judged(checkExpectations(text, expect), { text });
    }
    const asked = await this.#ask(messages, max_tokens, 0, caller, gone);
    if ("code" in asked) return retry(asked);
    const { engine } = this.#parts;
    const canonical = asked.choices[0]!.message.content ?? "";
    const { embedSha256 } = engine.info();
    const sketchOf = async (one: string) => semanticSketch(await engine.embed(one, { signal: gone }), embedSha256);
    const distance = bitsApart(await sketchOf(text), await sketchOf(canonical));
    const threshold = this.#parts.threshold();
    const same = {
      name: "agreement",
      ok: distance <= threshold,
      detail: `${distance} of 256 bits from the network's answer, wanted at most ${threshold}`,
    };
    return judged([same, ...checkExpectations(text, expect)], { text: canonical, verification: asked.verification });
  }

  /** Has the network answer until the answer meets the expectations. Throws ApiError 400; network failures are RETRY. */
  async delegate(body: unknown, caller: Caller, gone: AbortSignal): Promise<Verdict> {
    const { messages, max_tokens, expect, attempts = 1 } = parsed(delegateBody, body);
    if (messages.every(({ content }) => content.trim() === "")) return needsSpec("found an empty instruction, wanted words");
    let verdict: Verdict | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const asked = await this.#ask(messages, max_tokens, attempt, caller, gone);
      if ("code" in asked) return retry(asked);
      const text = asked.choices[0]!.message.content ?? "";
      verdict = judged(checkExpectations(text, expect), { text, verification: asked.verification });
      if (verdict.verdict === "VALID") break;
    }
    return verdict!;
  }

  async #validateTask(
    task: string,
    prompt: number,
    given: string | undefined,
    expect: z.output<typeof expectSchema> | undefined,
    gone: AbortSignal,
  ) {
    const { lives, endpoint, deployment } = this.#parts;
    const entry = lives.entry(task);
    if (entry.settled === undefined)
      return retry(new ApiError(409, `task ${task} has not ended yet`, { code: "task_open", details: { task_id: task } }));
    if (entry.settled.status !== Status.Accepted)
      return retry(
        new ApiError(409, `task ${task} ended without an answer; ask again`, { code: "task_without_answer", details: { task_id: task } }),
      );
    const { text: found, proof } = await lives.proof(task, prompt, gone);
    const text = given ?? found;
    const { checks } = await verify({ text, proof }, { endpoint, deployment });
    return judged([...checks, ...checkExpectations(text, expect)], { text: found, proof });
  }

  async #ask(
    messages: object[],
    maxTokens: number | undefined,
    seed: number,
    caller: Caller,
    gone: AbortSignal,
  ): Promise<ChatCompletion | ApiError> {
    const { answering, model } = this.#parts;
    const body = {
      model: model.name,
      messages,
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
      ...(seed > 0 && { seed, temperature: 0.7 }),
    };
    try {
      return (await answering.answer({ caller, endpoint: "/v1/chat/completions", body, gone })).reply as ChatCompletion;
    } catch (error) {
      const told = toApiError(error);
      if (told.retryable || told.status >= 500) return told;
      throw told;
    }
  }
}

const judged = (checks: { name: string; ok: boolean; detail: string }[], evidence: Omit<Verdict["evidence"], "checks">): Verdict => {
  const wrong = checks.filter(({ ok }) => !ok);
  const reason = wrong.length === 0 ? "every check holds" : wrong.map(({ name, detail }) => `${name}: ${detail}`).join("; ");
  return { verdict: wrong.length === 0 ? "VALID" : "INVALID", reason, evidence: { ...evidence, checks } };
};
const needsSpec = (reason: string): Verdict => ({ verdict: "NEEDS_SPEC", reason, evidence: { checks: [] } });
const retry = ({ message, code, details }: ApiError): Verdict => ({
  verdict: "RETRY",
  reason: message,
  evidence: { checks: [], error: { code, task_id: details["task_id"] === undefined ? null : String(details["task_id"]) } },
});
