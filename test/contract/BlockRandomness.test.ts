import { expect } from "chai";
import { ZeroHash } from "ethers";
import { useNetwork } from "./suite.ts";

describe("BlockRandomness", () => {
  const net = useNetwork({ nodes: 0, leased: false });
  const randomness = () => net().modules.BlockRandomness;

  it("D5 answers for mined blocks only", async () => {
    const block = await net().networkHelpers.time.latestBlock();
    for (const [asked, ready] of [
      [block - 1, true],
      [block, false],
      [block + 5, false],
    ] as const) {
      expect([await randomness().isReady(asked), await randomness().isFirstSeed(asked)], `${asked - block}`).to.deep.equal([ready, ready]);
      if (ready) await randomness().seedOf(asked, ZeroHash);
      else {
        await expect(randomness().seedOf(asked, ZeroHash))
          .to.be.revertedWithCustomError(randomness(), "RandomnessNotReady")
          .withArgs(block, asked + 1);
      }
    }
  });

  it("D5 the same answer for every caller and time within 256 blocks, then that of a block 256 later", async () => {
    const { networkHelpers, stranger } = net();
    const block = await networkHelpers.time.latestBlock();
    await networkHelpers.mine(1);
    const seed = await randomness().seedOf(block, ZeroHash);
    await networkHelpers.mineUpTo(block + 256);
    expect(await randomness().connect(stranger).seedOf(block, ZeroHash)).to.equal(seed);
    expect([await randomness().decidingBlock(block), await randomness().isFirstSeed(block)]).to.deep.equal([BigInt(block), true]);
    await networkHelpers.mine(1);
    expect([await randomness().decidingBlock(block), await randomness().isFirstSeed(block)]).to.deep.equal([BigInt(block + 256), false]);
    const later = await randomness().seedOf(block, ZeroHash);
    expect(later).not.to.equal(seed);
    await networkHelpers.mineUpTo(block + 512);
    expect(await randomness().seedOf(block, ZeroHash)).to.equal(later);
  });

  it("G3 answers thousands of blocks later, and differently for every salt", async () => {
    const { networkHelpers } = net();
    const block = await networkHelpers.time.latestBlock();
    await networkHelpers.mine(8_193);
    const seeds = new Set<string>();
    for (let i = 0; i < 20; i++) seeds.add(await randomness().seedOf(block, `0x${i.toString(16).padStart(64, "0")}`));
    expect(seeds.size).to.equal(20);
  });
});
