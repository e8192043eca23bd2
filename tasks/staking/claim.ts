import { amount } from "../amounts.ts";
import { wholeNumbers } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";
import { positionsOf } from "./positions.ts";

export default command(async (context, args: { positions?: string; to?: string }) => {
  const sender = await (await context.sender()).getAddress();
  const to = args.to === undefined ? sender : await addressOf(context, args.to, "--to");
  const positions =
    args.positions === undefined
      ? (await positionsOf(context, sender)).map(({ position }) => position)
      : wholeNumbers(args.positions, "--positions", 1, 2 ** 32 - 1);
  return await perform(context, [{ module: "Staking", method: "claim", args: [positions, to] }], (receipts) => ({
    positions,
    to,
    claimed: amount(receipts.event("Staking", "RewardClaimed").getValue("amount") as bigint),
  }));
});
