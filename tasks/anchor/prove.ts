import { LEAF } from "../../offchain/protocol/checkpoint.ts";
import { proveOnAnchor } from "../../offchain/sdk/anchorProof.ts";
import { exactlyOne, nodeNumber, taskId, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { anchorMeant, checkpointAt } from "./anchor.ts";
import { contentsIn } from "./contents.ts";

interface Args {
  anchor?: string;
  checkpoint?: string;
  contents?: string;
  task?: string;
  node?: string;
}

export default command(async (context, args: Args) => {
  const { target, contract } = await anchorMeant(context, args.anchor);
  const checkpoint = wholeNumber(args.checkpoint, "--checkpoint", 1);
  exactlyOne({ "--task": args.task, "--node": args.node });
  const fact =
    args.task === undefined ? { kind: LEAF.node, key: BigInt(nodeNumber(args.node)) } : { kind: LEAF.task, key: taskId(args.task) };
  await checkpointAt(contract, checkpoint);
  const where = { provider: context.endpoint.provider, anchor: target.address, checkpoint, contents: contentsIn(args.contents) };
  const { key, value, blockNumber } = await proveOnAnchor(where, fact);
  return { checkpoint, kind: args.task === undefined ? "node" : "task", key, value, block: blockNumber, proven: true };
});
