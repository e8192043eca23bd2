import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(
  async (context) =>
    await perform(context, [{ module: "Treasury", method: "collect", args: [] }], (receipts) => ({
      collected: amount(receipts.event("Treasury", "FeesReceived").getValue("amount") as bigint),
    })),
);
