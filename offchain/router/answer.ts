import { setTimeout as delay } from "node:timers/promises";
import { hexlify } from "ethers";
import { cidOf, type Digest } from "../content/contentId.ts";
import { HttpPeer } from "../content/httpPeer.ts";
import { LayeredStore } from "../content/layeredStore.ts";
import type { LocalStore } from "../content/localStore.ts";
import { unseal } from "../content/sealing.ts";
import { ContentError } from "../content/store.ts";
import { applyChanges, decodeAnswers, decodeOutcomes, decodePromptTokens } from "../protocol/answers.ts";
import { lockOf } from "../protocol/judging.ts";
import { popcount } from "../protocol/sketch.ts";
import { FINISH, Status } from "../protocol/types.ts";
import { ApiError } from "./apiError.ts";
import type { EndedTask } from "./arrivals.ts";
import type { Place } from "./batcher.ts";
import type { Verification } from "./replySchemas.ts";
import type { World } from "./world.ts";

/** What became of one prompt that nodes agreed on. */
export interface PromptAnswer {
  /** Accepted answers, the canonical one first; as many as were wanted and are there. */
  choices: { text: string; finish: "stop" | "length"; tokens: number }[];
  promptTokens: number;
  verification: Verification;
}

export interface AnswerParts {
  content: LocalStore;
  world: World;
  /** Of a sealed task. */
  key?: Uint8Array | undefined;
  signal: AbortSignal;
}

const ATTEMPTS = 5;
const PAUSE_MS = 500;

/** The answers of an accepted prompt, their bytes hashed again. Throws ApiError where nodes did not agree or nobody has the bytes. */
export async function answerOf(ended: EndedTask, place: Place, n: number, parts: AnswerParts): Promise<PromptAnswer> {
  const { task, session, terms, settled } = ended;
  const { prompt } = place;
  if (settled.status !== Status.Accepted) throw withoutAnswer(ended);
  const { canonicalSeat, accepted } = decodeOutcomes(settled.outcomes)[prompt]!;
  if (canonicalSeat === null) throw undecided(task, prompt);
  const { world, content, key, signal } = parts;
  const members = (await world.committee(ended)) ?? [];
  const isAccepted = ({ seat }: { seat: number }) => ((accepted >> seat) & 1) === 1;
  const holders = members.filter(isAccepted).map(({ node }) => node);
  const store = new LayeredStore(
    content,
    world.endpointsOf(holders).map((base) => new HttpPeer(base)),
  );
  const seats = [canonicalSeat, ...seatsIn(accepted).filter((seat) => seat !== canonicalSeat)];
  const given = seats.map((seat) => ({ seat, ...decodeAnswers(applyChanges(settled.base, world.changesOf(task, seat)))[prompt]! }));
  const choices: PromptAnswer["choices"] = [];
  for (const { digest, finish, tokens } of given.slice(0, n)) {
    const bytes = await resultBytes(store, digest as Digest, ended, signal);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(key === undefined ? bytes : unseal(key, bytes));
    choices.push({ text, finish: finish === FINISH.length ? "length" : "stop", tokens });
  }
  const digest = given[0]!.digest as Digest;
  return {
    choices,
    promptTokens: decodePromptTokens(terms.promptTokens)[prompt]!,
    verification: {
      session,
      task: String(task),
      prompt,
      prompts: decodePromptTokens(terms.promptTokens).length,
      verdict: "accepted",
      transactions: { submitted: place.transaction, settled: settled.transactionHash },
      committee: members.map((member) => ({ ...member, accepted: isAccepted(member) })),
      agreement: { redundancy: terms.redundancy, quorum: terms.quorum, agreed: popcount(BigInt(accepted)) },
      digest,
      cid: cidOf(digest),
      answers: given.map(({ seat, digest, tokens }) => ({
        seat,
        node: members.find((member) => member.seat === seat)?.node ?? 0,
        digest,
        cid: cidOf(digest as Digest),
        tokens,
      })),
      charged: String(shareOf(ended, prompt)),
      ...(key !== undefined && { key: hexlify(key) }),
    },
  };
}

/** What one prompt costs: the task's charge in proportion to the tokens that are paid for; the shares of all prompts sum to it. */
export function shareOf({ terms, settled }: EndedTask, prompt: number): bigint {
  const weights = weightsOf(settled.outcomes, settled.base, terms.promptTokens);
  const all = weights.reduce((sum, weight) => sum + weight, 0n);
  if (all === 0n) return 0n;
  const upTo = (last: number) => (settled.charged * weights.slice(0, last).reduce((sum, weight) => sum + weight, 0n)) / all;
  return upTo(prompt + 1) - upTo(prompt);
}

function weightsOf(outcomes: string, base: string, promptTokens: string): bigint[] {
  const answers = decodeAnswers(base);
  const counts = decodePromptTokens(promptTokens);
  return decodeOutcomes(outcomes).map(({ canonicalSeat, accepted }, i) =>
    canonicalSeat === null ? 0n : BigInt(popcount(BigInt(accepted)) * (counts[i]! + answers[i]!.tokens)),
  );
}

const seatsIn = (bitmap: number): number[] => Array.from({ length: 12 }, (_, seat) => seat).filter((seat) => (bitmap >> seat) & 1);

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
            details: { task_id: String(task), digest, charged: String(settled.charged) },
          },
        );
      await delay(PAUSE_MS * attempt, undefined, { signal });
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
    details: { task_id: String(task), refunded },
  });
}

function undecided(task: bigint, prompt: number): ApiError {
  return new ApiError(502, `prompt ${prompt} of task ${task} has no answer: the nodes' answers do not agree; nothing was charged for it`, {
    code: "task_inconclusive",
    details: { task_id: String(task), prompt },
  });
}
