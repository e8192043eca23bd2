import { approval } from "../allowance.ts";
import { amount, parseCor } from "../amounts.ts";
import { nodeNumber, required } from "../arguments.ts";
import { command } from "../command.ts";
import { type Call, perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; amount?: string }) => {
  const node = nodeNumber(args.node);
  const added = parseCor(required(args.amount, "--amount", "COR"), "--amount");
  const { calls, assuming } = await approval(context, await context.sender(), "NodePool", added);
  const add: Call = { module: "NodePool", method: "addStake", args: [node, added], assuming };
  return await perform(context, [...calls, add], (receipts) => ({
    node,
    added: amount(added),
    stake: amount(receipts.event("NodePool", "StakeAdded").getValue("stake") as bigint),
  }));
});
