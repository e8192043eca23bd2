import { amount } from "../amounts.ts";
import { sessionNumber, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { session?: string; seconds: string; tasks: string }) => {
  const session = sessionNumber(args.session);
  const seconds = wholeNumber(args.seconds, "--seconds", 1, 2 ** 32 - 1);
  const tasks = wholeNumber(args.tasks, "--tasks", 0, 2 ** 24 - 2);
  return await perform(context, [{ module: "Session", method: "reserve", args: [session, seconds, tasks] }], (receipts) => {
    const reserved = receipts.event("Session", "LeaseReserved");
    return {
      session,
      nodes: Number(reserved.getValue("nodes")),
      seconds,
      tasks: tasks === 0 ? null : tasks,
      price: amount(reserved.getValue("locked") as bigint),
      seedBlock: Number(reserved.getValue("seedBlock")),
      drawableInBlock: Number(reserved.getValue("seedBlock")) + 1,
    };
  });
});
