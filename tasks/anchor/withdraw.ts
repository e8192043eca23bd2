import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";
import { anchorMeant } from "./anchor.ts";

export default command(async (context, args: { anchor?: string; to?: string }) => {
  const { target } = await anchorMeant(context, args.anchor);
  const account = await (await context.sender()).getAddress();
  const to = args.to === undefined ? account : await addressOf(context, args.to, "--to");
  return await perform(context, [{ module: target, method: "withdraw", args: [to] }], (receipts) => ({
    account,
    to,
    withdrawn: amount(receipts.event(target, "AnchorWithdrawn").getValue("amount") as bigint),
  }));
});
