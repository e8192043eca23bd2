import { approval } from "../allowance.ts";
import { required, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { anchorMeant, checkpointAt } from "./anchor.ts";

export default command(async (context, args: { anchor?: string; checkpoint?: string; reason?: string }) => {
  const { target, contract } = await anchorMeant(context, args.anchor);
  const checkpoint = wholeNumber(args.checkpoint, "--checkpoint", 1);
  const reason = required(args.reason, "--reason", "what is false");
  const { bond } = await checkpointAt(contract, checkpoint);
  const { calls, assuming } = await approval(context, await context.sender(), target, bond.base);
  const contest = { module: target, method: "contest", args: [checkpoint, reason], assuming };
  return await perform(context, [...calls, contest], () => ({ checkpoint, reason, bond }));
});
