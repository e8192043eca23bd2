import { nodeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string }) => {
  const node = nodeNumber(args.node);
  return await perform(context, [{ module: "NodePool", method: "acceptOperator", args: [node] }], (receipts) => ({
    node,
    operator: String(receipts.event("NodePool", "OperatorChanged").getValue("operator")),
  }));
});
