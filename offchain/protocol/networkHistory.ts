import { partOf } from "./parts.ts";
import {
  claimableOf,
  countPart,
  countPrompts,
  type Earned,
  newEpoch,
  type RewardEpoch,
  type RewardParameters,
  tallyOf,
  uptimeOf,
} from "./rewards.ts";
import { afterPart, movedLevel, NEW_STANDING, type Standing } from "./standing.ts";

/** What there is to know of a log: its decoded name and arguments, its transaction and the time of its block (seconds). */
export interface HistoryEvent {
  name: string;
  args: Record<string, unknown>;
  transaction: string;
  time: number;
}

/** What the events of `Reputation`, `NodePool`, `Rewards` and `Liveness` say, in the order in which they happened. */
export interface NetworkHistory {
  standings: Map<number, Standing>;
  levels: Map<number, number>;
  /** Accepted prompts up to which each node was counted. */
  counted: Map<number, number>;
  epochs: Map<number, RewardEpoch>;
  /** `window:node` of every ping. */
  pinged: Set<string>;
  rounds: number;
}

/** Names of the events that the history is made of, by contract. */
export const HISTORY_EVENTS = {
  Reputation: ["PartsBooked"],
  NodePool: ["LevelChanged"],
  Rewards: ["EpochOpened", "PartsCounted", "ServiceCounted", "RewardClaimed", "EpochLapsed"],
  Liveness: ["Pinged"],
  PoUW: ["RoundClosed"],
} as const;

/**
 * Recomputes standings, levels and rewards from events alone. Levels follow from the parts; a level that changes in a transaction without
 * parts was set by governance.
 */
export function historyOf(events: Iterable<HistoryEvent>): NetworkHistory {
  const history: NetworkHistory = {
    standings: new Map(),
    levels: new Map(),
    counted: new Map(),
    epochs: new Map(),
    pinged: new Set(),
    rounds: 0,
  };
  let booking = "";
  for (const event of events) {
    if (event.name === "PartsBooked") booking = event.transaction;
    if (event.name === "LevelChanged" && event.transaction === booking) continue;
    apply(history, event);
  }
  return history;
}

function apply(history: NetworkHistory, { name, args, time }: HistoryEvent): void {
  const epoch = () => {
    const number = Number(args["epoch"]);
    const found = history.epochs.get(number);
    if (found === undefined)
      throw new Error(`found ${name} of epoch ${number}, wanted its EpochOpened before; read the events from the deployment's block on`);
    return found;
  };
  const node = Number(args["node"]);
  switch (name) {
    case "PartsBooked": {
      const rules = { passesUp: Number(args["passesUp"]), missesDown: Number(args["missesDown"]) };
      for (const word of args["parts"] as Iterable<bigint>) {
        const part = partOf(word);
        const [standing, move] = afterPart(history.standings.get(part.node) ?? NEW_STANDING, part, rules, time);
        history.standings.set(part.node, standing);
        history.levels.set(part.node, movedLevel(history.levels.get(part.node) ?? 0, move));
      }
      return;
    }
    case "LevelChanged":
      history.levels.set(node, Number(args["level"]));
      return;
    case "EpochOpened":
      history.epochs.set(Number(args["epoch"]), newEpoch(parametersFrom(args["parameters"])));
      return;
    case "PartsCounted":
      for (const word of args["parts"] as Iterable<bigint>) countPart(epoch(), partOf(word));
      return;
    case "ServiceCounted":
      history.counted.set(node, Number(args["total"]));
      countPrompts(epoch(), node, Number(args["prompts"]), Number(args["level"]));
      return;
    case "RewardClaimed": {
      const paid = epoch();
      tallyOf(paid, node).claimed = true;
      paid.claimed += (args["liveness"] as bigint) + (args["health"] as bigint) + (args["service"] as bigint);
      return;
    }
    case "EpochLapsed":
      epoch().lapsed = true;
      return;
    case "Pinged":
      for (let bits = args["bits"] as bigint, i = 0n; bits !== 0n; bits >>= 1n, i++) {
        if ((bits & 1n) === 1n) history.pinged.add(`${Number(args["window"])}:${256n * (args["word"] as bigint) + i}`);
      }
      return;
    case "RoundClosed":
      history.rounds += 1;
      return;
    default:
      throw new Error(`found event ${name}, wanted one of ${Object.values(HISTORY_EVENTS).flat().join(", ")}`);
  }
}

function parametersFrom(found: unknown): RewardParameters {
  const { budget, perPrompt, livenessBps, healthBps, serviceBps, betaBps, commitGateBps, totalGateBps } = found as RewardParameters;
  return { budget, perPrompt, livenessBps, healthBps, serviceBps, betaBps, commitGateBps, totalGateBps };
}

/**
 * What a node may claim of an epoch that is over.
 * @param windows windows of pings in an epoch
 */
export function claimableIn(history: NetworkHistory, epoch: number, node: number, windows: number): Earned {
  const found = history.epochs.get(epoch);
  if (found === undefined) return { liveness: 0n, health: 0n, service: 0n };
  return claimableOf(found, node, uptimeOf(history.pinged, epoch, node, windows));
}
