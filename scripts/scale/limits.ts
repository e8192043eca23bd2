import { Random } from "../../test/simulation/random.ts";
import type { Assumptions, Chain } from "./assumptions.ts";
import { DAY, dayOf, leasesPerSecond, supplySeconds } from "./day.ts";
import type { EventSizes } from "./events.ts";
import type { MeasuredGas } from "./inputs.ts";
import { type Standstill, standstill } from "./standstill.ts";

/** Something of which there is so much and no more. */
export interface Limit {
  name: string;
  about: string;
  /** How much of it a network of so many nodes takes; from 1 on it breaks. */
  load: (nodes: number) => number;
}

export interface Setting {
  use: Assumptions;
  chain: Chain;
  gas: MeasuredGas;
  sizes: EventSizes;
  seed: number;
}

/** Nodes are numbered in 24 bits. */
export const MOST_NODES = 2 ** 24 - 1;
const LEAST_NODES = 16;
/** Within this share a size at which something breaks is found. */
const EXACTNESS = 1.01;

/** A day of a network's draws where all nodes serve one model. */
export const standstillOf = ({ use, chain, seed }: Setting, nodes: number): Standstill =>
  standstill({ perSecond: leasesPerSecond(nodes, use), ...chain, seconds: DAY }, new Random(seed));

/** Everything that ends somewhere, on a chain. */
export function limitsOf(setting: Setting): Limit[] {
  const { use, chain, gas, sizes } = setting;
  const day = (nodes: number) => dayOf(nodes, use, chain, gas, sizes);
  const sustained = use.blockGas / 2 / chain.blockSeconds;
  return [
    {
      name: "lists",
      about: "the pool's lists stand still, while draws are pending, for longer than the free nodes last",
      load: (nodes) => standstillOf(setting, nodes).longest / supplySeconds(use),
    },
    {
      name: "gas",
      about: `the chain's gas a second (${(sustained / 1e6).toFixed(1)} million, half of the blocks)`,
      load: (nodes) => day(nodes).gasPerSecond / sustained,
    },
    {
      name: "rounds",
      about: "answerers' seats in rounds, once every release wants a fresh pass (pool.proving)",
      load: (nodes) => {
        const { leases, rounds } = day(nodes);
        return (leases * use.redundancy) / (rounds * chain.rounds.answerers);
      },
    },
    {
      name: "line",
      about: `the line of a program that reads all events (${use.lineBits / 1e6} Mbit/s)`,
      load: (nodes) => day(nodes).bitsPerSecond / use.lineBits,
    },
    { name: "numbers", about: "numbers of nodes (24 bits)", load: (nodes) => nodes / MOST_NODES },
  ];
}

/** The least number of nodes at which a limit is reached, to 1 %; null where numbers of nodes end before. */
export function breaksAt({ load }: Pick<Limit, "load">): number | null {
  let [fits, breaks] = [LEAST_NODES, MOST_NODES];
  if (load(fits) >= 1) return fits;
  if (load(breaks) < 1) return null;
  while (breaks / fits > EXACTNESS) {
    const middle = Math.round(Math.sqrt(fits * breaks));
    if (load(middle) >= 1) breaks = middle;
    else fits = middle;
  }
  return breaks;
}
