import { amount } from "../amounts.ts";
import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { accounts?: string }) => {
  const words = required(args.accounts, "--accounts", "addresses with commas between them").split(",");
  const accounts = await Promise.all(words.map(async (word) => await addressOf(context, word.trim(), "--accounts")));
  return await perform(context, [{ module: "SessionPayment", method: "collectFees", args: [accounts] }], (receipts) => ({
    collected: receipts.events("SessionPayment", "FeesCollected").map((event) => ({
      account: String(event.getValue("account")),
      fees: amount(event.getValue("amount") as bigint),
    })),
  }));
});
