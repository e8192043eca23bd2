import { interfaces } from "../../offchain/chain/abis.ts";
import { readUpgrade, switchCalls } from "../../scripts/deployment/upgrade.ts";
import { command } from "../command.ts";
import { parametersOf } from "../net/parameters.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { why?: string }) => {
  const { module, names, record } = readUpgrade(context.deploymentFile);
  const { parameters } = parametersOf(context.endpoint.chainId);
  const calls = switchCalls(record.addresses, names, parameters);
  const targets = calls.map((call) => record.addresses[call.module]);
  const data = calls.map((call) => interfaces[call.module].encodeFunctionData(call.method, call.args));
  const why = args.why ?? `Switch ${module} to ${record.addresses[names.find((name) => name === module)!]}`;
  const propose = { module: "CorGovernor" as const, method: "propose", args: [targets, calls.map(() => 0n), data, why] };
  return await perform(context, [propose], (receipts) => ({
    proposal: receipts.event("CorGovernor", "ProposalCreated").getValue("proposalId") as bigint,
    calls: calls.map(({ id }) => id),
    modules: names,
    why,
  }));
});
