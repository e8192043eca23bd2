import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { type Call, perform } from "../transaction.ts";

export default command(async (context, args: { to?: string; staked: boolean }) => {
  const sender = await (await context.sender()).getAddress();
  const to = args.to === undefined ? sender : await addressOf(context, args.to, "--to");
  const call: Call = { module: args.staked ? "Staking" : "COR", method: "delegate", args: [to] };
  return await perform(context, [call], async () => ({ to, votes: amount(await context.contracts.COR.getVotes(to)) }));
});
