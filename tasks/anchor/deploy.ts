import { amount, parseCor } from "../amounts.ts";
import { address, required, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

interface Args {
  sourceChain?: string;
  sourceQueue?: string;
  challengeWindow: string;
  bond: string;
}

export default command(async (context, args: Args) => {
  const sourceChain = wholeNumber(args.sourceChain, "--source-chain", 1);
  const sourceQueue = address(required(args.sourceQueue, "--source-queue", "an address"), "--source-queue");
  const challengeWindow = wholeNumber(args.challengeWindow, "--challenge-window", 1, 2 ** 32 - 1);
  const bond = parseCor(args.bond, "--bond");
  const { AccessManager, COR } = context.deployment.addresses;
  const step = { create: "Anchor" as const, args: [AccessManager, COR, sourceChain, sourceQueue, challengeWindow, bond] };
  return await perform(context, [step], (receipts) => ({
    anchor: receipts.created(),
    authority: AccessManager,
    sourceChain,
    sourceQueue,
    challengeWindow,
    bond: amount(bond),
  }));
});
