import type { Clock } from "../../protocol/phases.ts";
import { awaitsNext, type RoundFacts } from "../../protocol/roundWork.ts";
import type { Turns } from "./oracle.ts";

/** A round that runs, as whoever keeps time sees it. */
export interface RunningRound extends RoundFacts {
  round: number;
  /** When this process first saw that an act is due, block time; absent while none is. */
  dueSeenAt?: number;
}

/** What an oracle, or whoever stands in for one, sees of rounds. Times in seconds. */
export interface TimeSight {
  running: RunningRound[];
  /** Number of the last round. */
  last: number;
  mostRunning: number;
  nextOpenAt: number;
  /** When this process first saw that a round may be opened, block time; absent while none may. */
  openSeenAt?: number;
  /** How many oracles there are; without any, nobody opens rounds by himself. */
  oracles: number;
  /** Whether this node's operator is one of them, and whether it leads. */
  isOracle: boolean;
  leads: boolean;
  /** Whether the leader may be passed over now. */
  mayRotate: boolean;
  /** Seconds in which what is due is the leader's alone. */
  grace: number;
  slot: number;
  slotSeconds: number;
  /** The running window of pings; `pinged`: this node did in it. */
  pings: { window: number; seconds: number; pinged: boolean };
  /** The running epoch of rewards, and the length of one, seconds. */
  epoch: { number: number; seconds: number };
  /** Acts that were done, by kind and name, so that none is done again while the chain still shows the state before it. */
  done: ReadonlySet<string>;
}

export type TimeAction =
  | { kind: "openRound"; of: string; round: number; reason: string }
  | { kind: "advanceRound"; of: string; round: number; reason: string }
  | { kind: "heartbeat"; of: string; reason: string }
  | { kind: "rotate"; of: string; reason: string }
  | { kind: "carryPings"; of: string; window: number; all: boolean; reason: string }
  | { kind: "countService"; of: string; all: boolean; reason: string };

/** A leader shows that it lives at least this often, seconds: well within the silence that costs it its turn. */
const BEAT = 30;
/** Share of a window of pings after which the leader carries them, and after which a node carries its own. */
const CARRY_AT = 0.2;
const ALONE_AT = 0.6;
/**
 * Share of an epoch after which the leader counts again which prompts were accepted from nodes, and after which a node counts its own. The
 * first count of an epoch notes where new nodes stand, without which what they serve first would count for nothing.
 */
const COUNT_AT = 0.8;
const COUNT_ALONE_AT = 0.9;
/** Seconds between stand-ins' turns. */
const TURN = 4;
const MOST_TURNS = 4;

/** What a timekeeper does now. Pure; `now.blockNumber` is the next block. */
export function decideTime(sight: TimeSight, turns: Turns, now: Clock): TimeAction[] {
  return due(sight, turns, now).filter(({ kind, of }) => !sight.done.has(`${kind}:${of}`));
}

function due(sight: TimeSight, turns: Turns, now: Clock): TimeAction[] {
  const { leads, grace, oracles, slot, slotSeconds } = sight;
  // Oracles stand in for each other before others stand in for them.
  const turn = (subject: number) =>
    (sight.isOracle ? 0 : MOST_TURNS) + ((subject + turns.node) % Math.max(1, Math.min(turns.nodeCount, MOST_TURNS)));
  const mayAct = (since: number, subject: number) => leads || now.timestamp > since + (oracles === 0 ? 0 : grace) + turn(subject) * TURN;
  const actions: TimeAction[] = sight.running.flatMap((round): TimeAction[] => {
    if (round.dueSeenAt === undefined || awaitsNext(round, now).awaits !== "advance") return [];
    if (!mayAct(round.dueSeenAt, round.round)) return [];
    const of = `${round.round}:${round.awaits}:${round.seedBlock}:${round.deadline}`;
    return [{ kind: "advanceRound", of, round: round.round, reason: `it waited for ${round.awaits}, and that is over` }];
  });
  if (oracles === 0) return actions;
  const opens = now.timestamp >= sight.nextOpenAt && sight.running.length < sight.mostRunning;
  if (opens && mayAct(sight.openSeenAt ?? now.timestamp, sight.last + 1))
    actions.push({ kind: "openRound", of: String(sight.last + 1), round: sight.last + 1, reason: "a round is due" });
  if (leads) {
    const beat = Math.floor((now.timestamp % slotSeconds) / BEAT);
    actions.push({ kind: "heartbeat", of: `${slot}:${beat}`, reason: "this node leads" });
  }
  if (!leads && sight.isOracle && sight.mayRotate) actions.push({ kind: "rotate", of: String(slot), reason: "the leader is silent" });
  const { window, seconds, pinged } = sight.pings;
  const share = (now.timestamp % seconds) / seconds;
  if (leads && share >= CARRY_AT) actions.push({ kind: "carryPings", of: `${window}:all`, window, all: true, reason: "this node leads" });
  if (!pinged && share >= ALONE_AT)
    actions.push({ kind: "carryPings", of: `${window}:own`, window, all: false, reason: "nobody carried this node's ping" });
  const { number: epoch, seconds: long } = sight.epoch;
  const gone = (now.timestamp % long) / long;
  const count = leads ? (gone < COUNT_AT ? "first" : "last") : gone >= COUNT_ALONE_AT ? "own" : undefined;
  if (count !== undefined)
    actions.push({
      kind: "countService",
      of: `${epoch}:${count}`,
      all: leads,
      reason: leads ? "this node leads" : "the epoch ends, and nobody may have counted this node's prompts",
    });
  return actions;
}

/** What a node without an oracle's duties still does about time: it shows that it lives. Pure. */
export const decidePing = (sight: TimeSight, turns: Turns, now: Clock): TimeAction[] =>
  decideTime({ ...sight, running: [], mostRunning: 0, leads: false, isOracle: false }, turns, now);
