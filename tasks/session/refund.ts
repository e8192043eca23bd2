import { amount, parseCor } from "../amounts.ts";
import { sessionNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { session?: string; amount?: string; to?: string }) => {
  const session = sessionNumber(args.session);
  const { available } = await context.views.sessionBalance(session);
  const refunded = args.amount === undefined ? available : parseCor(args.amount, "--amount");
  const to = args.to === undefined ? await (await context.sender()).getAddress() : await addressOf(context, args.to, "--to");
  return await perform(context, [{ module: "Session", method: "refund", args: [session, to, refunded] }], async () => {
    const left = await context.views.sessionBalance(session);
    return { session, to, refunded: amount(refunded), available: amount(left.available), locked: amount(left.locked) };
  });
});
