import { nodeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; dismiss: boolean }) => {
  const node = nodeNumber(args.node);
  const admitted = !args.dismiss;
  return await perform(context, [{ module: "NodePool", method: "admit", args: [node, admitted] }], () => ({ node, admitted }));
});
