import { AbiCoder, keccak256, TypedDataEncoder, ZeroHash } from "ethers";
import { encodeTerms } from "./terms.ts";
import type { CommittedSeat, TaskTerms } from "./types.ts";

const coder = AbiCoder.defaultAbiCoder();

/** The EIP-712 type of a commitment: twin of contracts/libraries/CommitReveal.sol. */
export const RESULT_TYPES = {
  Result: [
    { name: "task", type: "uint64" },
    { name: "attempt", type: "uint8" },
    { name: "author", type: "uint24" },
    { name: "model", type: "bytes32" },
    { name: "params", type: "bytes32" },
    { name: "payload", type: "bytes32" },
    { name: "salt", type: "bytes32" },
  ],
};

/** Where a commitment is valid: chain and queue contract. */
export interface Domain {
  chainId: bigint;
  queue: string;
}

/** Start of a task's transcript. */
export function termsHash(task: bigint, terms: TaskTerms): string {
  const { model, manifest, rules, assurance, router, promptTokens } = encodeTerms(terms);
  return keccak256(
    coder.encode(
      ["uint64", "bytes32", "bytes32", "uint256", "uint256", "address", "bytes32"],
      [task, model, manifest, rules, assurance, router, keccak256(promptTokens)],
    ),
  );
}

/** Where the transcript of an attempt begins. */
export function transcriptStart(task: bigint, terms: TaskTerms, attempt: number): string {
  const start = termsHash(task, terms);
  return attempt === 0 ? start : keccak256(coder.encode(["bytes32", "uint256", "bytes32"], [start, RERUN, ZeroHash]));
}

/** `TaskFactsLib.RERUN`, by which the transcript of a second attempt begins. */
const RERUN = 2n;

/** What was asked: manifest, declared prompt tokens and the output limit. */
export function paramsHash(terms: Pick<TaskTerms, "manifest" | "promptTokens" | "maxTokens">): string {
  return keccak256(coder.encode(["bytes32", "bytes32", "uint24"], [terms.manifest, keccak256(terms.promptTokens), terms.maxTokens]));
}

/** What was answered: all answers and the claim list. */
export function payloadDigest(answersHash: string, claim: string): string {
  return keccak256(coder.encode(["bytes32", "bytes32"], [answersHash, claim]));
}

/**
 * What a seat commits to and signs: the EIP-712 digest of its result.
 * @param answers packed answers of all prompts, 0x hex
 * @param claim digest of the claim list
 * @param salt 32 bytes of which at least 128 bits are unpredictable
 */
export function commitmentOf(
  domain: Domain,
  task: bigint,
  node: number,
  terms: TaskTerms,
  answers: string,
  claim: string,
  salt: string,
  attempt = 0,
): string {
  return TypedDataEncoder.hash(
    { name: "Corroborate", version: "1", chainId: domain.chainId, verifyingContract: domain.queue },
    RESULT_TYPES,
    {
      task,
      attempt,
      author: node,
      model: terms.model,
      params: paramsHash(terms),
      payload: payloadDigest(keccak256(answers), claim),
      salt,
    },
  );
}

/** The EIP-712 type of what an author signs so that anyone may carry its commitment. */
export const COMMIT_TYPES = {
  Commit: [
    { name: "task", type: "uint64" },
    { name: "author", type: "uint24" },
    { name: "commitment", type: "bytes32" },
  ],
};

/** What the author of a commitment signs: the EIP-712 digest of task, node and commitment. */
export function commitDigest(domain: Domain, task: bigint, node: number, commitment: string): string {
  const where = { name: "Corroborate", version: "1", chainId: domain.chainId, verifyingContract: domain.queue };
  return TypedDataEncoder.hash(where, COMMIT_TYPES, { task, author: node, commitment });
}

/** Adds a commitment to a transcript. */
export function extend(transcript: string, { seat, node, commitment }: CommittedSeat): string {
  return keccak256(coder.encode(["bytes32", "uint256", "bytes32"], [transcript, whoOf(seat, node), commitment]));
}

/** Seat and node in one number, as the contracts pack them: seat in the lowest 8 bits, node in the next 24. */
export const whoOf = (seat: number, node: number): bigint => BigInt(seat) | (BigInt(node) << 8n);

/** The transcript after the given commitments, in commit order. */
export function transcriptOf(task: bigint, terms: TaskTerms, commits: CommittedSeat[], attempt = 0): string {
  return commits.reduce(extend, transcriptStart(task, terms, attempt));
}

/** The claim of a seat that is not opened. */
export const NO_CLAIM = ZeroHash;
