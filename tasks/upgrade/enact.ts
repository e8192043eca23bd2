import { LOCAL_CHAIN } from "../../offchain/runtime/settings.ts";
import { command, type Context } from "../command.ts";
import { Refusal } from "../failure.ts";
import { argsOf, callsOf, foundProposal, proposals, stateWord } from "../governance/proposal.ts";
import { type Call, perform } from "../transaction.ts";

const FOR = 1;

export default command(async (context, args: { proposal?: string }) => {
  const { chainId, provider } = context.endpoint;
  if (chainId !== LOCAL_CHAIN)
    throw new Refusal(
      "NotLocal",
      `found chain ${chainId}, wanted ${LOCAL_CHAIN}, whose clock can be moved; use governance vote, queue and execute`,
    );
  const last = (await proposals(context)).at(-1)?.id.toString();
  const proposal = await foundProposal(context, args.proposal ?? last);
  const { CorGovernor } = context.contracts;
  const act = async (method: string, values: unknown[]) => {
    const call: Call = { module: "CorGovernor", method, args: values };
    return (await perform(context, [call]))["transactions"] as unknown[];
  };
  if (context.dryRun) return { dryRun: true, calls: callsOf(context, proposal) };
  const before = (await provider.getBlock("latest"))!.timestamp;
  await passUntil(context, await CorGovernor.proposalSnapshot(proposal.id));
  const transactions = await act("castVote", [proposal.id, FOR]);
  await passUntil(context, await CorGovernor.proposalDeadline(proposal.id));
  transactions.push(...(await act("queue", argsOf(proposal))));
  await passUntil(context, await CorGovernor.proposalEta(proposal.id));
  transactions.push(...(await act("execute", argsOf(proposal))));
  return {
    proposal: proposal.id,
    state: stateWord(await CorGovernor.state(proposal.id)),
    calls: callsOf(context, proposal),
    secondsPassed: (await provider.getBlock("latest"))!.timestamp - before,
    transactions,
  };
});

/** Moves the chain's clock behind a moment. */
async function passUntil({ endpoint: { provider } }: Context, moment: bigint): Promise<void> {
  const { timestamp } = (await provider.getBlock("latest"))!;
  const seconds = Number(moment) + 1 - timestamp;
  if (seconds > 0) await provider.send("evm_increaseTime", [seconds]);
  await provider.send("evm_mine", []);
}
