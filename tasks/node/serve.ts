import { nodeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { modelMeant } from "../model/reference.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; model?: string; off: boolean }) => {
  const node = nodeNumber(args.node);
  const model = args.model === undefined ? (await context.views.node(node)).model : (await modelMeant(context, args.model)).id;
  const steps = [{ module: "NodePool" as const, method: "serve", args: [node, model, !args.off] }];
  return await perform(context, steps, async () => ({
    node,
    model,
    available: !args.off,
    eligible: await context.contracts.NodePool.isEligible(node),
  }));
});
