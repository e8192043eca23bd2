import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { anchorMeant, checkpointAt } from "./anchor.ts";

export default command(async (context, args: { anchor?: string; checkpoint?: string; reject: boolean }) => {
  const { target, contract } = await anchorMeant(context, args.anchor);
  const checkpoint = wholeNumber(args.checkpoint, "--checkpoint", 1);
  const upheld = !args.reject;
  return await perform(context, [{ module: target, method: "resolve", args: [checkpoint, upheld] }], async () => ({
    checkpoint,
    upheld,
    standing: (await checkpointAt(contract, checkpoint)).standing,
  }));
});
