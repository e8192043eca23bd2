import { amount } from "../amounts.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { anchorMeant, checkpointAt } from "./anchor.ts";

export default command(async (context, args: { anchor?: string; checkpoint?: string }) => {
  const { target, contract } = await anchorMeant(context, args.anchor);
  const checkpoint = wholeNumber(args.checkpoint, "--checkpoint", 1);
  const { standing, proposer, challenger } = await checkpointAt(contract, checkpoint);
  return await perform(context, [{ module: target, method: "close", args: [checkpoint] }], (receipts) => {
    const closed = receipts.event(target, "CheckpointClosed");
    return {
      checkpoint,
      standing,
      proposer,
      toProposer: amount(closed.getValue("toProposer") as bigint),
      challenger,
      toChallenger: amount(closed.getValue("toChallenger") as bigint),
    };
  });
});
