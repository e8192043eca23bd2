import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { lease?: string }) => {
  const lease = wholeNumber(args.lease, "--lease", 1, 2 ** 32 - 1);
  return await perform(context, [{ module: "NodePool", method: "collect", args: [lease] }], async () => ({
    lease,
    nodes: (await context.views.lease(lease)).nodes,
  }));
});
