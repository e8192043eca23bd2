import { crashPoint } from "../runtime/crashPoint.ts";
import type { Access, Caller, Entry } from "./access.ts";
import type { Accounts, Work } from "./accounts.ts";
import { ApiError } from "./apiError.ts";
import type { Completions } from "./completions.ts";
import type { LiveText } from "./liveText.ts";
import { chatRequest, completionRequest, type PromptRequest } from "./requests.ts";
import { Stopwatch } from "./stopwatch.ts";
import { type EventSink, streamed } from "./streaming.ts";

export type Endpoint = "/v1/chat/completions" | "/v1/completions";

/** A request for answers, wherever it came in: HTTP, WebSocket, MCP. */
export interface Asked {
  caller: Caller;
  endpoint: Endpoint;
  body: unknown;
  /** The client's own name of its request; the same name and body find the same task for 24 hours. */
  idempotency?: string | undefined;
  /** Aborts with an ApiError when the client went away or its time is over. */
  gone: AbortSignal;
  /** Told what the rate limits are once the request was let in. */
  onEntry?: (entry: Entry) => void;
}

export interface AnsweringParts {
  completions: Completions;
  accounts: Accounts;
  access: Access;
  live: LiveText;
  /** The served model's name. */
  model: { name: string };
  /** While it ends, a router takes no new requests; what nodes hand in is still taken. */
  draining: AbortSignal;
  /** Ends requests in progress. */
  stopping: AbortSignal;
}

/** Prompts that come with a name of ours are asked for asynchronously: they go on whoever is connected. */
const ASYNC = "async:";

/** The one way from a request's body to an answer. */
export class Answering {
  readonly #parts: AnsweringParts;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  /** Runs work of any kind while the caller's limits allow it. Throws ApiError 429, 503, and what the work throws. */
  async counted<T>(caller: Caller, work: () => Promise<T>, onEntry: (entry: Entry) => void = () => undefined): Promise<T> {
    const { access, draining, stopping } = this.#parts;
    if (draining.aborted) throw new ApiError(503, "the router is ending; try again elsewhere", { code: "shutting_down" });
    const entry = access.enter(caller);
    onEntry(entry);
    try {
      return await work();
    } catch (error) {
      if (stopping.aborted) throw new ApiError(503, "the router ended before the answer was there", { code: "shutting_down" });
      throw error;
    } finally {
      entry.leave();
    }
  }

  /** The answer as one reply. Throws ApiError, EngineError, ChainError. */
  async answer(asked: Asked): Promise<{ reply: object; replayed: boolean }> {
    const wanted = requestOf(asked.endpoint, asked.body);
    if (wanted.stream) throw new ApiError(400, "found stream true, wanted no stream here", { code: "invalid_value", param: "stream" });
    return await this.counted(asked.caller, async () => await this.#answer(asked, wanted), asked.onEntry);
  }

  /** The answer as events to `open()`, which is called once the task is on chain. Throws as `answer` does, until then; afterwards errors are events. */
  async stream(asked: Asked, open: () => EventSink): Promise<void> {
    const wanted = requestOf(asked.endpoint, asked.body);
    await this.counted(asked.caller, async () => await this.#stream(asked, { ...wanted, stream: true }, open), asked.onEntry);
  }

  /** Accepts a request to be answered later; its id finds it for 24 hours, also after a restart. Throws ApiError where it cannot be taken. */
  async accept(asked: Omit<Asked, "gone">, id: string): Promise<void> {
    const { accounts } = this.#parts;
    const wanted = requestOf(asked.endpoint, asked.body);
    if (wanted.sealed) throw invalidSealed();
    if (wanted.stream) throw new ApiError(400, "found stream true, wanted no stream here", { code: "invalid_value", param: "stream" });
    const accepted = Promise.withResolvers<void>();
    const idempotency = `${ASYNC}${id}`;
    const gone = new AbortController().signal;
    const about = { ...this.#about({ ...asked, idempotency, gone }, wanted), promised: true };
    const done = this.counted(asked.caller, async () => await accounts.answer(about, this.#work(wanted, accepted.resolve)), asked.onEntry);
    done.catch(() => undefined);
    await Promise.race([accepted.promise, done]);
  }

  /** Where an accepted request stands; undefined where the caller has none of this id. */
  accepted(caller: Caller, id: string) {
    return this.#parts.accounts.found(caller.id, `${ASYNC}${id}`);
  }

  /** Whether the caller asked under this name before. */
  known(caller: Caller, idempotency: string): boolean {
    return this.#parts.accounts.found(caller.id, idempotency) !== undefined;
  }

  /** How a request that an earlier process accepted goes on; undefined for one that only its client can ask again. */
  resumed(endpoint: string, body: unknown, idempotency: string | null): Work | undefined {
    if (!idempotency?.startsWith(ASYNC)) return undefined;
    return this.#work(requestOf(endpoint as Endpoint, body));
  }

  async #answer(asked: Asked, wanted: PromptRequest) {
    return await this.#parts.accounts.answer(this.#about(asked, wanted), this.#work(wanted));
  }

  #about({ caller, endpoint, body, idempotency, gone }: Asked, { stream, sealed }: PromptRequest) {
    // A sealed request leaves nothing readable on disk; its answer is read from its task again.
    return { caller, endpoint, body, idempotency, unkept: stream || sealed, gone };
  }

  #work(wanted: PromptRequest, onAdmitted: () => void = () => undefined): Work {
    const { completions } = this.#parts;
    const stopwatch = new Stopwatch();
    return async ({ admit, ...rest }) =>
      await completions.counted(async () => {
        const context = { ...rest, stopwatch };
        crashPoint("requestLetIn");
        const prepared = await completions.prepared(wanted, context.signal, stopwatch);
        crashPoint("requestPlanned");
        admit(prepared.worstCase);
        crashPoint("requestAdmitted");
        onAdmitted();
        const reply = wanted.service === "chat" ? await completions.chat(prepared, context) : await completions.text(prepared, context);
        return { reply, promptTokens: reply.usage.prompt_tokens, completionTokens: reply.usage.completion_tokens };
      });
  }

  async #stream(asked: Asked, wanted: PromptRequest, open: () => EventSink): Promise<void> {
    const { completions, accounts, live, model } = this.#parts;
    let opened = false;
    const stopwatch = new Stopwatch();
    const work: Work = async ({ admit, ...rest }) =>
      await completions.counted(async () => {
        const context = { ...rest, stopwatch };
        const prepared = await completions.prepared(wanted, context.signal, stopwatch);
        admit(prepared.worstCase);
        const place = await completions.place(prepared.asks[0]!, 0, context);
        const sink = open();
        opened = true;
        const answer = await streamed(prepared, place, sink, { completions, live, model: model.name }, context);
        if (answer === undefined) throw new ApiError(499, "the stream ended without an answer", { code: "stream_ended" });
        return { reply: {}, promptTokens: answer.promptTokens, completionTokens: answer.choices[0]!.tokens };
      });
    await accounts.answer(this.#about(asked, wanted), work).catch((error: unknown) => {
      if (!opened) throw error;
    });
  }
}

const requestOf = (endpoint: Endpoint, body: unknown): PromptRequest =>
  endpoint === "/v1/chat/completions" ? chatRequest(body) : completionRequest(body);

const invalidSealed = () =>
  new ApiError(400, "found a sealed request to be answered later, wanted one at a time: nothing of it may be kept", {
    code: "invalid_value",
    param: "verification.sealed",
  });
