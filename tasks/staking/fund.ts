import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(
  async (context) =>
    await perform(context, [{ module: "Incentives", method: "fundStaking", args: [] }], (receipts) => ({
      funded: amount(receipts.event("Incentives", "StakingFunded").getValue("amount") as bigint),
    })),
);
