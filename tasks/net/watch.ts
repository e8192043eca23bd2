import { setTimeout as delay } from "node:timers/promises";
import { MODULE_NAMES, type ModuleName } from "../../offchain/chain/abis.ts";
import { decodeLog } from "../../offchain/chain/cursor.ts";
import { oneLine } from "../../offchain/runtime/exit.ts";
import { Instant } from "../amounts.ts";
import { oneOf, wholeNumber } from "../arguments.ts";
import { type Context, watching } from "../command.ts";
import type { Report } from "../output.ts";

const POLL_MS = 1_000;
/** Most blocks of one request. */
const RANGE = 5_000;
/** Digits of a hash or address that people are shown. */
const SHOWN = 8;
/** Width of a line where there is no terminal that says how wide it is. */
const COLUMNS = 160;

interface Args {
  seconds?: string;
  since: string;
  module?: string;
}

export default watching(async (context, args: Args, print) => {
  const end = args.seconds === undefined ? Infinity : performance.now() + wholeNumber(args.seconds, "--seconds", 0, 10_000_000) * 1_000;
  const modules = args.module === undefined ? MODULE_NAMES : [oneOf(args.module, "--module", MODULE_NAMES)];
  const { provider } = context.endpoint;
  let next = args.since === "latest" ? (await provider.getBlockNumber()) + 1 : wholeNumber(args.since, "--since", 0);
  for (;;) {
    const head = await provider.getBlockNumber();
    while (next <= head) {
      const last = Math.min(head, next + RANGE - 1);
      for (const report of await happened(context, modules, next, last)) print(report, lineOf(report));
      next = last + 1;
    }
    if (performance.now() >= end) return;
    await delay(Math.min(POLL_MS, Math.max(0, end - performance.now())));
  }
});

/** The events of a range of blocks, in order. */
async function happened({ endpoint: { provider }, deployment }: Context, modules: ModuleName[], fromBlock: number, toBlock: number) {
  const names = new Map(modules.map((module) => [deployment.addresses[module].toLowerCase(), module]));
  const times = new Map<number, number>();
  const found = [];
  for (const log of await provider.getLogs({ address: [...names.keys()], fromBlock, toBlock })) {
    const { blockNumber, blockHash, index: logIndex, transactionHash, topics, data } = log;
    const module = names.get(log.address.toLowerCase())!;
    const decoded = decodeLog({ module, blockNumber, blockHash, logIndex, transactionHash, topics, data });
    if (decoded === undefined) continue;
    const time = times.get(blockNumber) ?? (await provider.getBlock(blockNumber))!.timestamp;
    times.set(blockNumber, time);
    const values = decoded.args.toObject() as Report;
    found.push({
      block: blockNumber,
      time: new Instant(time),
      module,
      event: decoded.name,
      arguments: values,
      transaction: transactionHash,
    });
  }
  return found;
}

/** Block, time of day, event and its arguments, cut to the terminal's width. */
function lineOf({ block, time, module, event, arguments: values }: Awaited<ReturnType<typeof happened>>[number]): string {
  const told = Object.entries(values).map(([name, value]) => `${name} ${brief(value)}`);
  const line = `${block}  ${time.toString().slice(11, 19)}  ${module}.${event}  ${told.join(", ")}`;
  const width = process.stdout.isTTY ? process.stdout.columns : COLUMNS;
  const clean = oneLine(line);
  return clean.length <= width ? clean : `${clean.slice(0, width - 1)}…`;
}

/** A value in a few characters: hashes by their beginning, amounts and numbers whole. */
function brief(value: unknown): string {
  if (typeof value === "string") return /^0x[0-9a-f]{9,}$/i.test(value) ? `${value.slice(0, 2 + SHOWN)}…` : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.length}]`;
  return value !== null && typeof value === "object" ? "{…}" : String(value);
}
