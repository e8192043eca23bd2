import { amount } from "../amounts.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { position?: string; to?: string }) => {
  const position = wholeNumber(args.position, "--position", 1);
  const to = args.to === undefined ? await (await context.sender()).getAddress() : await addressOf(context, args.to, "--to");
  return await perform(context, [{ module: "Staking", method: "unstake", args: [position, to] }], (receipts) => ({
    position,
    to,
    unstaked: amount(receipts.event("Staking", "Unstaked").getValue("amount") as bigint),
  }));
});
