import { amount, parseCor } from "../amounts.ts";
import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { to?: string; amount?: string }) => {
  const to = await addressOf(context, required(args.to, "--to", "an address"), "--to");
  const sent = parseCor(required(args.amount, "--amount", "COR"), "--amount");
  return await perform(context, [{ module: "COR", method: "transfer", args: [to, sent] }], async () => ({
    to,
    sent: amount(sent),
    balance: amount(await context.views.corBalance(to)),
  }));
});
