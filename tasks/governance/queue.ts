import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { argsOf, callsOf, foundProposal, stateWord } from "./proposal.ts";

export default command(async (context, args: { proposal?: string }) => {
  const proposal = await foundProposal(context, args.proposal);
  const { CorGovernor } = context.contracts;
  return await perform(context, [{ module: "CorGovernor", method: "queue", args: argsOf(proposal) }], async () => ({
    proposal: proposal.id,
    state: stateWord(await CorGovernor.state(proposal.id)),
    calls: callsOf(context, proposal),
  }));
});
