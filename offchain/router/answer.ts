import { setTimeout as delay } from "node:timers/promises";
import { cidOf, type Digest } from "../content/contentId.ts";
import { HttpPeer } from "../content/httpPeer.ts";
import { LayeredStore } from "../content/layeredStore.ts";
import type { LocalStore } from "../content/localStore.ts";
import { ContentError } from "../content/store.ts";
import { applyChanges, decodeAnswers, decodeOutcomes, decodePromptTokens } from "../protocol/answers.ts";
import { popcount } from "../protocol/sketch.ts";
import { FINISH } from "../protocol/types.ts";
import { ApiError } from "./apiError.ts";
import type { EndedTask } from "./arrivals.ts";
import type { World } from "./world.ts";

/** A chat completion as OpenAI's clients read it, and how it was verified. */
export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: { index: 0; message: { role: "assistant"; content: string; refusal: null }; logprobs: null; finish_reason: "stop" | "length" }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  verification: Verification;
}

/** Who agreed on the answer, and where the chain says so. */
export interface Verification {
  session: number;
  task: string;
  verdict: "accepted";
  /** Hashes of the transactions. */
  transactions: { submitted: string; settled: string };
  committee: { seat: number; node: number; operator: string; accepted: boolean }[];
  agreement: { redundancy: number; quorum: number; agreed: number };
  /** sha256 of the answer's bytes, 0x hex; `cid` is the same as a content id. */
  digest: string;
  cid: string;
  /** What the session paid, COR base units. */
  charged: string;
}

interface AnswerParts {
  content: LocalStore;
  world: World;
  model: string;
  signal: AbortSignal;
}

const ATTEMPTS = 5;
const PAUSE_MS = 500;

/** The answer of an accepted task: the canonical seat's bytes, hashed again. Throws ApiError where nobody has them, or what the views throw. */
export async function answerOf(
  ended: EndedTask,
  submitted: string,
  { content, world, model, signal }: AnswerParts,
): Promise<ChatCompletion> {
  const { task, session, terms, settled } = ended;
  const { canonicalSeat, accepted } = decodeOutcomes(settled.outcomes)[0]!;
  const answer = decodeAnswers(applyChanges(settled.base, world.changesOf(task, canonicalSeat!)))[0]!;
  const digest = answer.digest as Digest;
  const members = (await world.committee(ended)) ?? [];
  const holders = members.filter(({ seat }) => (accepted >> seat) & 1).map(({ node }) => node);
  const peers = world.endpointsOf(holders).map((base) => new HttpPeer(base));
  const bytes = await resultBytes(new LayeredStore(content, peers), digest, ended, signal);
  const promptTokens = decodePromptTokens(terms.promptTokens)[0]!;
  const message = { role: "assistant", content: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), refusal: null } as const;
  return {
    id: `chatcmpl-${task}`,
    object: "chat.completion",
    created: Math.floor(Date.now() / 1_000),
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: answer.finish === FINISH.length ? "length" : "stop" }],
    usage: { prompt_tokens: promptTokens, completion_tokens: answer.tokens, total_tokens: promptTokens + answer.tokens },
    verification: {
      session,
      task: String(task),
      verdict: "accepted",
      transactions: { submitted, settled: settled.transactionHash },
      committee: members.map((member) => ({ ...member, accepted: ((accepted >> member.seat) & 1) === 1 })),
      agreement: { redundancy: terms.redundancy, quorum: terms.quorum, agreed: popcount(BigInt(accepted)) },
      digest,
      cid: cidOf(digest),
      charged: String(settled.charged),
    },
  };
}

/** Nodes that act for themselves show their results a moment after their openings, so that this asks more than once. */
async function resultBytes(store: LayeredStore, digest: Digest, { task, settled }: EndedTask, signal: AbortSignal): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store.get(digest, { signal });
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      if (attempt === ATTEMPTS)
        throw new ApiError(
          502,
          `task ${task} is accepted, and nobody hands out the answer ${digest}; GET /content/${cidOf(digest)} may have it later`,
          {
            code: "content_unavailable",
            details: { task: String(task), digest, charged: String(settled.charged) },
          },
        );
      await delay(PAUSE_MS * attempt, undefined, { signal });
    }
  }
}
