import { amount } from "../amounts.ts";
import { sessionNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { session?: string }) => {
  const session = sessionNumber(args.session);
  return await perform(context, [{ module: "Session", method: "cancelReservation", args: [session] }], (receipts) => ({
    session,
    released: amount(receipts.event("Session", "ReservationCancelled").getValue("released") as bigint),
  }));
});
