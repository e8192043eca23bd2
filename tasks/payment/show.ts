import { amount } from "../amounts.ts";
import { exactlyOne, nodeNumber, sessionNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";

export default command(async (context, args: { session?: string; node?: string; account?: string }) => {
  const { views, contracts } = context;
  exactlyOne({ "--session": args.session, "--node": args.node, "--account": args.account });
  if (args.session !== undefined) {
    const session = sessionNumber(args.session);
    const { owner } = await views.session(session);
    const { available, locked } = await views.sessionBalance(session);
    return { session, owner, available: amount(available), locked: amount(locked) };
  }
  if (args.node !== undefined) {
    const node = nodeNumber(args.node);
    const { owner, stake } = await views.node(node);
    return { node, owner, owed: amount(await views.owedToNode(node)), stake: amount(stake) };
  }
  const account = await addressOf(context, args.account!, "--account");
  const { owed, fees } = await contracts.SessionPayment.accountOf(account);
  return { account, balance: amount(await views.corBalance(account)), owed: amount(owed), feesWaiting: amount(fees) };
});
