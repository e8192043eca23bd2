import { amount, instant } from "../amounts.ts";
import { command } from "../command.ts";
import { callsOf, foundProposal, stateWord } from "./proposal.ts";

export default command(async (context, args: { proposal?: string }) => {
  const { CorGovernor, COR } = context.contracts;
  if (args.proposal === undefined) {
    const time = (await context.endpoint.provider.getBlock("latest"))!.timestamp;
    return {
      governor: context.deployment.addresses.CorGovernor,
      timelock: context.deployment.addresses.TimelockController,
      votingDelaySeconds: Number(await CorGovernor.votingDelay()),
      votingPeriodSeconds: Number(await CorGovernor.votingPeriod()),
      lateQuorumSeconds: Number(await CorGovernor.lateQuorumVoteExtension()),
      timelockSeconds: Number(await context.contracts.TimelockController.getMinDelay()),
      proposalThreshold: amount(await CorGovernor.proposalThreshold()),
      quorum: amount(await CorGovernor.quorum(time - 1)),
      supply: amount(await COR.totalSupply()),
    };
  }
  const proposal = await foundProposal(context, args.proposal);
  const [against, inFavour, abstain] = await CorGovernor.proposalVotes(proposal.id);
  const snapshot = await CorGovernor.proposalSnapshot(proposal.id);
  const eta = await CorGovernor.proposalEta(proposal.id);
  const started = BigInt((await context.endpoint.provider.getBlock("latest"))!.timestamp) > snapshot;
  return {
    proposal: proposal.id,
    state: stateWord(await CorGovernor.state(proposal.id)),
    why: proposal.description,
    proposer: proposal.proposer,
    calls: callsOf(context, proposal),
    votes: { for: amount(inFavour), against: amount(against), abstain: amount(abstain) },
    quorum: started ? amount(await CorGovernor.quorum(snapshot)) : null,
    votingFrom: instant(Number(snapshot)),
    votingUntil: instant(Number(await CorGovernor.proposalDeadline(proposal.id))),
    executableFrom: instant(Number(eta)),
  };
});
