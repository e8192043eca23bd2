import { instant } from "../amounts.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(
  async (context) =>
    await perform(context, [{ module: "Treasury", method: "observe", args: [] }], (receipts) => ({
      observedAt: instant(Number(receipts.event("Treasury", "PriceObserved").getValue("time"))),
    })),
);
