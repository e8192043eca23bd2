import { writeFileSync } from "node:fs";
import { cidOf, digestOf, digestOfCid } from "../../offchain/content/contentId.ts";
import { encodeDataSet } from "../../offchain/protocol/dataSet.ts";
import { dataSetRounds, type RoundEvent } from "../../offchain/protocol/roundEvents.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { logsOf } from "../logs.ts";

export default command(async (context, args: { out?: string; parent?: string; first: string }) => {
  const first = wholeNumber(args.first, "--first", 1);
  if (args.parent !== undefined) digestOfCid(args.parent);
  const logs = await logsOf(context, { module: "PoUW", indexed: [] });
  const times = new Map<number, number>();
  const events: RoundEvent[] = [];
  for (const { name, args: values, blockNumber } of logs) {
    const time = times.get(blockNumber) ?? (await context.endpoint.provider.getBlock(blockNumber))!.timestamp;
    times.set(blockNumber, time);
    events.push({ name, args: values.toObject(), time });
  }
  const rounds = dataSetRounds(events).filter(({ round }) => round >= first);
  const { chainId, addresses } = context.deployment;
  const text = encodeDataSet({ chainId: `${chainId}`, contract: addresses.PoUW, parent: args.parent ?? null }, rounds);
  const bytes = new TextEncoder().encode(text);
  if (args.out !== undefined) writeFileSync(args.out, bytes);
  return {
    rounds: rounds.length,
    bytes: bytes.length,
    contentId: cidOf(digestOf(bytes)),
    parent: args.parent ?? null,
    file: args.out ?? null,
  };
});
