import { Random } from "../../test/simulation/random.ts";
import { type Assumptions, CHAINS } from "./assumptions.ts";
import { type Day, dayOf } from "./day.ts";
import { draws, type Draws } from "./draws.ts";
import { eventSizes, type EventSizes } from "./events.ts";
import { measuredGas, type MeasuredGas } from "./inputs.ts";
import { breaksAt, limitsOf, MOST_NODES, standstillOf } from "./limits.ts";
import { decodedPerSecond, timesOf } from "./measure.ts";
import type { Standstill } from "./standstill.ts";

/** Numbers of nodes that are looked at. */
export const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const DRAWS = 500;

/** A limit with the number of nodes at which it is reached; null: never. */
export interface Reached {
  name: string;
  about: string;
  breaksAt: number | null;
}

export interface ChainResult {
  chain: string;
  days: (Day & { lists: Standstill })[];
  /** The first to be reached first. */
  limits: Reached[];
  /** As networks are deployed, with `pool.proving` off; and once governance turns it on. */
  breaksFirst: Reached;
  breaksFirstWithProving: Reached;
}

export interface Simulation {
  seed: number;
  assumptions: Assumptions;
  gas: MeasuredGas;
  events: EventSizes;
  draws: (Draws & { nodes: number })[];
  chains: ChainResult[];
}

export interface Measured {
  decodedPerSecond: number;
  sizes: ({ nodes: number } & ReturnType<typeof timesOf>)[];
}

interface Settings {
  seed: number;
  use: Assumptions;
  sizes?: readonly number[];
  gas?: MeasuredGas;
}

/** Everything that follows from the seed, for these sizes. */
export function simulate({ seed, use, sizes = SIZES, gas = measuredGas() }: Settings): Simulation {
  const events = eventSizes();
  const random = new Random(seed);
  return {
    seed,
    assumptions: use,
    gas,
    events,
    draws: sizes.map((nodes) => ({ nodes, ...draws(nodes, use.redundancy, DRAWS, random) })),
    chains: CHAINS.map((chain) => {
      const setting = { use, chain, gas, sizes: events, seed };
      const limits = limitsOf(setting)
        .map((limit) => ({ name: limit.name, about: limit.about, breaksAt: rounded(breaksAt(limit)) }))
        .sort((a, b) => (a.breaksAt ?? Infinity) - (b.breaksAt ?? Infinity));
      const days = sizes.map((nodes) => ({ ...dayOf(nodes, use, chain, gas, events), lists: standstillOf(setting, nodes) }));
      const deployed = limits.find(({ name }) => name !== "rounds")!;
      return { chain: chain.name, days, limits, breaksFirst: deployed, breaksFirstWithProving: limits[0]! };
    }),
  };
}

/** What depends on the machine: times and memory. */
export const measure = (sizes: readonly number[]): Measured => ({
  decodedPerSecond: Math.round(decodedPerSecond()),
  sizes: sizes.map((nodes) => ({ nodes, ...timesOf(nodes) })),
});

/** To two digits, which is all that the assumptions bear. */
const rounded = (value: number | null): number | null => (value === null ? null : Math.min(MOST_NODES, Number(value.toPrecision(2))));
