import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { anchorMeant, checkpointAt } from "./anchor.ts";

export default command(async (context, args: { anchor?: string; last: string }) => {
  const { target, contract } = await anchorMeant(context, args.anchor);
  const last = wholeNumber(args.last, "--last", 1, 1_000);
  const count = Number(await contract.getFunction("checkpointCount").staticCall());
  const numbers = Array.from({ length: Math.min(last, count) }, (_, i) => count - i);
  return {
    anchor: target.address,
    count,
    checkpoints: await Promise.all(numbers.map(async (number) => await checkpointAt(contract, number))),
  };
});
