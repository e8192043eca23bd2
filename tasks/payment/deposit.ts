import { approval } from "../allowance.ts";
import { amount, parseCor } from "../amounts.ts";
import { required, sessionNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { type Call, perform } from "../transaction.ts";

/** `payment deposit` and `session fund`. */
export default command(async (context, args: { session?: string; amount?: string }) => {
  const session = sessionNumber(args.session);
  const deposited = parseCor(required(args.amount, "--amount", "COR"), "--amount");
  // The contract takes money for a session that nobody has opened: it would be its first owner's.
  const { owner } = await context.views.session(session);
  const { calls, assuming } = await approval(context, await context.sender(), "SessionPayment", deposited);
  const deposit: Call = { module: "SessionPayment", method: "deposit", args: [session, deposited], assuming };
  return await perform(context, [...calls, deposit], async () => {
    const { available, locked } = await context.views.sessionBalance(session);
    return { session, owner, deposited: amount(deposited), available: amount(available), locked: amount(locked) };
  });
});
