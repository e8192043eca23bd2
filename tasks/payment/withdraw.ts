import { amount } from "../amounts.ts";
import { nodeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; to?: string }) => {
  const account = await (await context.sender()).getAddress();
  const to = args.to === undefined ? account : await addressOf(context, args.to, "--to");
  if (args.node === undefined)
    return await perform(context, [{ module: "SessionPayment", method: "withdraw", args: [to] }], (receipts) => ({
      account,
      to,
      withdrawn: amount(receipts.event("SessionPayment", "AccountWithdrawn").getValue("amount") as bigint),
    }));
  const node = nodeNumber(args.node);
  return await perform(context, [{ module: "SessionPayment", method: "withdrawNode", args: [node, to] }], (receipts) => ({
    node,
    to,
    withdrawn: amount(receipts.event("SessionPayment", "NodeWithdrawn").getValue("amount") as bigint),
  }));
});
