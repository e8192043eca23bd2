import type { ModelView, SessionView } from "../chain/views.ts";
import type { LocalStore } from "../content/localStore.ts";
import type { Engine } from "../inference/engine.ts";
import { encodePromptTokens } from "../protocol/answers.ts";
import { lockOf } from "../protocol/judging.ts";
import { manifestBytes } from "../protocol/manifest.ts";
import { Status } from "../protocol/types.ts";
import type { Logger } from "../runtime/log.ts";
import { answerOf, type ChatCompletion } from "./answer.ts";
import { ApiError } from "./apiError.ts";
import { DeadlinePassed, type EndedTask } from "./arrivals.ts";
import type { ChatRequest } from "./chatRequest.ts";
import type { Submission } from "./submission.ts";
import type { World } from "./world.ts";

export interface CompletionParts {
  engine: Pick<Engine, "tokenCount">;
  content: LocalStore;
  submission: Submission;
  world: World;
  /** The session's model, as registered, and its sha256 as 0x hex. */
  model: ModelView & { sha256: string };
  log: Logger;
}

/** A little below the queue's ring of 64 open tasks per session. */
const MOST_OPEN = 60;
/** For settling and for this machine's clock, beyond the session's windows. */
const SLACK_SECONDS = 90;

/** Chat requests, from the count of their tokens to the verified answer. */
export class Completions {
  readonly #parts: CompletionParts;
  #open = 0;

  constructor(parts: CompletionParts) {
    this.#parts = parts;
  }

  /** Requests in progress. */
  get open(): number {
    return this.#open;
  }

  /** The verified answer. Throws ApiError, EngineError, ChainError, or the signal's reason. */
  async complete(request: ChatRequest, signal: AbortSignal): Promise<ChatCompletion> {
    if (this.#open >= MOST_OPEN)
      throw new ApiError(429, `found ${MOST_OPEN} requests in progress, wanted fewer; try again`, {
        code: "too_many_requests",
        retryAfter: 2,
      });
    this.#open++;
    try {
      return await this.#complete(request, signal);
    } finally {
      this.#open--;
    }
  }

  async #complete(request: ChatRequest, signal: AbortSignal): Promise<ChatCompletion> {
    const { content, engine, log, world, submission } = this.#parts;
    this.#checkModel(request.model);
    const promptTokens = await engine.tokenCount(request.messages, { signal });
    const maxTokens = this.#checkedLimit(request, promptTokens);
    const prompts = [{ messages: request.messages }];
    const manifest = await content.put(manifestBytes({ v: 1, service: "chat", prompts, sampling: { ...request.sampling, maxTokens } }));
    const { session } = submission;
    const submitted = await submission.submit({ manifest, promptTokens: encodePromptTokens([promptTokens]), maxTokens }, signal);
    const { task } = submitted;
    log.info({ task: String(task), promptTokens, maxTokens, transaction: submitted.transaction }, "submitted");
    const ended = await this.#ending(task, session, signal);
    const { status, charged, transactionHash } = ended.settled;
    log.info({ task: String(task), status, charged: String(charged), transaction: transactionHash }, "settled");
    if (status !== Status.Accepted) throw withoutAnswer(ended);
    return await answerOf(ended, submitted.transaction, { content, world, model: this.#parts.model.name, signal });
  }

  #checkModel(found: string): void {
    const { name, sha256 } = this.#parts.model;
    if ([name, sha256, sha256.slice(2)].includes(found)) return;
    throw new ApiError(404, `found model ${JSON.stringify(found)}, wanted one that is served: ${name}`, {
      code: "model_not_found",
      param: "model",
    });
  }

  /** The output limit: what was asked for, or all that session and context leave. Throws ApiError 400. */
  #checkedLimit({ maxTokens: asked, maxTokensParam }: ChatRequest, promptTokens: number): number {
    const { session } = this.#parts.submission;
    const context = this.#parts.model.contextTokens;
    const most = session.rules.maxTokens;
    if (asked !== undefined && asked > most)
      throw new ApiError(400, `found ${maxTokensParam} ${asked}, wanted at most ${most}, the session's limit`, {
        code: "invalid_value",
        param: maxTokensParam,
      });
    const wanted = Math.min(session.maxPromptTokens, context - (asked ?? 1));
    if (promptTokens <= wanted) return asked ?? Math.min(most, context - promptTokens);
    const why = `the session takes prompts of ${session.maxPromptTokens} tokens, and the context holds ${context} tokens of prompt and answer`;
    throw new ApiError(400, `found ${promptTokens} prompt tokens, wanted at most ${wanted}: ${why}`, {
      code: "context_length_exceeded",
      param: "messages",
      details: { found: promptTokens, wanted },
    });
  }

  async #ending(task: bigint, { rules, queueWindow }: SessionView, signal: AbortSignal): Promise<EndedTask> {
    const seconds = rules.commitWindow + rules.revealWindow + (rules.leased ? 0 : queueWindow) + SLACK_SECONDS;
    const timeout = AbortSignal.timeout(seconds * 1_000);
    try {
      return await this.#parts.world.arrivals.ended(task, AbortSignal.any([signal, timeout]));
    } catch (error) {
      if (!(error instanceof DeadlinePassed) && !timeout.aborted) throw error;
      throw new ApiError(504, `task ${task} was not settled in time; GET /v1/tasks/${task} tells how it goes on`, {
        code: "deadline_passed",
        details: { task: String(task) },
      });
    }
  }
}

/** Why a task ended without an answer, by its status. */
const ENDINGS: Partial<Record<Status, { code: string; why: string }>> = {
  [Status.Inconclusive]: { code: "task_inconclusive", why: "the nodes' answers do not agree" },
  [Status.Failed]: { code: "task_failed", why: "too few nodes answered in time" },
  [Status.Cancelled]: { code: "task_cancelled", why: "it was taken back" },
};

function withoutAnswer({ task, terms, settled }: EndedTask): ApiError {
  const { code, why } = ENDINGS[settled.status] ?? { code: "task_failed", why: `its status is ${settled.status}` };
  const refunded = String(lockOf(terms) - settled.charged);
  return new ApiError(502, `task ${task} ended without an answer: ${why}; ${refunded} COR base units were given back to the session`, {
    code,
    details: { task: String(task), refunded },
  });
}
