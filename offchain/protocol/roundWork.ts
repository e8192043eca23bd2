import { AbiCoder, concat, keccak256, toBeHex, TypedDataEncoder, ZeroHash } from "ethers";
import { type Domain, payloadDigest, RESULT_TYPES } from "./commitment.ts";
import { popcount } from "./sketch.ts";
import type { Clock } from "./phases.ts";
import type { ROUND_AWAITS } from "./roundEvents.ts";
import type { RoundProgress } from "./roundPhases.ts";

/** What a round waits for, as `Awaits` names it. */
export type RoundAwait = (typeof ROUND_AWAITS)[number];

/** What opens an answerer's commitment: twin of `IPoUW.Opening`. */
export interface RoundOpening {
  seat: number;
  digest: string;
  sketch: string;
  tokens: number;
  finish: number;
  claim: string;
  salt: string;
}

/** What an answer is to: fixed once the question is. */
export interface RoundTerms {
  model: string;
  template: string;
  questions: string;
  maxTokens: number;
}

const coder = AbiCoder.defaultAbiCoder();

/** What an answerer commits to: twin of `PoUW.commitmentOf`. `domain.queue` is the address of `PoUW`. */
export function roundCommitment(domain: Domain, round: number, node: number, terms: RoundTerms, opening: RoundOpening): string {
  const { digest, sketch, tokens, finish, claim, salt } = opening;
  const answers = keccak256(concat([digest, sketch, toBeHex(tokens, 3), toBeHex(finish, 1)]));
  const params = keccak256(coder.encode(["bytes32", "bytes32", "uint256"], [terms.questions, terms.template, terms.maxTokens]));
  const where = { name: "Corroborate", version: "1", chainId: domain.chainId, verifyingContract: domain.queue };
  const payload = payloadDigest(answers, claim);
  return TypedDataEncoder.hash(where, RESULT_TYPES, {
    task: round,
    attempt: 0,
    author: node,
    model: terms.model,
    params,
    payload,
    salt,
  });
}

/** An opening that says that the question cannot be answered; `digest` is one of the two reserved ones. */
export const refusalOpening = (seat: number, digest: string, salt: string): RoundOpening => ({
  seat,
  digest,
  sketch: ZeroHash,
  tokens: 0,
  finish: 0,
  claim: ZeroHash,
  salt,
});

/** The facts of a round that say what it waits for. */
export interface RoundFacts extends RoundProgress {
  awaits: RoundAwait;
  quorum: number;
  /** More than half of the validators that were to be drawn. */
  panelQuorum: number;
  revealWindow: number;
  scoreWindow: number;
}

/** What a round waits for in the next block, where it is at the head as `facts` say: twin of `RoundLib.awaits`. `now.blockNumber` is the next block. */
export function awaitsNext(facts: RoundFacts, now: Clock): { awaits: RoundAwait; deadline: number } {
  const { awaits, deadline, seedBlock } = facts;
  const past = now.timestamp >= deadline;
  const advance = { awaits: "advance", deadline } as const;
  const opens = (sealed: number, opened: number, quorum: number, window: number, then: RoundAwait) => {
    if (popcount(BigInt(sealed)) < quorum || sealed === opened || now.timestamp >= deadline + window) return advance;
    return { awaits: then, deadline: deadline + window };
  };
  if (awaits === "seed") return past || now.blockNumber > seedBlock ? advance : { awaits, deadline };
  if (!past) return { awaits, deadline };
  if (awaits === "commitments") return opens(facts.committed, facts.revealed, facts.quorum, facts.revealWindow, "openings");
  if (awaits === "scores") return opens(facts.scored, facts.opened, facts.panelQuorum, facts.scoreWindow, "score openings");
  return awaits === "nothing" ? { awaits, deadline } : advance;
}
