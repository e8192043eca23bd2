import { amount, parseCor } from "../amounts.ts";
import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

const MINUTES = 20;

export default command(async (context, args: { amount?: string }) => {
  const spent = parseCor(required(args.amount, "--amount", "an amount of the quote token, of 18 decimals"), "--amount");
  const deadline = (await context.endpoint.provider.getBlock("latest"))!.timestamp + MINUTES * 60;
  return await perform(context, [{ module: "Treasury", method: "buyBack", args: [spent, deadline] }], (receipts) => ({
    bought: amount(receipts.event("Treasury", "BoughtBack").getValue("corOut") as bigint),
  }));
});
