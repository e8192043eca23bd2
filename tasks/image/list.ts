import { amount, instant } from "../amounts.ts";
import { command } from "../command.ts";

const MOST = 1_000;

export default command(async ({ contracts: { ImageRegistry } }) => ({
  images: await Promise.all(
    (await ImageRegistry.images(0, MOST)).map(async (image) => {
      const { publisher, kind, nodes, bond, retiredAt, source } = await ImageRegistry.imageOf(image);
      return {
        image,
        kind: kind === 0n ? "binary" : "system",
        nodes: Number(nodes),
        bond: amount(bond),
        retiredAt: instant(Number(retiredAt)),
        publisher,
        source,
      };
    }),
  ),
}));
