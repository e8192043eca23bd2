import { amount, instant } from "../amounts.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { positionsOf } from "./positions.ts";
import { LOCKS } from "./stake.ts";

export default command(async (context, args: { account?: string }) => {
  const { Staking, Incentives, Allowance, COR } = context.contracts;
  const totals = {
    totalStaked: amount(await Staking.totalStaked()),
    reserve: amount(await Staking.reserve()),
    owed: amount(await Staking.owed()),
    startsAt: instant(Number(await Staking.STARTS_AT())),
    pausedUntil: instant(Number(await Staking.pausedUntil())),
    incentivesSent: amount(await Incentives.sentToStaking()),
    incentivesGrantable: amount(await Incentives.grantable()),
  };
  if (args.account === undefined) return totals;
  const account = await addressOf(context, args.account, "--account");
  const positions = await positionsOf(context, account);
  return {
    account,
    vault: await Staking.vaultOf(account),
    votes: amount(await COR.getVotes(account)),
    settled: amount(await Staking.owedTo(account)),
    allowancePerDay: amount(await Allowance.allowanceOf(account)),
    allowanceLeft: amount(await Allowance.availableTo(account)),
    positions: await Promise.all(
      positions.map(async ({ position, entry }) => ({
        position,
        staked: amount(entry.amount),
        days: Number(LOCKS[Number(entry.tier)]),
        unlockAt: instant(Number(entry.unlockAt)),
        earned: amount(await Staking.earnedBy(position)),
      })),
    ),
  };
});
