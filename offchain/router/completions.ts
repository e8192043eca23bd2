import type { ModelView } from "../chain/views.ts";
import type { LocalStore } from "../content/localStore.ts";
import type { Engine } from "../inference/engine.ts";
import type { Sampling } from "../protocol/manifest.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { answerOf, type PromptAnswer, shareOf } from "./answer.ts";
import { ApiError } from "./apiError.ts";
import { type Ask, type Place, toldOf } from "./batcher.ts";
import { chatCompletionOf, textCompletionOf } from "./replies.ts";
import type { FreshContent } from "./freshContent.ts";
import type { ChatCompletion, TextCompletion } from "./replySchemas.ts";
import type { PromptRequest } from "./requests.ts";
import type { Seals } from "./seals.ts";
import type { Lane, Lanes } from "./lanes.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { World } from "./world.ts";

export interface CompletionParts {
  engine: Pick<Engine, "tokenCount" | "checkFormat">;
  content: LocalStore;
  /** Answers that were opened a moment ago. */
  fresh?: Pick<FreshContent, "bytes">;
  lanes: Lanes;
  world: World;
  seals?: Seals;
  /** The sessions' model, as registered, and its sha256 as 0x hex. */
  model: ModelView & { sha256: string };
}

/** What a request leaves behind, so that it is found again after a restart. Positions are those of its prompts. */
export interface PlaceJournal {
  /** Where a prompt of this request was put before, if it was. */
  known(position: number): { name: string; prompt: number } | undefined;
  named(position: number, name: string, prompt: number): void;
  placed(position: number, task: bigint): void;
  /** What a prompt was charged; COR base units. */
  charged(name: string, prompt: number, amount: bigint): void;
  /** The prompt will be asked anew. */
  forgotten(position: number): void;
}

/** Who asks, and how it is remembered. */
export interface Context {
  signal: AbortSignal;
  journal?: PlaceJournal | undefined;
  stopwatch?: Stopwatch | undefined;
}

/** A prompt, and the session that is to answer it. */
export interface PlacedAsk extends Omit<Ask, "signal"> {
  lane: Lane;
}

/** A request whose prompts are counted and within every limit. */
export interface Prepared {
  request: PromptRequest;
  asks: PlacedAsk[];
  /** Most that it can cost, each prompt in a task of its own; COR base units. */
  worstCase: bigint;
}

const MOST_OPEN = 512;
/** A list's prompts whose task brought no answer are asked once more. */
const LIST_ATTEMPTS = 2;
const WORTH_ANOTHER = ["task_failed", "task_inconclusive", "deadline_passed"];

/** Requests for answers, from the count of their tokens to the verified text. */
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

  /** Counts a request while it is in progress. Throws ApiError 429 where there are too many. */
  async counted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#open >= MOST_OPEN)
      throw new ApiError(429, `found ${MOST_OPEN} requests in progress, wanted fewer; try again`, {
        code: "too_many_requests",
        retryAfter: 2,
      });
    this.#open++;
    try {
      return await work();
    } finally {
      this.#open--;
    }
  }

  /** Checks a request as far as that costs nothing. Throws ApiError 400 or 404, or EngineError. */
  async prepared(request: PromptRequest, signal: AbortSignal, stopwatch = new Stopwatch()): Promise<Prepared> {
    const { engine, lanes } = this.#parts;
    this.#checkModel(request.model);
    const { requirements } = request;
    // What no session could do is refused before anything is counted.
    const { redundancy } = lanes.choose({ ...requirements, redundancy: 1 }, { prompts: 1, promptTokens: 0, maxTokens: 1 }).submission
      .session.rules;
    if (request.n > redundancy)
      throw new ApiError(400, `found n ${request.n}, wanted at most ${redundancy}, the number of nodes that answer a prompt`, {
        code: "invalid_value",
        param: "n",
      });
    if (request.format !== undefined) await stopwatch.during("engine", engine.checkFormat(request.format, { signal }));
    const counts: number[] = [];
    for (const messages of request.prompts) counts.push(await stopwatch.during("engine", engine.tokenCount(messages, { signal })));
    const longest = Math.max(...counts);
    const lane = lanes.choose(requirements, { prompts: counts.length, promptTokens: longest, maxTokens: request.maxTokens });
    const maxTokens = this.#checkedLimit(request, longest, lane);
    const sampling: Sampling = { ...request.sampling, maxTokens };
    const shared = { service: request.service, sampling, format: request.format, ...(request.sealed && { sealed: true }) };
    const { size } = lane.batcher;
    const parts = counts.flatMap((_, i) =>
      i % size === 0 ? [{ prompts: Math.min(size, counts.length - i), promptTokens: longest, maxTokens }] : [],
    );
    const spread = parts.length > 1 ? lanes.spread(lane, parts, requirements) : [lane];
    const asks = request.prompts.map((messages, i) => ({
      messages,
      promptTokens: counts[i]!,
      shared,
      lane: spread[Math.floor(i / size)]!,
    }));
    const worstCase = counts.reduce((sum, count) => sum + lane.submission.worstCase([count], maxTokens), 0n);
    return { request, asks, worstCase };
  }

  /** The verified answer. Throws ApiError, EngineError, ChainError, or the signal's reason. */
  async chat(prepared: Prepared, context: Context): Promise<ChatCompletion> {
    const [answer] = await this.answers(prepared, context);
    return chatCompletionOf(answer!, this.#parts.model, prepared.request.tools);
  }

  /** The verified answers, in the order of the prompts. Throws as `chat` does. */
  async text(prepared: Prepared, context: Context): Promise<TextCompletion> {
    return textCompletionOf(await this.answers(prepared, context), this.#parts.model);
  }

  /** The answers to all prompts, in order. Prompts of a list that brought no answer are asked once more, alone. */
  async answers({ request, asks }: Prepared, context: Context): Promise<PromptAnswer[]> {
    const attempts = asks.length > 1 ? LIST_ATTEMPTS : 1;
    const outcomes = await Promise.allSettled(
      asks.map(async (ask, position) => await this.#answer(ask, position, request, attempts, context)),
    );
    const failed = outcomes.flatMap((outcome, position) =>
      outcome.status === "rejected" ? [{ position, error: outcome.reason as Error }] : [],
    );
    if (failed.length === 0) return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<PromptAnswer>).value);
    const { error } = failed[0]!;
    if (asks.length === 1 || !(error instanceof ApiError)) throw error;
    throw new ApiError(error.status, `${failed.length} of ${asks.length} prompts have no answer; the first of them: ${error.message}`, {
      code: error.code,
      details: { ...error.details, failed: failed.map(({ position }) => position).join(",") },
    });
  }

  /** Puts a prompt into a task, or finds it where it was put before. Throws as `chat` does. */
  async place({ lane, ...ask }: PlacedAsk, position: number, { signal, journal, stopwatch }: Context): Promise<Place> {
    const { batcher, submission } = lane;
    const known = journal?.known(position);
    const again = known && (await submission.rejoin(known.name, signal));
    if (again !== undefined) {
      const ended = batcher.ended(again, known!.name);
      ended.catch(() => {});
      return {
        ...again,
        ...known!,
        told: toldOf(ended, this.#parts.world),
        placedAt: performance.now(),
        waited: { queue: 0, router: 0 },
        ended,
      };
    }
    const onNamed = (name: string, prompt: number) => journal?.named(position, name, prompt);
    const from = performance.now();
    const place = await batcher.place({ ...ask, signal, onNamed });
    const { queue, router } = place.waited;
    stopwatch?.add("queue", queue);
    stopwatch?.add("chain", place.placedAt - from - queue - router);
    journal?.placed(position, place.task);
    crashPoint("promptPlaced");
    return place;
  }

  /** The answers to a placed prompt, once its task has ended. Throws as `chat` does. */
  async settled(place: Place, n: number, { signal, journal, stopwatch }: Context): Promise<PromptAnswer> {
    const { content, fresh, world, lanes, seals } = this.#parts;
    const ended = await aborting(place.ended, signal, () => lanes.of(place.task).batcher.abandon(place));
    stopwatch?.add("chain", (place.told.at ?? place.placedAt) - place.placedAt);
    crashPoint("endSeen");
    journal?.charged(place.name, place.prompt, shareOf(ended, place.prompt));
    crashPoint("promptCharged");
    const answer = await answerOf(ended, place, n, { content, fresh, world, key: seals?.keyOf(place.name), signal });
    crashPoint("answerFetched");
    if (stopwatch !== undefined) answer.verification.timing = stopwatch.timing;
    return answer;
  }

  async #answer(ask: PlacedAsk, position: number, request: PromptRequest, attempts: number, context: Context): Promise<PromptAnswer> {
    let { lane } = ask;
    for (let attempt = 1; ; attempt++) {
      const place = await this.place({ ...ask, lane }, position, context);
      try {
        return await this.settled(place, request.n, context);
      } catch (error) {
        if (attempt >= attempts || !(error instanceof ApiError) || !WORTH_ANOTHER.includes(error.code)) throw error;
        context.journal?.forgotten(position);
        const { maxTokens } = ask.shared.sampling;
        lane = this.#parts.lanes.instead(lane, request.requirements, { prompts: 1, promptTokens: ask.promptTokens, maxTokens });
      }
    }
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
  #checkedLimit({ maxTokens: asked, maxTokensParam, promptParam }: PromptRequest, promptTokens: number, lane: Lane): number {
    const { session } = lane.submission;
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
      param: promptParam,
      details: { found: promptTokens, wanted },
    });
  }
}

/** Waits for a promise that others wait for too. Throws the signal's reason when it aborts. */
async function aborting<T>(promise: Promise<T>, signal: AbortSignal, onAbort: () => void): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const listen = () => {
    onAbort();
    aborted.reject(signal.reason);
  };
  signal.addEventListener("abort", listen, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", listen);
  }
}
