import { lockOf } from "../../offchain/protocol/judging.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { amount } from "../amounts.ts";
import { taskId } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { taskHistory } from "./history.ts";

export default command(async (context, args: { task?: string }) => {
  const task = taskId(args.task);
  const { terms } = (await taskHistory(context, task)).entry;
  return await perform(context, [{ module: "Session", method: "cancel", args: [task, encodeTerms(terms)] }], () => ({
    task,
    status: "cancelled",
    released: amount(lockOf(terms)),
  }));
});
