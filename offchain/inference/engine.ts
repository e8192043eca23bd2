import type { Claim, Finish } from "../protocol/claim.ts";
import type { GenuinenessRule, Judgement } from "../protocol/genuineness.ts";
import type { Message, Sampling } from "../protocol/manifest.ts";
import type { AnswerFormat } from "./answerFormat.ts";

export interface CompletionRequest {
  messages: Message[];
  sampling: Sampling;
  /** What the answer must look like; absent: any text. */
  format?: AnswerFormat | undefined;
  /** Public text from which, with sampling.seed and the position, each token's seed follows. */
  jobSeed: string;
}

export interface Completion {
  /** The answer, cut before the stop string that ended it. */
  text: string;
  /** Output tokens, the end-of-generation token included; always claim.tokens.length. */
  tokens: number;
  promptTokens: number;
  finish: Finish;
  claim: Claim;
}

/** A judgement, and the text that the claimed tokens spell (empty when malformed); the result's bytes must be this text. */
export interface Verification extends Judgement {
  text: string;
}

/** Log-probabilities that a model gives the tokens of a text, nats. */
export interface Likelihood {
  tokens: number;
  mean: number;
  least: number;
  /** Mean distance of each token's log-probability from that of the likeliest token at its place; 0: what the model would say. */
  regret: number;
}

export interface EngineInfo {
  modelId: string;
  modelSha256: string;
  embedSha256: string;
  engineClass: string;
  /** Tokens of prompt and answer together. */
  contextTokens: number;
  /** Of the child process; null between a crash and the next request. */
  pid: number | null;
}

/** Totals since the engine was started. */
export interface EngineCounters {
  requests: number;
  failures: number;
  restarts: number;
  promptTokens: number;
  completionTokens: number;
  /** Now in the queue or running. */
  waiting: number;
}

export interface EngineCallOptions {
  /** Ends the call after the token (or prompt chunk) in progress; the call throws the signal's reason. */
  signal?: AbortSignal;
}

export interface CompletionOptions extends EngineCallOptions {
  /** Called with each piece of the answer as it is written; the pieces joined are the text. */
  onToken?: (piece: string) => void;
}

/** A chat model and an embedding model behind one queue. Every call throws EngineError when it cannot be served. */
export interface Engine {
  /** Tokens of the prompt that these messages make. */
  tokenCount(messages: Message[], options?: EngineCallOptions): Promise<number>;
  /** An answer and the claim about it. */
  complete(request: CompletionRequest, options?: CompletionOptions): Promise<Completion>;
  /** One prefill of prompt and claimed tokens, judged by the model's rule. */
  verifyClaim(
    messages: Message[],
    claim: Claim,
    sampling: Sampling,
    jobSeed: string,
    options?: EngineCallOptions & { rule?: GenuinenessRule; format?: AnswerFormat | undefined },
  ): Promise<Verification>;
  /** Checks that a grammar can be made of a format. Throws EngineError InvalidRequest where it cannot. */
  checkFormat(format: AnswerFormat, options?: EngineCallOptions): Promise<void>;
  /** How likely the model itself finds a text as the answer to these messages. A text over the context is cut to it. */
  likelihood(messages: Message[], text: string, options?: EngineCallOptions): Promise<Likelihood>;
  /** The text's embedding, of length 1; all zeros for the empty text. A text over the embedder's context is cut to it. */
  embed(text: string, options?: EngineCallOptions): Promise<number[]>;
  info(): EngineInfo;
  counters(): EngineCounters;
  /** Refuses new work, ends what runs, stops the child. */
  close(): Promise<void>;
}

export type EngineErrorCode =
  | "ModelMissing"
  | "ModelHashMismatch"
  | "ModelUnknown"
  | "RegistryInvalid"
  | "InvalidRequest"
  | "PromptTooLong"
  | "EngineBusy"
  | "EngineFailed"
  | "EngineClosed";

export class EngineError extends Error {
  readonly code: EngineErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  constructor(code: EngineErrorCode, message: string, retryable = false) {
    super(message);
    this.name = "EngineError";
    this.code = code;
    this.retryable = retryable;
  }
}

/** A model file whose bytes are not the registered ones. */
export class ModelHashMismatch extends EngineError {
  readonly found: string;
  readonly wanted: string;
  readonly file: string;
  constructor(file: string, found: string, wanted: string) {
    super("ModelHashMismatch", `found sha256 ${found} for ${file}, wanted ${wanted}; restore or download the model file again`);
    this.found = found;
    this.wanted = wanted;
    this.file = file;
  }
}
