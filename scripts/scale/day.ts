import { sampleSize } from "../../offchain/protocol/sampling.ts";
import type { Assumptions, Chain } from "./assumptions.ts";
import type { EventSizes } from "./events.ts";
import type { MeasuredGas } from "./inputs.ts";

export const DAY = 86_400;

/** A day of a network. */
export interface Day {
  nodes: number;
  answers: number;
  tasks: number;
  leases: number;
  /** Tasks that validators look at, and the answers that they check for it. */
  sampled: number;
  checks: number;
  /** Rounds of network work, and how many days pass until a node's turn to answer in one. */
  rounds: number;
  daysToTurn: number;
  /** Gas by what it is for, and of all a second. */
  gas: { pings: number; rounds: number; leases: number; tasks: number; validation: number };
  gasPerSecond: number;
  /** What a program reads that follows all events. */
  events: number;
  bytes: number;
  bitsPerSecond: number;
  /** Chance that two tasks of the day have the same 96-bit seed. */
  seedCollision: number;
}

const SEEDS = 2 ** 96;
const NODES_OF_A_PING_EVENT = 256;

/** What happens in a day, from the assumptions, the network's parameters and what was measured. */
export function dayOf(nodes: number, use: Assumptions, chain: Chain, gas: MeasuredGas, sizes: EventSizes): Day {
  const answers = nodes * use.answersPerNode;
  const tasks = Math.round(answers / use.redundancy);
  const leases = leasesPerSecond(nodes, use) * DAY;
  const sampled = Number(sampleSize(BigInt(tasks)));
  const { interval, most, answerers, length } = chain.rounds;
  const rounds = Math.min(DAY / interval, (most * DAY) / length);
  const pings = nodes * chain.pingWindows;
  const spent = {
    pings: pings * gas.ping,
    rounds: rounds * gas.round,
    leases: leases * gas.lease,
    tasks: tasks * gas.task,
    validation: (sampled * gas.task * gas.validationPercent) / 100,
  };
  const pingEvents = Math.ceil(nodes / NODES_OF_A_PING_EVENT) * chain.pingWindows;
  const events = tasks * sizes.task.events + leases * sizes.lease.events + pingEvents;
  const bytes = tasks * sizes.task.bytes + leases * sizes.lease.bytes + pingEvents * sizes.ping.bytes;
  return {
    nodes,
    answers,
    tasks,
    leases,
    sampled,
    checks: sampled * use.validators * use.redundancy,
    rounds,
    daysToTurn: nodes / (rounds * answerers),
    gas: spent,
    gasPerSecond: Object.values(spent).reduce((sum, part) => sum + part, 0) / DAY,
    events,
    bytes,
    bitsPerSecond: (bytes * 8) / DAY,
    seedCollision: tasks ** 2 / (2 * SEEDS),
  };
}

/** Leases that end, and are asked for again, in a second. */
export const leasesPerSecond = (nodes: number, { leasedShare, redundancy, leaseSeconds }: Assumptions): number =>
  (nodes * leasedShare) / redundancy / leaseSeconds;

/** How long the free nodes last where nobody comes back, seconds. */
export const supplySeconds = ({ leasedShare, leaseSeconds }: Assumptions): number => ((1 - leasedShare) / leasedShare) * leaseSeconds;
