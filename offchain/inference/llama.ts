import { setTimeout } from "node:timers/promises";
import type { Claim } from "../protocol/claim.ts";
import { DEFAULT_GENUINENESS_RULE, type GenuinenessRule } from "../protocol/genuineness.ts";
import type { Message, Sampling } from "../protocol/manifest.ts";
import type { AnswerFormat } from "./answerFormat.ts";
import { checkedRequest } from "./checkedRequest.ts";
import type { ChildRequest, ChildSettings } from "./childMessages.ts";
import {
  EngineError,
  type Completion,
  type CompletionOptions,
  type CompletionRequest,
  type Engine,
  type EngineCallOptions,
  type EngineCounters,
  type EngineInfo,
  type Likelihood,
  type Verification,
} from "./engine.ts";
import { ChildLost, LlamaProcess } from "./llamaProcess.ts";
import { verifyModelFile, type ModelEntry } from "./models.ts";

export interface LlamaOptions {
  /** The chat model. */
  model: ModelEntry;
  /** The embedding model. */
  embed: ModelEntry;
  /** Physical cores that nothing else uses; more than that is slower, not faster, because llama.cpp's threads spin. Default 1. */
  threads?: number;
  /** From fork to loaded models. Default 60 s. */
  startTimeoutMs?: number;
  /** Longest silence within a request before the child is killed. Default 60 s. */
  stallTimeoutMs?: number;
  /** Most requests in the queue. Default 256. */
  maxWaiting?: number;
}

/** How long close() lets the request in progress end by itself. */
const CLOSE_MS = 5_000;

/** llama.cpp in a child process. A child that dies or hangs is replaced once per request; the second loss ends the request with EngineFailed. */
export class LlamaEngine implements Engine {
  readonly #options: LlamaOptions;
  readonly #settings: ChildSettings;
  readonly #closing = new AbortController();
  readonly #counters: EngineCounters = { requests: 0, failures: 0, restarts: 0, promptTokens: 0, completionTokens: 0, waiting: 0 };
  #process: LlamaProcess | undefined;
  #engineClass = "";
  #turn: Promise<void> = Promise.resolve();

  private constructor(options: LlamaOptions) {
    this.#options = options;
    this.#settings = { model: options.model, embed: options.embed, threads: options.threads ?? 1 };
  }

  /** Verifies both model files, starts the child and loads them. Throws ModelHashMismatch or EngineError (ModelMissing, EngineFailed). */
  static async start(options: LlamaOptions): Promise<LlamaEngine> {
    const engine = new LlamaEngine(options);
    try {
      await engine.#child();
    } catch (error) {
      throw error instanceof ChildLost ? new EngineError("EngineFailed", error.message, true) : error;
    }
    return engine;
  }

  async tokenCount(messages: Message[], options: EngineCallOptions = {}): Promise<number> {
    return await this.#run<number>({ kind: "tokenCount", messages }, options);
  }

  async complete(request: CompletionRequest, options: CompletionOptions = {}): Promise<Completion> {
    const { messages, sampling, format, jobSeed } = request;
    const completion = await this.#run<Completion>({ kind: "complete", messages, sampling, format, jobSeed }, options);
    this.#counters.promptTokens += completion.promptTokens;
    this.#counters.completionTokens += completion.tokens;
    return completion;
  }

  async verifyClaim(
    messages: Message[],
    claim: Claim,
    sampling: Sampling,
    jobSeed: string,
    {
      rule = DEFAULT_GENUINENESS_RULE,
      format,
      ...options
    }: EngineCallOptions & {
      rule?: GenuinenessRule;
      format?: AnswerFormat | undefined;
    } = {},
  ): Promise<Verification> {
    return await this.#run<Verification>({ kind: "verify", messages, claim, sampling, format, jobSeed, rule }, options);
  }

  async checkFormat(format: AnswerFormat, options: EngineCallOptions = {}): Promise<void> {
    await this.#run<true>({ kind: "grammar", format }, options);
  }

  async likelihood(messages: Message[], text: string, options: EngineCallOptions = {}): Promise<Likelihood> {
    return await this.#run<Likelihood>({ kind: "likelihood", messages, text }, options);
  }

  async embed(text: string, options: EngineCallOptions = {}): Promise<number[]> {
    return await this.#run<number[]>({ kind: "embed", text }, options);
  }

  info(): EngineInfo {
    const { model, embed } = this.#settings;
    return {
      modelId: model.id,
      modelSha256: model.sha256,
      embedSha256: embed.sha256,
      engineClass: this.#engineClass,
      contextTokens: model.contextTokens,
      pid: this.#process?.pid ?? null,
    };
  }

  counters(): EngineCounters {
    return { ...this.#counters };
  }

  async close(): Promise<void> {
    this.#closing.abort(new EngineError("EngineClosed", "the engine is closed"));
    await Promise.race([this.#turn, setTimeout(CLOSE_MS, undefined, { ref: false })]);
    await this.#process?.close();
  }

  /** Waits for its turn, then gives the request to the child. */
  async #run<T>(unchecked: ChildRequest, { signal: callers, onToken }: CompletionOptions): Promise<T> {
    const signal = callers ? AbortSignal.any([callers, this.#closing.signal]) : this.#closing.signal;
    signal.throwIfAborted();
    const request = checkedRequest(unchecked);
    const maxWaiting = this.#options.maxWaiting ?? 256;
    if (this.#counters.waiting >= maxWaiting)
      throw new EngineError("EngineBusy", `found ${maxWaiting} requests waiting, wanted fewer; try again later`, true);
    const before = this.#turn;
    const done = Promise.withResolvers<void>();
    this.#turn = before.then(() => done.promise);
    this.#counters.waiting++;
    this.#counters.requests++;
    try {
      await settledOrAborted(before, signal);
      return await this.#attempt<T>(request, signal, onToken);
    } catch (error) {
      if (!signal.aborted) this.#counters.failures++;
      throw error;
    } finally {
      this.#counters.waiting--;
      done.resolve();
    }
  }

  async #attempt<T>(request: ChildRequest, signal: AbortSignal, onToken: CompletionOptions["onToken"]): Promise<T> {
    const stallMs = this.#options.stallTimeoutMs ?? 60_000;
    let shown = 0;
    for (let attempt = 1; ; attempt++) {
      let written = 0;
      // A second attempt writes the same text again, since every seed is fixed; only what is new is shown.
      const onPiece = (piece: string) => {
        const fresh = piece.slice(Math.max(0, shown - written));
        written += piece.length;
        shown = Math.max(shown, written);
        if (fresh !== "") onToken?.(fresh);
      };
      try {
        const child = await this.#child();
        return await child.call<T>(request, { signal, onPiece, stallMs });
      } catch (error) {
        if (!(error instanceof ChildLost)) throw error;
        signal.throwIfAborted();
        if (attempt === 2)
          throw new EngineError("EngineFailed", `${error.message}, twice in one request; look at the node's memory and log`, true);
      }
    }
  }

  /** The living child; a dead one is replaced, after its model files were hashed again. */
  async #child(): Promise<LlamaProcess> {
    if (this.#process && this.#process.pid !== null) return this.#process;
    if (this.#process) this.#counters.restarts++;
    await verifyModelFile(this.#settings.model);
    await verifyModelFile(this.#settings.embed);
    this.#process = await LlamaProcess.start(this.#settings, this.#options.startTimeoutMs ?? 60_000);
    this.#engineClass = this.#process.engineClass;
    return this.#process;
  }
}

/** Resolves with the turn; throws the signal's reason as soon as it aborts. */
async function settledOrAborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await Promise.race([turn, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
}
