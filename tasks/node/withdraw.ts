import { amount } from "../amounts.ts";
import { nodeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; to?: string }) => {
  const node = nodeNumber(args.node);
  const to = args.to === undefined ? await (await context.sender()).getAddress() : await addressOf(context, args.to, "--to");
  return await perform(context, [{ module: "NodePool", method: "withdrawStake", args: [node, to] }], (receipts) => ({
    node,
    to,
    withdrawn: amount(receipts.event("NodePool", "StakeWithdrawn").getValue("amount") as bigint),
  }));
});
