import { approval } from "../allowance.ts";
import { amount, instant, parseCor } from "../amounts.ts";
import { oneOf, required } from "../arguments.ts";
import { command } from "../command.ts";
import { type Call, perform } from "../transaction.ts";

/** Days of a lock, by tier. */
export const LOCKS = ["28", "56", "84"] as const;

export default command(async (context, args: { amount?: string; days: string }) => {
  const staked = parseCor(required(args.amount, "--amount", "COR"), "--amount");
  const tier = LOCKS.indexOf(oneOf(args.days, "--days", LOCKS));
  const { calls, assuming } = await approval(context, await context.sender(), "Staking", staked);
  const stake: Call = { module: "Staking", method: "stake", args: [tier, staked], assuming };
  return await perform(context, [...calls, stake], (receipts) => {
    const event = receipts.event("Staking", "Staked");
    return {
      position: Number(event.getValue("position")),
      staked: amount(staked),
      unlockAt: instant(Number(event.getValue("unlockAt"))),
    };
  });
});
