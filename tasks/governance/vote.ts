import { amount } from "../amounts.ts";
import { oneOf } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { foundProposal } from "./proposal.ts";

const SUPPORT = ["against", "for", "abstain"] as const;

export default command(async (context, args: { proposal?: string; support: string; reason?: string }) => {
  const { id } = await foundProposal(context, args.proposal);
  const support = oneOf(args.support, "--support", SUPPORT);
  const vote = { module: "CorGovernor" as const, method: "castVoteWithReason", args: [id, SUPPORT.indexOf(support), args.reason ?? ""] };
  return await perform(context, [vote], (receipts) => ({
    proposal: id,
    support,
    weight: amount(receipts.event("CorGovernor", "VoteCast").getValue("weight") as bigint),
  }));
});
