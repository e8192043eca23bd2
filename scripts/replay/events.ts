import type { Interface, Provider } from "ethers";
import { type HistoryEvent, HISTORY_EVENTS } from "../../offchain/protocol/networkHistory.ts";
import { Interface as EthersInterface } from "ethers";
import { artifactOf, type ModuleName } from "../deploy.ts";

/** Most blocks of one request; halves where the server refuses. */
const RANGE = 50_000;

/** Reads every event of network work since a block, in the order in which it happened, with the time of its block. */
export async function readEvents(provider: Provider, addresses: Record<string, string>, fromBlock: number): Promise<HistoryEvent[]> {
  const sources = new Map<string, { abi: Interface; names: readonly string[] }>();
  for (const [module, names] of Object.entries(HISTORY_EVENTS)) {
    sources.set(addresses[module]!.toLowerCase(), { abi: new EthersInterface(artifactOf(module as ModuleName).abi), names });
  }
  const topics = [[...sources.values()].flatMap(({ abi, names }) => names.map((name) => abi.getEvent(name)!.topicHash))];
  const times = new Map<number, number>();
  const timeOf = async (block: number): Promise<number> => {
    const known = times.get(block) ?? (await provider.getBlock(block))!.timestamp;
    times.set(block, known);
    return known;
  };
  const head = await provider.getBlockNumber();
  const events: HistoryEvent[] = [];
  let range = RANGE;
  for (let from = fromBlock; from <= head;) {
    const to = Math.min(head, from + range - 1);
    let logs;
    try {
      logs = await provider.getLogs({ address: [...sources.keys()], topics, fromBlock: from, toBlock: to });
    } catch (error) {
      if (to === from) throw error;
      range = Math.max(1, Math.floor((to - from + 1) / 2));
      continue;
    }
    for (const log of logs) {
      const event = sources.get(log.address.toLowerCase())!.abi.parseLog(log)!;
      events.push({
        name: event.name,
        args: event.args.toObject(),
        transaction: log.transactionHash,
        time: await timeOf(log.blockNumber),
      });
    }
    from = to + 1;
  }
  return events;
}
