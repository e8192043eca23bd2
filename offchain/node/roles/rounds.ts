import type { RoundRole } from "../../protocol/parts.ts";
import type { Clock } from "../../protocol/phases.ts";
import { awaitsNext, type RoundFacts } from "../../protocol/roundWork.ts";

/** What a node sees of a round in which it was drawn. Times are block times, seconds. */
export interface RoundSight extends RoundFacts {
  round: number;
  role: RoundRole;
  /** Of an answerer or a validator; 0 for the others. */
  seat: number;
  commitWindow: number;
  work: "none" | "ready";
}

export type RoundKind =
  | "claimRound"
  | "createTopics"
  | "prepareQuestion"
  | "answerRound"
  | "commitAnswer"
  | "openAnswer"
  | "scoreRound"
  | "commitScores"
  | "openScores"
  | "wait";

/** One thing to do in a round, and why. What takes the engine is said again as long as it is wanted. */
export interface RoundAction {
  kind: RoundKind;
  /** Names it among actions of its kind. */
  of: string;
  round: number;
  role: RoundRole;
  seat: number;
  /** Last second in which it is of use. */
  deadline: number;
  /** From this second on, content that cannot be had is found unavailable. */
  giveUpAt: number;
  reason: string;
}

/** For this part of a window a node asks again for content that it did not get. */
const PATIENCE = 0.5;

const isIn = (bitmap: number, seat: number): boolean => ((bitmap >> seat) & 1) === 1;

/** What a drawn node does next in a round. Pure; `now.blockNumber` is the next block. */
export function decideRound(sight: RoundSight, now: Clock): RoundAction {
  const { round, role, seat, work } = sight;
  const { awaits, deadline } = awaitsNext(sight, now);
  const window = role === "validator" ? sight.scoreWindow : sight.commitWindow;
  const giveUpAt = Math.ceil(deadline - window * (1 - PATIENCE));
  const act = (kind: RoundKind, reason: string): RoundAction => ({
    kind,
    of: `${round}:${role}:${seat}`,
    round,
    role,
    seat,
    deadline,
    giveUpAt,
    reason,
  });
  if (role === "creator") {
    if (awaits === "claim" && work === "none") return act("claimRound", "drawn to create topics");
    if (awaits === "claim" || awaits === "topics") return act("createTopics", "the round waits for topics");
    return act("wait", "nothing is asked of the creator");
  }
  if (role === "preparer")
    return awaits === "questions" ? act("prepareQuestion", "drawn to prepare a question") : act("wait", "nothing is asked of the preparer");
  const answers = role === "answerer";
  const [commitments, openings] = answers ? (["commitments", "openings"] as const) : (["scores", "score openings"] as const);
  const committed = isIn(answers ? sight.committed : sight.scored, seat);
  const opened = isIn(answers ? sight.revealed : sight.opened, seat);
  const make = answers ? "answerRound" : "scoreRound";
  if (awaits === commitments) {
    if (committed) return act("wait", "committed; other seats may still commit");
    if (work === "none") return act(make, `seated, and ${commitments} are open`);
    return act(answers ? "commitAnswer" : "commitScores", "made, and not committed");
  }
  if (awaits !== openings) return act("wait", `nothing is asked of the ${role}`);
  if (!committed) return act("wait", "commitments have closed without this seat");
  if (opened) return act("wait", "opened");
  if (work === "none") return act(make, "committed on chain, and the work is not in the journal");
  return act(answers ? "openAnswer" : "openScores", "commitments have closed");
}

/** Whether a node still owes the round an opening, so that a graceful end waits for it. */
export function owesRound(sight: RoundSight, now: Clock): boolean {
  const { awaits } = awaitsNext(sight, now);
  const { role, seat } = sight;
  if (role === "answerer")
    return isIn(sight.committed, seat) && !isIn(sight.revealed, seat) && (awaits === "commitments" || awaits === "openings");
  if (role === "validator")
    return isIn(sight.scored, seat) && !isIn(sight.opened, seat) && (awaits === "scores" || awaits === "score openings");
  return false;
}
