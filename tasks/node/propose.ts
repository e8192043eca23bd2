import { nodeNumber, required } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; operator?: string }) => {
  const node = nodeNumber(args.node);
  const operator = await addressOf(context, required(args.operator, "--operator", "an address"), "--operator");
  return await perform(context, [{ module: "NodePool", method: "proposeOperator", args: [node, operator] }], () => ({
    node,
    proposed: operator,
  }));
});
