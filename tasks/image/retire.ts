import { instant } from "../amounts.ts";
import { bytes32, required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { image?: string }) => {
  const image = bytes32(required(args.image, "--image", "an image's sha256"), "--image");
  return await perform(context, [{ module: "ImageRegistry", method: "retire", args: [image] }], (receipts) => ({
    image,
    bondAt: instant(Number(receipts.event("ImageRegistry", "ImageRetired").getValue("bondAt"))),
  }));
});
