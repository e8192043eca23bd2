import { command } from "../command.ts";
import { callsOf, proposals, stateWord } from "./proposal.ts";

export default command(async (context) => ({
  proposals: await Promise.all(
    (await proposals(context)).map(async (proposal) => ({
      proposal: proposal.id,
      state: stateWord(await context.contracts.CorGovernor.state(proposal.id)),
      calls: callsOf(context, proposal)
        .map(({ call }) => call)
        .join(", "),
      why: proposal.description,
    })),
  ),
}));
