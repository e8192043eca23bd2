import { ZeroHash } from "ethers";
import { bytes32, nodeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { node?: string; image?: string }) => {
  const node = nodeNumber(args.node);
  const image = args.image === undefined ? ZeroHash : bytes32(args.image, "--image");
  return await perform(context, [{ module: "ImageRegistry", method: "declare", args: [node, image] }], () => ({
    node,
    image: image === ZeroHash ? null : image,
  }));
});
