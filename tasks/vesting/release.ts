import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { vestingMeant } from "./vesting.ts";

export default command(async (context, args: { vesting?: string }) => {
  const { target, contract } = await vestingMeant(context, args.vesting);
  const release = { module: target, method: "release(address)", args: [context.deployment.addresses.COR] };
  return await perform(context, [release], async (receipts) => ({
    vesting: target.address,
    beneficiary: (await contract.getFunction("owner").staticCall()) as string,
    released: amount(receipts.event(target, "ERC20Released").getValue("amount") as bigint),
  }));
});
