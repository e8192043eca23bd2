import { Interface, type Provider } from "ethers";
import { logsSince } from "../../offchain/chain/logsSince.ts";
import { declaredImages } from "../../offchain/protocol/leaderboard.ts";
import { type HistoryEvent, HISTORY_EVENTS } from "../../offchain/protocol/networkHistory.ts";
import { artifactOf, type ModuleName } from "../deploy.ts";

/** Reads every event of network work since a block, in the order in which it happened, with the time of its block. */
export async function readEvents(provider: Provider, addresses: Record<string, string>, fromBlock: number): Promise<HistoryEvent[]> {
  const sources = new Map<string, { abi: Interface; names: readonly string[] }>();
  for (const [module, names] of Object.entries(HISTORY_EVENTS)) {
    sources.set(addresses[module]!.toLowerCase(), { abi: new Interface(artifactOf(module as ModuleName).abi), names });
  }
  const topics = [[...sources.values()].flatMap(({ abi, names }) => names.map((name) => abi.getEvent(name)!.topicHash))];
  const times = new Map<number, number>();
  const timeOf = async (block: number): Promise<number> => {
    const known = times.get(block) ?? (await provider.getBlock(block))!.timestamp;
    times.set(block, known);
    return known;
  };
  const events: HistoryEvent[] = [];
  for await (const log of logsSince(provider, { address: [...sources.keys()], topics }, fromBlock)) {
    const event = sources.get(log.address.toLowerCase())!.abi.parseLog(log)!;
    events.push({
      name: event.name,
      args: event.args.toObject(),
      transaction: log.transactionHash,
      time: await timeOf(log.blockNumber),
    });
  }
  return events;
}

/** Which image each node declares, as events tell it. */
export async function readImages(provider: Provider, addresses: Record<string, string>, fromBlock: number): Promise<Map<number, string>> {
  const abi = new Interface(artifactOf("ImageRegistry").abi);
  const topics = [abi.getEvent("ImageDeclared")!.topicHash];
  const declared = [];
  for await (const log of logsSince(provider, { address: addresses["ImageRegistry"]!, topics }, fromBlock)) {
    const { node, image } = abi.parseLog(log)!.args as unknown as { node: bigint; image: string };
    declared.push({ node: Number(node), image });
  }
  return declaredImages(declared);
}
