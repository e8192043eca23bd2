import type { Conduct, Mark, Part } from "./parts.ts";

/** Scores run from 0 to this; see `Score`. */
export const MAX_SCORE = 10_000;
/** Score of a node that nothing is known about, and what every score decays to. */
export const FLOOR_SCORE = 1_000;
/** Time in which the distance to the floor halves, seconds. */
const HALF_LIFE = 30 * 86_400;
export const MAX_LEVEL = 10;
/** Times of passes that are kept. */
const SUCCESSES = 8;
const MOST_16 = 0xffff;
const MOST_24 = 0xffffff;

/** What a node was asked and delivered in rounds; the twin of `Standing`, with the level and the times of passes that other slots hold. */
export interface Standing {
  createsAsked: number;
  creates: number;
  preparesAsked: number;
  prepares: number;
  scoresAsked: number;
  scores: number;
  answersAsked: number;
  commits: number;
  reveals: number;
  passes: number;
  /** Capable passes in a row at its level. */
  streak: number;
  /** Misses at its level since it last rose or fell. */
  misses: number;
  /** As of `updatedAt`. */
  score: number;
  /** Seconds; 0 for none. */
  updatedAt: number;
  /** Times of the last passes, seconds, the newest first; at most eight. */
  successes: number[];
}

export const NEW_STANDING: Standing = {
  createsAsked: 0,
  creates: 0,
  preparesAsked: 0,
  prepares: 0,
  scoresAsked: 0,
  scores: 0,
  answersAsked: 0,
  commits: 0,
  reveals: 0,
  passes: 0,
  streak: 0,
  misses: 0,
  score: 0,
  updatedAt: 0,
  successes: [],
};

/** What a part does to a node's level. */
export type Move = "rises" | "falls" | "stays";

/** By how much levels move: capable passes in a row that lift, misses that lower; each at least 1. */
export interface LevelRules {
  passesUp: number;
  missesDown: number;
}

/** The score `elapsed` seconds later; the twin of `Score.decayed`. */
export function decayedScore(score: number, elapsed: number): number {
  const halvings = Math.floor(elapsed / HALF_LIFE);
  const away = Math.floor(Math.abs(score - FLOOR_SCORE) / 2 ** halvings);
  return score >= FLOOR_SCORE ? FLOOR_SCORE + away : FLOOR_SCORE - away;
}

/** The score of network work at a time (seconds); the floor where nothing is known. */
export const scoreAt = ({ score, updatedAt }: Standing, time: number): number =>
  updatedAt === 0 ? FLOOR_SCORE : decayedScore(score, time - updatedAt);

function scoreAfter(score: number, conduct: Conduct, mark: Mark): number {
  if (conduct === "excused") return score;
  if (conduct === "silent") return score - Math.floor(score / 8);
  if (conduct === "unopened") return score - Math.floor(score / 4);
  return mark === "miss" ? score - Math.floor(score / 8) : score + Math.floor((MAX_SCORE - score) / 16);
}

/** The standing after one part, and what it does to the level; the twin of `StandingLib.after_`. */
export function afterPart(standing: Standing, part: Part, { passesUp, missesDown }: LevelRules, time: number): [Standing, Move] {
  const { role, conduct, mark } = part;
  const next = { ...standing, score: scoreAfter(scoreAt(standing, time), conduct, mark), updatedAt: time };
  const done = conduct === "opened" ? 1 : 0;
  const small = (count: number, by: number) => Math.min(count + by, MOST_16);
  const large = (count: number, by: boolean) => Math.min(count + (by ? 1 : 0), MOST_24);
  if (role === "creator") return [{ ...next, createsAsked: small(next.createsAsked, 1), creates: small(next.creates, done) }, "stays"];
  if (role === "preparer") return [{ ...next, preparesAsked: small(next.preparesAsked, 1), prepares: small(next.prepares, done) }, "stays"];
  if (role === "validator") return [{ ...next, scoresAsked: small(next.scoresAsked, 1), scores: small(next.scores, done) }, "stays"];
  const passed = mark === "pass" || mark === "capable";
  next.answersAsked = large(next.answersAsked, true);
  next.commits = large(next.commits, conduct !== "silent");
  next.reveals = large(next.reveals, conduct === "opened" || conduct === "excused");
  next.passes = large(next.passes, passed);
  if (passed) next.successes = [time, ...next.successes].slice(0, SUCCESSES);
  if (mark === "capable") {
    if (next.streak + 1 < passesUp) return [{ ...next, streak: next.streak + 1 }, "stays"];
    return [{ ...next, streak: 0, misses: 0 }, "rises"];
  }
  if (mark !== "miss") return [next, "stays"];
  if (next.misses + 1 < missesDown) return [{ ...next, streak: 0, misses: next.misses + 1 }, "stays"];
  return [{ ...next, streak: 0, misses: 0 }, "falls"];
}

/** The level after a move: 0 to 10. */
export function movedLevel(level: number, move: Move): number {
  if (move === "rises") return Math.min(level + 1, MAX_LEVEL);
  return move === "falls" ? Math.max(level - 1, 0) : level;
}
