import type { NodeView } from "../../offchain/chain/views.ts";
import { amount, instant } from "../amounts.ts";
import { address, exactlyOne, nodeNumber } from "../arguments.ts";
import { command, type Context } from "../command.ts";
import { Refusal } from "../failure.ts";
import { logsOf } from "../logs.ts";

export default command(async (context, args: { node?: string; operator?: string }) => {
  const node = await nodeMeant(context, args);
  const { views, contracts } = context;
  const [found, eligible, owed, reputation, endpoints] = await Promise.all([
    views.node(node),
    contracts.NodePool.isEligible(node),
    views.owedToNode(node),
    contracts.Reputation.recordOf(node),
    logsOf(context, { module: "NodePool", event: "EndpointChanged", indexed: [node] }),
  ]);
  return {
    node,
    owner: found.owner,
    operator: found.operator,
    endpoint: endpoints.at(-1)?.args.getValue("endpoint") ?? "",
    model: found.model,
    modelName: (await views.model(found.model))?.name ?? null,
    eligible,
    notEligibleBecause: eligible ? [] : hindrances(found),
    lease: found.lease === 0 ? null : found.lease,
    stake: amount(found.stake),
    minStake: amount(found.minStake),
    exitAt: instant(found.exitAt),
    owed: amount(owed),
    reputation: {
      score: Number(reputation.score),
      tasks: Number(reputation.tasks),
      commits: Number(reputation.commits),
      reveals: Number(reputation.reveals),
      accepted: Number(reputation.accepted),
      outliers: Number(reputation.outliers),
      updatedAt: instant(Number(reputation.updatedAt)),
    },
  };
});

async function nodeMeant({ views }: Context, args: { node?: string; operator?: string }): Promise<number> {
  exactlyOne({ "--node": args.node, "--operator": args.operator });
  if (args.operator === undefined) return nodeNumber(args.node);
  const operator = address(args.operator, "--operator");
  const node = await views.nodeOfOperator(operator);
  if (node === 0) throw new Refusal("NodeUnknown", `found no node that ${operator} operates, wanted one; see node list`);
  return node;
}

/** What keeps a node out of draws. */
function hindrances({ operator, admitted, available, exitAt, lease, stake, minStake }: NodeView): string[] {
  return [
    ...(BigInt(operator) === 0n ? ["its operator has not accepted"] : []),
    ...(admitted ? [] : ["it is not admitted"]),
    ...(available ? [] : ["it is switched off"]),
    ...(exitAt === 0 ? [] : ["it is leaving"]),
    ...(lease === 0 ? [] : ["it is leased"]),
    ...(stake >= minStake ? [] : ["its stake is below the minimum"]),
  ];
}
