import { readFileSync } from "node:fs";

/** Gas figures that other benches measured and committed. */
export interface MeasuredGas {
  /** A request with three independent answers, of sixteen that share their transactions. */
  task: number;
  /** What three validators add to it, in percent. */
  validationPercent: number;
  /** A lease of three nodes: asked for, drawn, collected. */
  lease: number;
  /** A liveness round of network work, with 10,000 nodes registered. */
  round: number;
  /** A signed ping, of 256 that share a transaction. */
  ping: number;
}

const read = <T>(name: string): T => {
  const file = new URL(`../../bench/${name}`, import.meta.url);
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (error) {
    throw new Error(`found no readable bench/${name}, wanted measured gas; run the bench that writes it (--write)`, { cause: error });
  }
};

/** Reads bench/gas.json, bench/leases-gas.json and bench/rounds-gas.json. Throws where one is not there. */
export function measuredGas(): MeasuredGas {
  const requests = read<{ n1k3Batch16PerTask: number; v3Batch16AddsPercent: number }>("gas.json");
  const leases = read<{ gas: { reserve: number; draw: number; collect: number } }>("leases-gas.json").gas;
  const rounds = read<{ rounds: Record<string, { total: number }>; pingPerNode: Record<string, number> }>("rounds-gas.json");
  return {
    task: requests.n1k3Batch16PerTask,
    validationPercent: requests.v3Batch16AddsPercent,
    lease: leases.reserve + leases.draw + leases.collect,
    round: rounds.rounds["liveness, 10000 nodes"]!.total,
    ping: rounds.pingPerNode["256"]!,
  };
}
