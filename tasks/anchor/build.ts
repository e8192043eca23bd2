import { writeFileSync } from "node:fs";
import { accountValue, checkpointOf, LEAF, type Leaf } from "../../offchain/protocol/checkpoint.ts";
import { command } from "../command.ts";
import { Refusal } from "../failure.ts";
import { logsOf } from "../logs.ts";

export default command(async (context, args: { out?: string }) => {
  const { contracts, endpoint, views, deployment } = context;
  const block = await endpoint.provider.getBlockNumber();
  const settled = await logsOf(context, { module: "SessionQueue", event: "TaskSettled", indexed: [] });
  const ids = settled.filter(({ blockNumber }) => blockNumber <= block).map(({ args: event }) => event.getValue("task") as bigint);
  const nodes = Array.from({ length: await views.nodeCount() }, (_, i) => i + 1);
  const at = { blockTag: block };
  const leaves: Leaf[] = [
    ...(await Promise.all(
      [...new Set(ids)].map(async (key) => ({ kind: LEAF.task, key, value: await contracts.SessionQueue.recordOf(key, at) })),
    )),
    ...(await Promise.all(
      nodes.map(async (node) => ({
        kind: LEAF.node,
        key: BigInt(node),
        value: accountValue(await contracts.SessionPayment.nodeAccountOf(node, at)),
      })),
    )),
  ];
  if (leaves.length === 0)
    throw new Refusal("CheckpointEmpty", "found no settled task and no node, wanted one at least; come back when there is something");
  const { root, contents, bytes } = checkpointOf(leaves);
  if (args.out !== undefined) writeFileSync(args.out, bytes);
  return {
    chainId: Number(deployment.chainId),
    queue: deployment.addresses.SessionQueue,
    block,
    tasks: leaves.filter(({ kind }) => kind === LEAF.task).length,
    nodes: nodes.length,
    root,
    contents,
    file: args.out ?? null,
  };
});
