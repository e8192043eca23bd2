import { checkpointOf, leavesIn } from "../../offchain/protocol/checkpoint.ts";
import { approval } from "../allowance.ts";
import { amount } from "../amounts.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { Refusal } from "../failure.ts";
import { perform } from "../transaction.ts";
import { anchorMeant } from "./anchor.ts";
import { contentsIn } from "./contents.ts";

export default command(async (context, args: { anchor?: string; contents?: string; block?: string }) => {
  const { target, contract } = await anchorMeant(context, args.anchor);
  const block = wholeNumber(args.block, "--block", 1, 2 ** 48 - 1);
  const { root, contents } = checkpointIn(contentsIn(args.contents));
  const bond = (await contract.getFunction("bond").staticCall()) as bigint;
  const { calls, assuming } = await approval(context, await context.sender(), target, bond);
  const propose = { module: target, method: "propose", args: [root, contents, block], assuming };
  return await perform(context, [...calls, propose], (receipts) => ({
    checkpoint: Number(receipts.event(target, "CheckpointProposed").getValue("checkpoint")),
    block,
    root,
    contents,
    bond: amount(bond),
  }));
});

function checkpointIn(bytes: Uint8Array) {
  try {
    return checkpointOf(leavesIn(bytes));
  } catch (error) {
    throw new Refusal("ContentsInvalid", `${(error as Error).message}; give the file that anchor build wrote`);
  }
}
