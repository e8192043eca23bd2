import { instant } from "../amounts.ts";
import { sessionNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { session?: string }) => {
  const session = sessionNumber(args.session);
  return await perform(context, [{ module: "Session", method: "drawLease", args: [session] }], async (receipts) => {
    const started = receipts.event("Session", "LeaseStarted");
    const lease = Number(started.getValue("lease"));
    return { session, lease, until: instant(Number(started.getValue("until"))), nodes: (await context.views.lease(lease)).nodes };
  });
});
