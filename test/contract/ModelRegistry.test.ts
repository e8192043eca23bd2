import { expect } from "chai";
import { parseEther } from "ethers";
import { EMBEDDING, MODEL } from "./network.ts";
import { nextAt, now, useNetwork } from "./suite.ts";

const OTHER = `0x${"ef".repeat(32)}`;

describe("ModelRegistry", () => {
  const net = useNetwork({ nodes: 0, leased: false });
  const registry = () => net().modules.ModelRegistry;
  const description = {
    price: 7n,
    contextTokens: 2_048,
    agreement: 256,
    registeredAt: 1,
    deprecatedAt: 1,
    embedding: EMBEDDING,
    quantisation: "Q4_K_M",
    name: "other",
  };

  it("keeps a model as governance described it, with the contract's own times", async () => {
    const second = (await now(net())) + 9;
    await nextAt(net(), second);
    await expect(registry().register(OTHER, description))
      .to.emit(registry(), "ModelRegistered")
      .withArgs(OTHER, "other", "Q4_K_M", 7, 256, EMBEDDING);
    expect([...(await registry().modelOf(OTHER))]).to.deep.equal([7n, 2_048n, 256n, BigInt(second), 0n, EMBEDDING, "Q4_K_M", "other"]);
    expect(await registry().isCurrent(OTHER)).to.equal(true);
    await expect(registry().register(OTHER, { ...description, price: 1n }))
      .to.be.revertedWithCustomError(registry(), "ModelRegistryAlreadyRegistered")
      .withArgs(OTHER);
  });

  it("bounds distance and texts", async () => {
    const refused = (change: Partial<typeof description>, field: string, found: number, most: number) =>
      expect(registry().register(OTHER, { ...description, ...change }))
        .to.be.revertedWithCustomError(registry(), "ModelRegistryFieldOutOfRange")
        .withArgs(field, found, most);
    await refused({ agreement: 257 }, "agreement", 257, 256);
    await refused({ name: "n".repeat(65) }, "name", 65, 64);
    await refused({ quantisation: "q".repeat(65) }, "quantisation", 65, 64);
    await registry().register(OTHER, { ...description, name: "n".repeat(64), quantisation: "q".repeat(64), agreement: 0 });
  });

  it("H4 is written by governance alone", async () => {
    const { stranger, client } = net();
    for (const signer of [stranger, client]) {
      const as = registry().connect(signer);
      for (const send of [() => as.register(OTHER, description), () => as.reprice(MODEL, 1), () => as.deprecate(MODEL)]) {
        await expect(send()).to.be.revertedWithCustomError(registry(), "AccessManagedUnauthorized").withArgs(signer.address);
      }
    }
  });

  it("changes prices for sessions to come", async () => {
    await expect(registry().reprice(MODEL, 5)).to.emit(registry(), "ModelPriceChanged").withArgs(MODEL, 5);
    expect((await registry().modelOf(MODEL)).price).to.equal(5n);
    await expect(registry().reprice(OTHER, 5)).to.be.revertedWithCustomError(registry(), "ModelRegistryUnknown").withArgs(OTHER);
  });

  it("deprecates once, and the model stays readable", async () => {
    const second = (await now(net())) + 9;
    await nextAt(net(), second);
    await expect(registry().deprecate(MODEL)).to.emit(registry(), "ModelDeprecated").withArgs(MODEL);
    expect([await registry().isCurrent(MODEL), (await registry().modelOf(MODEL)).deprecatedAt]).to.deep.equal([false, BigInt(second)]);
    expect((await registry().modelOf(MODEL)).price).to.equal(parseEther("1"));
    await expect(registry().deprecate(MODEL)).to.be.revertedWithCustomError(registry(), "ModelRegistryAlreadyDeprecated").withArgs(MODEL);
    await expect(registry().deprecate(OTHER)).to.be.revertedWithCustomError(registry(), "ModelRegistryUnknown").withArgs(OTHER);
    await expect(registry().register(MODEL, description))
      .to.be.revertedWithCustomError(registry(), "ModelRegistryAlreadyRegistered")
      .withArgs(MODEL);
  });

  it("lists its ids in pages, and knows no other", async () => {
    await registry().register(OTHER, description);
    expect([...(await registry().models(0, 10))]).to.deep.equal([MODEL, OTHER]);
    expect([...(await registry().models(1, 1))]).to.deep.equal([OTHER]);
    expect([...(await registry().models(2, 1))]).to.deep.equal([]);
    expect([...(await registry().models(1, 2n ** 256n - 1n))]).to.deep.equal([OTHER]);
    const unknown = `0x${"01".repeat(32)}`;
    await expect(registry().modelOf(unknown)).to.be.revertedWithCustomError(registry(), "ModelRegistryUnknown").withArgs(unknown);
    expect(await registry().isCurrent(unknown)).to.equal(false);
  });
});
