import { instant } from "../amounts.ts";
import { oneOf, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { LOCKS } from "./stake.ts";

export default command(async (context, args: { position?: string; days: string }) => {
  const position = wholeNumber(args.position, "--position", 1);
  const tier = LOCKS.indexOf(oneOf(args.days, "--days", LOCKS));
  return await perform(context, [{ module: "Staking", method: "relock", args: [position, tier] }], (receipts) => ({
    position,
    unlockAt: instant(Number(receipts.event("Staking", "Relocked").getValue("unlockAt"))),
  }));
});
