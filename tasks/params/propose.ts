import { interfaces } from "../../offchain/chain/abis.ts";
import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { changesOf } from "./governed.ts";

export default command(async (context, args: { set?: string; why?: string }) => {
  const text = required(args.set, "--set", "pairs like session.bounty=2000");
  const { changed, calls } = await changesOf(context, text);
  const targets = calls.map(({ module }) => context.deployment.addresses[module]);
  const data = calls.map(({ module, method, args: values }) => interfaces[module].encodeFunctionData(method, values));
  const why = args.why ?? `Set ${text}`;
  const propose = { module: "CorGovernor" as const, method: "propose", args: [targets, calls.map(() => 0n), data, why] };
  return await perform(context, [propose], (receipts) => ({
    proposal: receipts.event("CorGovernor", "ProposalCreated").getValue("proposalId") as bigint,
    changed,
    why,
  }));
});
