import { headerOf, type RawBlock } from "../../offchain/chain/blockHeader.ts";
import { amount, instant } from "../amounts.ts";
import { nodeNumber } from "../arguments.ts";
import { command, type Context } from "../command.ts";
import { Refusal } from "../failure.ts";
import { logsOf } from "../logs.ts";
import { type Call, perform } from "../transaction.ts";

/** A penalty that stands: for what could be opened after `closedAt` and until `until`, in seconds. */
interface Penalty {
  closedAt: number;
  until: number;
}

export default command(async (context, args: { node?: string }) => {
  const node = nodeNumber(args.node);
  const penalties = await penaltiesOf(context, node);
  if (penalties.length === 0)
    throw new Refusal("NothingTaken", `found no penalty of node ${node} that stands, wanted one for a commitment that was not opened`);
  const calls: Call[] = [];
  for (const penalty of penalties) {
    const gap = await gapOver(context, penalty);
    if (gap !== undefined) calls.push({ module: "NodePool", method: "excuse", args: [node, penalty.until, ...gap] });
  }
  if (calls.length === 0) {
    const windows = penalties.map(({ closedAt, until }) => `${instant(closedAt)} to ${instant(until)}`).join(", ");
    throw new Refusal("NoGap", `found blocks within ${windows}, wanted a chain that stood still for longer; the penalties stay`);
  }
  return await perform(context, calls, (receipts) => ({
    node,
    excused: receipts.events("NodePool", "NodeExcused").map((event) => ({
      until: instant(Number(event.getValue("until"))),
      given: amount(event.getValue("given") as bigint),
    })),
    penaltiesLeft: penalties.length - calls.length,
  }));
});

/** Of every window in which a penalty was taken once, the one that is not excused. */
async function penaltiesOf(context: Context, node: number): Promise<Penalty[]> {
  const logs = await logsOf(context, { module: "NodePool", event: "PenaltyTaken", indexed: [node] });
  const found = new Map<number, Penalty>();
  for (const until of new Set(logs.map(({ args }) => Number(args.getValue("until"))))) {
    const { closedAt, amount: taken } = await context.contracts.NodePool.penaltyOf(node, until);
    if (taken > 0n) found.set(until, { closedAt: Number(closedAt), until });
  }
  return [...found.values()];
}

/** The headers of two blocks in a row between which the chain stood for longer than a window, and over its end; undefined where it did not. */
async function gapOver({ endpoint: { provider } }: Context, { closedAt, until }: Penalty): Promise<[string, string] | undefined> {
  const blockAt = async (number: number) => (await provider.send("eth_getBlockByNumber", [`0x${number.toString(16)}`, false])) as RawBlock;
  const timeOf = (block: RawBlock) => Number(block["timestamp"]);
  // The first block after the window, by halving.
  let [from, to] = [1, await provider.getBlockNumber()];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (timeOf(await blockAt(middle)) > until) to = middle;
    else from = middle + 1;
  }
  const [last, next] = [await blockAt(from - 1), await blockAt(from)];
  const stood = timeOf(next) > until && timeOf(next) - timeOf(last) > until - closedAt;
  return stood ? [headerOf(last), headerOf(next)] : undefined;
}
