import { NETWORKS, type NetworkProfile } from "../parameters.ts";

const DAY = 86_400;

/** What is assumed of how a network is used; everything else is computed or measured. */
export interface Assumptions {
  /** Answers that a node gives a day. */
  answersPerNode: number;
  /** Independent answers to a prompt, and nodes of a lease. */
  redundancy: number;
  /** Length of a lease, seconds: as `session reserve` has it. */
  leaseSeconds: number;
  /** Share of the nodes that are leased at a time. */
  leasedShare: number;
  /** Validators of a sampled task. */
  validators: number;
  /** Gas limit of a block. Half of it can be had for long: above that target of EIP-1559 the base fee rises without end. */
  blockGas: number;
  /** What a node's line takes in, bits a second. */
  lineBits: number;
}

export const DEFAULTS: Assumptions = {
  answersPerNode: 24,
  redundancy: 3,
  leaseSeconds: 3_600,
  leasedShare: 0.5,
  validators: 3,
  blockGas: 60_000_000,
  lineBits: 100e6,
};

/** A chain that the network may live on, as scripts/parameters.ts describes it. */
export interface Chain {
  name: string;
  blockSeconds: number;
  /** Blocks between a request for a draw and the block that decides it. */
  seedDelay: number;
  /** Windows of signed pings a day. */
  pingWindows: number;
  /** Seconds between openings of rounds, most at a time, answerers of one, and the sum of its windows, seconds. */
  rounds: { interval: number; most: number; answerers: number; length: number };
}

function chainOf({ name, blockSeconds, parameters: { seedDelay, network } }: NetworkProfile): Chain {
  const { answerers, claimWindow, createWindow, prepareWindow, commitWindow, revealWindow } = network.liveness.rules;
  const windows = claimWindow + createWindow + prepareWindow + commitWindow + revealWindow;
  // Three draws, each decided by a block of its own.
  const length = windows + 3 * (seedDelay + 1) * blockSeconds;
  const { interval, most } = network.rounds;
  return { name, blockSeconds, seedDelay, pingWindows: DAY / network.livenessWindow, rounds: { interval, most, answerers, length } };
}

/** The public networks whose draws get their seeds from blocks. */
export const CHAINS: readonly Chain[] = NETWORKS.filter(({ name, randomness }) => name !== "localhost" && randomness === "block").map(
  chainOf,
);
