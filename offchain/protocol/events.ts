import { decodeTerms, type EncodedTerms } from "./terms.ts";
import type { CommittedSeat, Facts, State, Status, TaskTerms } from "./types.ts";

/** The queue's events, from ethers' decoded arguments to the twin's types. */
type Args = Record<string, unknown>;

/** A task was born; `lockOf(terms)` is locked for it. `deadline`: last second to commit (leased) or to be assigned, seconds. */
export interface TaskQueued {
  task: bigint;
  session: number;
  clientReference: string;
  terms: TaskTerms;
  lease: number;
  seedBlock: number;
  deadline: number;
}

export const taskQueued = (args: Args): TaskQueued => ({
  task: big(args["task"]),
  session: Number(args["session"]),
  clientReference: String(args["clientReference"]),
  terms: decodeTerms(args["terms"] as EncodedTerms),
  lease: Number(args["lease"]),
  seedBlock: Number(args["seedBlock"]),
  deadline: Number(args["deadline"]),
});

/** Nodes were drawn for a task without a session's lease. */
export const taskAssigned = (args: Args) => ({
  task: big(args["task"]),
  lease: Number(args["lease"]),
  seed: big(args["seed"]),
  commitsCloseAt: Number(args["commitsCloseAt"]),
});

/** No majority: the task runs once more, with nodes that the seed block decides. */
export const taskRerun = (args: Args) => ({
  task: big(args["task"]),
  seedBlock: Number(args["seedBlock"]),
  deadline: Number(args["deadline"]),
  charged: big(args["charged"]),
});

/** Seats committed, in this order. */
export function resultsCommitted(args: Args): { task: bigint; seed: bigint; commitments: CommittedSeat[] } {
  const entries = args["commitments"] as Iterable<{ who: bigint; commitment: string }>;
  return {
    task: big(args["task"]),
    seed: big(args["seed"]),
    commitments: Array.from(entries, ({ who, commitment }) => ({ seat: Number(who & 0xffn), node: Number(who >> 8n), commitment })),
  };
}

/** A seat opened before the settlement: everything a later handover needs. */
export const resultRevealed = (args: Args) => ({
  task: big(args["task"]),
  seat: Number(args["seat"]),
  node: Number(args["node"]),
  salt: String(args["salt"]),
  claim: String(args["claim"]),
  answers: String(args["answers"]),
});

/** A seat's answers differ from the settlement's base. */
export const answersDiffer = (args: Args) => ({
  task: big(args["task"]),
  seat: Number(args["seat"]),
  changes: String(args["changes"]),
});

/** A task ended. `seats` is the bitmap of the opened ones, `rejected` of those that validators rejected; `outcomes` is read by `decodeOutcomes`, `base` by `decodeAnswers`. */
export const taskSettled = (args: Args) => ({
  task: big(args["task"]),
  status: Number(args["status"]) as Status,
  charged: big(args["charged"]),
  seats: Number(big(args["seats"]) & 0xfffn),
  rejected: Number(big(args["seats"]) >> 12n),
  outcomes: String(args["outcomes"]),
  base: String(args["base"]),
});

/** The facts and status that `SessionQueue.factsOf` returned. */
export function factsFrom(facts: Args, status: unknown): Facts {
  return {
    seed: big(facts["seed"]),
    lease: Number(facts["lease"]),
    commitsCloseAt: Number(facts["commitsCloseAt"]),
    revealWindow: Number(facts["revealWindow"]),
    commitWindow: Number(facts["commitWindow"]),
    committed: Number(facts["committed"]),
    revealed: Number(facts["revealed"]),
    redundancy: Number(facts["redundancy"]),
    quorum: Number(facts["quorum"]),
    generation: Number(facts["generation"]),
    state: Number(facts["state"]) as State,
    attempt: Number(facts["attempt"]),
    standby: Boolean(facts["standby"]),
    stoodIn: Boolean(facts["stoodIn"]),
    judged: Boolean(facts["judged"]),
    status: Number(status) as Status,
  };
}

const big = (value: unknown): bigint => BigInt(value as bigint | string | number);
