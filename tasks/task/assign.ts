import { taskAssigned } from "../../offchain/protocol/events.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { instant } from "../amounts.ts";
import { taskId } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { taskHistory } from "./history.ts";

export default command(async (context, args: { task?: string }) => {
  const task = taskId(args.task);
  const { terms } = (await taskHistory(context, task)).entry;
  return await perform(context, [{ module: "SessionQueue", method: "assign", args: [task, encodeTerms(terms)] }], async (receipts) => {
    const { lease, commitsCloseAt } = taskAssigned(receipts.event("SessionQueue", "TaskAssigned").toObject() as Record<string, unknown>);
    return { task, lease, nodes: (await context.views.lease(lease)).nodes, commitsCloseAt: instant(commitsCloseAt) };
  });
});
