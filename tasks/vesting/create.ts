import { MONTH } from "../../scripts/economy.ts";
import { amount, instant, parseCor } from "../amounts.ts";
import { required, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { type Creation, type LaterCall, perform } from "../transaction.ts";

interface Args {
  beneficiary?: string;
  amount?: string;
  months: string;
  cliffMonths: string;
  start?: string;
}

const MOST_MONTHS = 1_200;

export default command(async (context, args: Args) => {
  const beneficiary = await addressOf(context, required(args.beneficiary, "--beneficiary", "an address"), "--beneficiary");
  const allotted = parseCor(required(args.amount, "--amount", "COR"), "--amount");
  const months = wholeNumber(args.months, "--months", 1, MOST_MONTHS);
  const cliffMonths = wholeNumber(args.cliffMonths, "--cliff-months", 0, months);
  const start =
    args.start === undefined
      ? (await context.endpoint.provider.getBlock("latest"))!.timestamp
      : wholeNumber(args.start, "--start", 0, 2 ** 40 - 1);
  const wallet: Creation = { create: "Vesting", args: [beneficiary, start, months * MONTH, cliffMonths * MONTH] };
  const fund: LaterCall = { module: "COR", method: "transfer", after: (receipts) => [receipts.created(), allotted] };
  return await perform(context, [wallet, fund], (receipts) => ({
    vesting: receipts.created(),
    beneficiary,
    amount: amount(allotted),
    start: instant(start),
    cliff: instant(start + cliffMonths * MONTH),
    end: instant(start + months * MONTH),
  }));
});
