import { phaseOf, type Clock } from "../../protocol/phases.ts";
import { popcount } from "../../protocol/sketch.ts";
import { type Facts, Phase, Status, type TaskTerms } from "../../protocol/types.ts";

/** What a miner sees of a task in which it has a seat. Times are block times, seconds. */
export interface SeatSight {
  task: bigint;
  seat: number;
  terms: Pick<TaskTerms, "commitWindow" | "revealWindow">;
  facts: Facts;
  /** "refused": the task is not what was declared. "lost": the answers no longer make the commitment that is on chain. */
  work: "none" | "ready" | "refused" | "lost";
  /** Whether somebody carries for this task: "none" also where the router refused. */
  carrier: "none" | "ready";
  /** When the carrier took the commitment, and the opening. */
  handed: { commitmentAt?: number; openingAt?: number };
}

export type MinerKind = "infer" | "handCommitment" | "commit" | "handOpening" | "reveal" | "wait";

/** One thing to do, and why. "infer" is said again as long as it is wanted. */
export interface MinerAction {
  kind: MinerKind;
  task: bigint;
  seat: number;
  reason: string;
}

/** The named carrier alone acts in the first part of a window; what it took later gets a shorter turn; after the last part everybody acts. */
const CARRIER_SHARE = 0.3;
const CARRIER_TURN_SHARE = 0.15;
const CARRIER_LAST_SHARE = 0.6;

/**
 * What a seat does next. Pure.
 * @param now the head's timestamp, which the next block's exceeds, and the number of the next block, in which an act would land
 */
export function decideMiner(sight: SeatSight, now: Clock): MinerAction {
  const { facts, task, seat } = sight;
  const act = (kind: MinerKind, reason: string): MinerAction => ({ kind, task, seat, reason });
  if (facts.status !== Status.Open) return act("wait", "the task has ended");
  const committed = ((facts.committed >> seat) & 1) === 1;
  const allIn = popcount(BigInt(facts.committed)) === facts.redundancy;
  const closed = allIn || now.timestamp > facts.commitsCloseAt;
  return committed ? decideOpening(sight, now, closed, act) : decideCommitment(sight, now, closed, act);
}

type Act = (kind: MinerKind, reason: string) => MinerAction;

function decideCommitment({ facts, terms, work, carrier, handed }: SeatSight, now: Clock, closed: boolean, act: Act): MinerAction {
  if (closed) return act("wait", "commits have closed without this seat");
  if (now.timestamp >= facts.commitsCloseAt) return act("wait", "the next block comes after commits have closed");
  if (phaseOf(facts, now) !== Phase.Committing) return act("wait", "the committee is not known yet");
  if (work === "refused" || work === "lost") return act("wait", "the task is not what was declared");
  if (work === "none") return act("infer", "seated, and commits are open");
  const opened = facts.commitsCloseAt - terms.commitWindow;
  const ownFrom = ownTurn(opened, terms.commitWindow, handed.commitmentAt);
  if (carrier === "none") return act("commit", "nobody carries for this task");
  if (now.timestamp >= ownFrom) return act("commit", "the carrier's share of the window is over");
  if (handed.commitmentAt === undefined) return act("handCommitment", "answered, and the carrier may still act");
  return act("wait", "the carrier has the commitment");
}

function decideOpening({ facts, terms, work, carrier, handed, seat }: SeatSight, now: Clock, closed: boolean, act: Act): MinerAction {
  if (((facts.revealed >> seat) & 1) === 1) return act("wait", "revealed");
  if (!closed) return act("wait", "committed; other seats may still commit");
  if (popcount(BigInt(facts.committed)) < facts.quorum) return act("wait", "too few committed, nothing is revealed");
  if (now.timestamp >= facts.commitsCloseAt + facts.revealWindow) return act("wait", "the reveal window is over");
  if (work === "none") return act("infer", "committed on chain, and the answers are not in the journal");
  if (work !== "ready") return act("wait", "the answers that were committed are lost");
  const ownFrom = ownTurn(facts.commitsCloseAt, terms.revealWindow, handed.openingAt);
  if (carrier === "none") return act("reveal", "nobody carries for this task");
  if (now.timestamp >= ownFrom) return act("reveal", "the carrier's share of the window is over");
  if (handed.openingAt === undefined) return act("handOpening", "commits have closed");
  return act("wait", "the carrier has the opening");
}

/** From when on a member posts its own, given when the window began and when the carrier took the item. */
function ownTurn(began: number, window: number, takenAt: number | undefined): number {
  const share = Math.ceil(began + window * CARRIER_SHARE);
  const turn = takenAt === undefined ? share : Math.ceil(takenAt + window * CARRIER_TURN_SHARE);
  return Math.min(Math.max(share, turn), Math.floor(began + window * CARRIER_LAST_SHARE));
}

/** Whether a seat still owes the chain an act, so that a graceful end waits for it. */
export function owesReveal({ facts, seat, work, handed }: SeatSight, now: Clock): boolean {
  if (facts.status !== Status.Open || work !== "ready" || ((facts.revealed >> seat) & 1) === 1) return false;
  const committed = ((facts.committed >> seat) & 1) === 1;
  if (!committed) return handed.commitmentAt !== undefined && now.timestamp <= facts.commitsCloseAt;
  const phase = phaseOf(facts, now);
  return phase === Phase.Committing || phase === Phase.Revealing;
}
