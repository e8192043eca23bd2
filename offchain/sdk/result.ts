import type { Message, Sampling } from "../protocol/manifest.ts";

/** What is asked for. What is not given is fixed: temperature 0, no penalties, seed 0. */
export interface CompleteRequest {
  messages: Message[];
  maxTokens: number;
  sampling?: Partial<Omit<Sampling, "maxTokens">>;
  /**
   * Only the nodes that are drawn can read prompt and answer; what lies elsewhere is ciphertext. A router reads what it is
   * given, in memory only; a wallet needs none.
   */
  sealed?: boolean;
}

/** Where an answer stands on chain: all that `verify` needs besides the text. */
export interface Proof {
  session: number;
  task: string;
  /** Which of the task's prompts it answers. */
  prompt: number;
  transactions: { submitted: string; settled: string };
  committee: { seat: number; node: number; operator: string; accepted: boolean }[];
  agreement: { redundancy: number; quorum: number; agreed: number };
  /** sha256 of the text's bytes, 0x hex. */
  digest: string;
  /** COR base units. */
  charged: string;
}

/** An answer that nodes agreed on; the same over a router and over a wallet. */
export interface Result {
  text: string;
  finish: "stop" | "length";
  usage: { promptTokens: number; completionTokens: number };
  /** Of a sealed task, 0x hex: whoever has it can read the task's prompt and answers. */
  key?: string;
  proof: Proof;
}

/** What happens on the way to a result. Tokens are one node's and unverified. */
export type ClientEvent =
  | { type: "submitted"; task: string }
  | { type: "token"; text: string }
  | { type: "committed"; task: string; seats: number }
  | { type: "settled"; task: string; transaction: string };

export interface CompleteOptions {
  signal?: AbortSignal;
  onEvent?: (event: ClientEvent) => void;
}

/** Asks for answers. */
export interface Client {
  /** Resolves with an answer that nodes agreed on. Throws SdkError, or the signal's reason. */
  complete(request: CompleteRequest, options?: CompleteOptions): Promise<Result>;
}

/** A stable code, and what to do. */
export class SdkError extends Error {
  readonly code: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  readonly task: string | undefined;
  constructor(code: string, message: string, { retryable = false, task }: { retryable?: boolean; task?: string | undefined } = {}) {
    super(message);
    this.name = "SdkError";
    this.code = code;
    this.retryable = retryable;
    this.task = task;
  }
}

/** The sampling rules with every value named. */
export function samplingOf({ maxTokens, sampling = {} }: CompleteRequest): Sampling {
  const neutral = { temperature: 0, topP: 1, topK: 0, seed: 0, stop: [], frequencyPenalty: 0, presencePenalty: 0, repeatPenalty: 1 };
  return { ...neutral, ...sampling, maxTokens };
}
