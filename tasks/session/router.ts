import { exactlyOne, sessionNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { session?: string; add?: string; remove?: string; endpoint: string }) => {
  const session = sessionNumber(args.session);
  exactlyOne({ "--add": args.add, "--remove": args.remove });
  const allowed = args.add !== undefined;
  const router = await addressOf(context, (args.add ?? args.remove)!, allowed ? "--add" : "--remove");
  const steps = [{ module: "Session" as const, method: "setRouter", args: [session, router, allowed, args.endpoint] }];
  return await perform(context, steps, () => ({ session, router, allowed, endpoint: args.endpoint }));
});
