import { expect } from "chai";
import { parseEther, ZeroAddress, ZeroHash } from "ethers";
import { nextAt, now, useNetwork } from "./suite.ts";

const DAY = 86_400;
const IMAGE = `0x${"a1".repeat(32)}`;
const OTHER = `0x${"a2".repeat(32)}`;

describe("ImageRegistry", () => {
  const net = useNetwork({ nodes: 3 }, async ({ modules, client, keeper }) => {
    for (const account of [client, keeper]) {
      await modules.COR.transfer(account.address, parseEther("5000"));
      await modules.COR.connect(account).approve(modules.ImageRegistry.target, parseEther("5000"));
    }
  });
  const registry = () => net().modules.ImageRegistry;
  const bond = () => net().parameters.images.bond;
  const refused = (call: Promise<unknown>, error: string) => expect(call).to.be.revertedWithCustomError(registry(), error);

  it("N10 takes anybody's image under a bond, once, and keeps who published what and when", async () => {
    const { modules, client, keeper } = net();
    const second = (await now(net())) + 5;
    await nextAt(net(), second);
    await expect(registry().connect(client).publish(IMAGE, 1, "https://images.example/1"))
      .to.emit(registry(), "ImagePublished")
      .withArgs(IMAGE, client.address, 1, bond(), "https://images.example/1");
    const { publisher, kind, publishedAt, retiredAt, nodes } = await registry().imageOf(IMAGE);
    expect([publisher, kind, publishedAt, retiredAt, nodes]).to.deep.equal([client.address, 1n, BigInt(second), 0n, 0n]);
    expect([await registry().held(), await modules.COR.balanceOf(registry().target)]).to.deep.equal([bond(), bond()]);
    await refused(registry().connect(keeper).publish(IMAGE, 0, ""), "ImageRegistryAlreadyPublished");
    await refused(registry().connect(keeper).publish(ZeroHash, 0, ""), "ImageRegistryUnknown");
    await refused(registry().connect(keeper).publish(OTHER, 0, "x".repeat(257)), "ImageRegistryOutOfRange");
    await registry().connect(keeper).publish(OTHER, 0, "x".repeat(256));
    expect([...(await registry().images(0, 9))]).to.deep.equal([IMAGE, OTHER]);
    expect([...(await registry().images(1, 1))]).to.deep.equal([OTHER]);
    expect([...(await registry().images(2, 1))]).to.deep.equal([]);
  });

  it("N10 nodes declare what they run, by owner or operator, change their mind, and are counted", async () => {
    const { client, stranger, operators, deployer, modules } = net();
    await registry().connect(client).publish(IMAGE, 0, "");
    await registry().connect(client).publish(OTHER, 0, "");
    const count = async (image: string) => (await registry().imageOf(image)).nodes;
    for (const node of [1, 2]) await registry().connect(operators.get(node)).declare(node, IMAGE);
    expect([await count(IMAGE), await registry().declaredBy(1)]).to.deep.equal([2n, IMAGE]);
    await expect(registry().connect(operators.get(1)).declare(1, OTHER))
      .to.emit(registry(), "ImageDeclared")
      .withArgs(1, OTHER);
    await registry().connect(operators.get(1)).declare(1, OTHER);
    await registry().connect(operators.get(2)).declare(2, ZeroHash);
    expect([await count(IMAGE), await count(OTHER), await registry().declaredBy(2)]).to.deep.equal([0n, 1n, ZeroHash]);
    for (const [who, node] of [
      [stranger, 1],
      [operators.get(2)!, 1],
      [stranger, 0],
      [deployer, 1],
      [stranger, 99],
    ] as const)
      await refused(registry().connect(who).declare(node, IMAGE), "ImageRegistryUnauthorized");
    await refused(
      registry()
        .connect(operators.get(1))
        .declare(1, `0x${"ff".repeat(32)}`),
      "ImageRegistryUnknown",
    );
    // An operator of its own, other than the owner.
    await modules.NodePool.connect(operators.get(3)).proposeOperator(3, stranger.address);
    await modules.NodePool.connect(stranger).acceptOperator(3);
    await registry().connect(stranger).declare(3, IMAGE);
  });

  it("H3 the bond is the publisher's again a time after retirement, on the terms it was published on, whatever governance does", async () => {
    const { modules, client, keeper, operators } = net();
    const { delay } = net().parameters.images;
    await registry().connect(client).publish(IMAGE, 0, "");
    await registry().connect(operators.get(1)).declare(1, IMAGE);
    await registry().setTerms(7, 90 * DAY);
    await refused(registry().setTerms(7, 90 * DAY + 1), "ImageRegistryOutOfRange");
    expect([...(await registry().terms())]).to.deep.equal([7n, BigInt(90 * DAY)]);
    await refused(registry().connect(client).withdrawBond(IMAGE, client.address), "ImageRegistryNoBond");
    await refused(registry().connect(keeper).retire(IMAGE), "ImageRegistryUnauthorized");
    const second = (await now(net())) + 5;
    await nextAt(net(), second);
    await expect(registry().connect(client).retire(IMAGE))
      .to.emit(registry(), "ImageRetired")
      .withArgs(IMAGE, second + delay);
    await refused(registry().connect(client).retire(IMAGE), "ImageRegistryRetired");
    await refused(registry().connect(operators.get(2)).declare(2, IMAGE), "ImageRegistryRetired");
    expect(await registry().declaredBy(1)).to.equal(IMAGE);
    await nextAt(net(), second + delay - 1);
    await refused(registry().connect(client).withdrawBond(IMAGE, client.address), "ImageRegistryTooEarly");
    await nextAt(net(), second + delay);
    await refused(registry().connect(client).withdrawBond(IMAGE, ZeroAddress), "ImageRegistryZeroAddress");
    await refused(registry().connect(keeper).withdrawBond(IMAGE, keeper.address), "ImageRegistryUnauthorized");
    await registry().connect(client).withdrawBond(IMAGE, client.address);
    await refused(registry().connect(client).withdrawBond(IMAGE, client.address), "ImageRegistryNoBond");
    expect([await registry().held(), await modules.COR.balanceOf(client.address)]).to.deep.equal([0n, parseEther("905000")]);
  });
});
