import { amount } from "../amounts.ts";
import { bytes32, required } from "../arguments.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { image?: string; to?: string }) => {
  const image = bytes32(required(args.image, "--image", "an image's sha256"), "--image");
  const to = args.to === undefined ? await (await context.sender()).getAddress() : await addressOf(context, args.to, "--to");
  return await perform(context, [{ module: "ImageRegistry", method: "withdrawBond", args: [image, to] }], (receipts) => ({
    image,
    to,
    withdrawn: amount(receipts.event("ImageRegistry", "BondReturned").getValue("amount") as bigint),
  }));
});
