import { instant } from "../amounts.ts";
import { nodeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string }) => {
  const node = nodeNumber(args.node);
  return await perform(context, [{ module: "NodePool", method: "requestExit", args: [node] }], (receipts) => ({
    node,
    exitAt: instant(Number(receipts.event("NodePool", "ExitRequested").getValue("exitAt"))),
  }));
});
