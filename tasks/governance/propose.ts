import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { callsOf, parsedCall, proposalOf } from "./proposal.ts";

export default command(async (context, args: { call?: string; args?: string; why?: string }) => {
  const { module, method, args: values } = parsedCall(args.call, args.args);
  const proposal = proposalOf(context, module, method, values, required(args.why, "--why", "a reason"));
  const { targets, values: sums, calldatas, description } = proposal;
  const step = { module: "CorGovernor" as const, method: "propose", args: [targets, sums, calldatas, description] };
  return await perform(context, [step], (receipts) => ({
    proposal: receipts.event("CorGovernor", "ProposalCreated").getValue("proposalId") as bigint,
    calls: callsOf(context, proposal),
    why: description,
  }));
});
