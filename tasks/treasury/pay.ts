import { amount, parseCor } from "../amounts.ts";
import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { to?: string; amount?: string }) => {
  const to = await addressOf(context, required(args.to, "--to", "an address"), "--to");
  const paid = parseCor(required(args.amount, "--amount", "COR"), "--amount");
  const pay = { module: "Treasury" as const, method: "pay", args: [context.deployment.addresses.COR, to, paid] };
  return await perform(context, [pay], () => ({ to, paid: amount(paid) }));
});
