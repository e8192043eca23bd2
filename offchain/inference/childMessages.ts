import type { Claim } from "../protocol/claim.ts";
import type { GenuinenessRule } from "../protocol/genuineness.ts";
import type { Message, Sampling } from "../protocol/manifest.ts";
import type { AnswerFormat } from "./answerFormat.ts";
import type { EngineErrorCode } from "./engine.ts";
import type { ModelEntry } from "./models.ts";

/** What the child needs to start. */
export interface ChildSettings {
  model: ModelEntry;
  embed: ModelEntry;
  threads: number;
}

/** One request; the allow-list of what may reach the engine. */
export type ChildRequest =
  | { kind: "tokenCount"; messages: Message[] }
  | { kind: "complete"; messages: Message[]; sampling: Sampling; format?: AnswerFormat | undefined; jobSeed: string }
  | {
      kind: "verify";
      messages: Message[];
      sampling: Sampling;
      format?: AnswerFormat | undefined;
      jobSeed: string;
      claim: Claim;
      rule: GenuinenessRule;
    }
  | { kind: "likelihood"; messages: Message[]; text: string }
  | { kind: "grammar"; format: AnswerFormat }
  | { kind: "embed"; text: string };

export type ToChild =
  | { kind: "start"; settings: ChildSettings }
  | { kind: "request"; id: number; request: ChildRequest }
  | { kind: "abort"; id: number }
  | { kind: "close" };

export interface ChildError {
  code: EngineErrorCode | "Aborted";
  message: string;
  retryable: boolean;
}

export type FromChild =
  | { kind: "ready"; engineClass: string }
  | { kind: "startFailed"; error: ChildError }
  | { kind: "progress"; id: number; piece: string }
  | { kind: "result"; id: number; value: unknown }
  | { kind: "error"; id: number; error: ChildError };
