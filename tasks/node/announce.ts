import { nodeNumber, required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; endpoint?: string }) => {
  const node = nodeNumber(args.node);
  const endpoint = required(args.endpoint, "--endpoint", "a base URL");
  return await perform(context, [{ module: "NodePool", method: "announceEndpoint", args: [node, endpoint] }], () => ({ node, endpoint }));
});
