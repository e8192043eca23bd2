import { approval } from "../allowance.ts";
import { amount } from "../amounts.ts";
import { bytes32, exactlyOne, oneOf } from "../arguments.ts";
import { command } from "../command.ts";
import { fileDigest } from "../fileDigest.ts";
import { type Call, perform } from "../transaction.ts";

const KINDS = ["binary", "system"] as const;

export default command(async (context, args: { file?: string; image?: string; kind: string; source?: string }) => {
  exactlyOne({ "--file": args.file, "--image": args.image });
  const image = args.file === undefined ? bytes32(args.image!, "--image") : await fileDigest(args.file, "the image's file");
  const kind = oneOf(args.kind, "--kind", KINDS);
  const { bond } = await context.contracts.ImageRegistry.terms();
  const { calls, assuming } = await approval(context, await context.sender(), "ImageRegistry", bond);
  const publish: Call = { module: "ImageRegistry", method: "publish", args: [image, KINDS.indexOf(kind), args.source ?? ""], assuming };
  return await perform(context, [...calls, publish], () => ({ image, kind, bond: amount(bond) }));
});
