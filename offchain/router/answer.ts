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
import type { FreshContent } from "./freshContent.ts";
import type { Member, World } from "./world.ts";

/** What became of one prompt that nodes agreed on. */
export interface PromptAnswer {
  /** Accepted answers, the canonical one first; as many as were wanted and are there. */
  choices: { text: string; finish: "stop" | "length"; tokens: number }[];
  promptTokens: number;
  verification: Verification;
}

export interface AnswerParts {
  content: LocalStore;
  /** Answers that were opened a moment ago. */
  fresh?: Pick<FreshContent, "bytes"> | undefined;
  world: World;
  /** Of a sealed task. */
  key?: Uint8Array | undefined;
  signal: AbortSignal;
}

const ATTEMPTS = 5;
const PAUSE_MS = 500;

/** The answers of an accepted prompt, their bytes hashed again. Throws ApiError where nodes did not agree or nobody has the bytes. */
export async function answerOf(ended: EndedTask, place: Place, n: number, parts: AnswerParts): Promise<PromptAnswer> {
  const { task, settled } = ended;
  const { prompt } = place;
  if (settled.status !== Status.Accepted) throw withoutAnswer(ended);
  const { outcomes, promptTokens } = decodedOf(ended);
  const { canonicalSeat, accepted } = outcomes[prompt]!;
  if (canonicalSeat === null) throw undecided(task, prompt);
  const { world, content, fresh, key, signal } = parts;
  const members = world.knownCommittee(ended) ?? (await world.committee(ended)) ?? [];
  const holders = members.filter(({ seat }) => isIn(accepted, seat)).map(({ node }) => node);
  const seats = [canonicalSeat, ...seatsIn(accepted).filter((seat) => seat !== canonicalSeat)];
  const given = seats.map((seat) => ({ seat, ...answersOf(ended, world.changesOf(task, seat))[prompt]! }));
  let store: LayeredStore | undefined;
  const storeOf = () =>
    (store ??= new LayeredStore(
      content,
      world.endpointsOf(holders).map((base) => new HttpPeer(base)),
    ));
  const choices: PromptAnswer["choices"] = [];
  for (const { digest, finish, tokens } of given.slice(0, n)) {
    const bytes = fresh?.bytes(digest as Digest) ?? (await resultBytes(storeOf(), digest as Digest, ended, signal));
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(key === undefined ? bytes : unseal(key, bytes));
    choices.push({ text, finish: finish === FINISH.length ? "length" : "stop", tokens });
  }
  const verification = verificationOf(ended, place, promptTokens.length, accepted, members, given);
  return {
    choices,
    promptTokens: promptTokens[prompt]!,
    verification: { ...verification, ...(key !== undefined && { key: hexlify(key) }) },
  };
}

function verificationOf(
  ended: EndedTask,
  { prompt, transaction }: Place,
  prompts: number,
  accepted: number,
  members: Member[],
  given: { seat: number; digest: string; tokens: number }[],
): Verification {
  const { task, session, terms, settled } = ended;
  const digest = given[0]!.digest as Digest;
  const cid = cidOf(digest);
  return {
    session,
    task: String(task),
    prompt,
    prompts,
    verdict: "accepted",
    transactions: { submitted: transaction, settled: settled.transactionHash },
    committee: members.map((member) => ({ ...member, accepted: isIn(accepted, member.seat) })),
    agreement: { redundancy: terms.redundancy, quorum: terms.quorum, agreed: popcount(BigInt(accepted)) },
    digest,
    cid,
    answers: given.map(({ seat, digest: own, tokens }) => ({
      seat,
      node: members.find((member) => member.seat === seat)?.node ?? 0,
      digest: own,
      // Most are alike, and a content id is dear where a block brings hundreds of answers.
      cid: own === digest ? cid : cidOf(own as Digest),
      tokens,
    })),
    charged: String(shareOf(ended, prompt)),
  };
}

const isIn = (bitmap: number, seat: number): boolean => ((bitmap >> seat) & 1) === 1;

/** What one prompt costs: the task's charge in proportion to the tokens that are paid for; the shares of all prompts sum to it. */
export function shareOf(ended: EndedTask, prompt: number): bigint {
  const { settled } = ended;
  const shares = decodedOf(ended).weights;
  const all = shares.reduce((sum, weight) => sum + weight, 0n);
  if (all === 0n) return 0n;
  const upTo = (last: number) => (settled.charged * shares.slice(0, last).reduce((sum, weight) => sum + weight, 0n)) / all;
  return upTo(prompt + 1) - upTo(prompt);
}

/** What is the same for all prompts of a task is worked out once. */
interface Decoded {
  outcomes: ReturnType<typeof decodeOutcomes>;
  promptTokens: number[];
  /** Tokens that are paid for, by prompt. */
  weights: bigint[];
  /** By changes; see `answersOf`. */
  answers: Map<string, ReturnType<typeof decodeAnswers>>;
}
const decoded = new WeakMap<EndedTask["settled"], Decoded>();

function decodedOf({ settled, terms }: EndedTask): Decoded {
  const known = decoded.get(settled);
  if (known !== undefined) return known;
  const base = decodeAnswers(settled.base);
  const outcomes = decodeOutcomes(settled.outcomes);
  const promptTokens = decodePromptTokens(terms.promptTokens);
  const weights = outcomes.map(({ canonicalSeat, accepted }, i) =>
    canonicalSeat === null ? 0n : BigInt(popcount(BigInt(accepted)) * (promptTokens[i]! + base[i]!.tokens)),
  );
  const found = { outcomes, promptTokens, weights, answers: new Map([["0x", base]]) };
  decoded.set(settled, found);
  return found;
}

/** A seat's answers to all prompts, from what they differ on from the settlement's base. */
function answersOf(ended: EndedTask, changes: string): ReturnType<typeof decodeAnswers> {
  const { answers } = decodedOf(ended);
  const found = answers.get(changes) ?? decodeAnswers(applyChanges(ended.settled.base, changes));
  answers.set(changes, found);
  return found;
}

const seatsIn = (bitmap: number): number[] => Array.from({ length: 12 }, (_, seat) => seat).filter((seat) => isIn(bitmap, seat));

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
