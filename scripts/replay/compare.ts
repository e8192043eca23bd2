import { Contract, type Provider } from "ethers";
import { claimableIn, type NetworkHistory } from "../../offchain/protocol/networkHistory.ts";
import { NEW_STANDING } from "../../offchain/protocol/standing.ts";
import { artifactOf, type ModuleName } from "../deploy.ts";

/** One value that the events and the contracts tell differently. */
export interface Difference {
  what: string;
  replayed: string;
  contract: string;
}

/** What was compared, and all that differed. */
export interface Comparison {
  rounds: number;
  nodes: number;
  epochs: number;
  values: number;
  differences: Difference[];
}

/** Compares what the events say with what the contracts hold, for every node and every epoch, to the unit. */
export async function compare(provider: Provider, addresses: Record<string, string>, history: NetworkHistory): Promise<Comparison> {
  const at = (name: ModuleName) => new Contract(addresses[name]!, artifactOf(name).abi, provider);
  const ask = async (name: ModuleName, view: string, ...args: unknown[]): Promise<unknown> =>
    await at(name)
      .getFunction(view)
      .staticCall(...args);
  const differences: Difference[] = [];
  let values = 0;
  const same = (what: string, replayed: unknown, contract: unknown) => {
    values += 1;
    if (String(replayed) !== String(contract)) differences.push({ what, replayed: String(replayed), contract: String(contract) });
  };
  const nodes = Number(await ask("NodePool", "nodeCount"));
  const windows = Number(await ask("Rewards", "WINDOWS"));
  const running = Number(await ask("Rewards", "currentEpoch"));
  for (let node = 1; node <= nodes; node++) {
    const { successes, ...standing } = history.standings.get(node) ?? NEW_STANDING;
    const found = (await ask("Reputation", "standingOf", node)) as Record<string, bigint>;
    for (const [name, value] of Object.entries(standing)) same(`node ${node} ${name}`, value, found[name]);
    same(`node ${node} successes`, successes, await ask("Reputation", "successesOf", node));
    same(`node ${node} level`, history.levels.get(node) ?? 0, await ask("NodePool", "levelOf", node));
    same(`node ${node} counted`, history.counted.get(node) ?? 0, ((await ask("Rewards", "countedOf", node)) as bigint[])[0]);
  }
  let promised = 0n;
  for (const [number, epoch] of history.epochs) {
    const found = (await ask("Rewards", "epochOf", number)) as Record<string, unknown>;
    for (const line of ["liveness", "health", "service", "claimed"] as const) same(`epoch ${number} ${line}`, epoch[line], found[line]);
    if (!epoch.lapsed) promised += epoch.parameters.budget - epoch.claimed;
    for (let node = 1; node <= nodes; node++) {
      const tally = (await ask("Rewards", "tallyOf", number, node)) as Record<string, unknown>;
      for (const [name, value] of Object.entries(epoch.tallies.get(node) ?? {}))
        same(`epoch ${number} node ${node} ${name}`, value, tally[name]);
      if (number >= running) continue;
      const { liveness, health, service } = claimableIn(history, number, node, windows);
      same(`epoch ${number} node ${node} claimable`, [liveness, health, service], await ask("Rewards", "claimable", node, number));
    }
  }
  same("promised", promised, await ask("Rewards", "promised"));
  return { rounds: history.rounds, nodes, epochs: history.epochs.size, values, differences };
}
