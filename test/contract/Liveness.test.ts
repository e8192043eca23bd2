import { expect } from "chai";
import { Signature, type SigningKey, Wallet } from "ethers";
import { ping, signedPing } from "./pings.ts";
import { addCrowd, eventsIn, receiptOf, signerAt, useNetwork } from "./suite.ts";

describe("Liveness", () => {
  const net = useNetwork({ nodes: 5, leased: false });
  const liveness = () => net().modules.Liveness;
  const window = () => liveness().currentWindow();
  /** The chain's clock moves by itself, and no test takes a whole window. */
  const begin = async () => await net().networkHelpers.time.increaseTo(((await window()) + 1n) * (await liveness().WINDOW()));
  beforeEach(begin);

  it("N11 one transaction carries the pings of many nodes; a node lives for the window and the next", async () => {
    const receipt = await receiptOf(ping(net(), [1, 2, 5]));
    const [pinged] = eventsIn(receipt, liveness(), "Pinged");
    expect([pinged!["word"], pinged!["bits"]]).to.deep.equal([0n, 0b100110n]);
    const at = await window();
    for (const [node, alive] of [
      [1, true],
      [3, false],
      [5, true],
    ] as const) {
      expect(await liveness().isAlive(node)).to.equal(alive);
      expect(await liveness().pinged(at, node)).to.equal(alive);
    }
    const length = await liveness().WINDOW();
    await net().networkHelpers.time.increaseTo((at + 1n) * length);
    expect(await liveness().isAlive(1)).to.equal(true);
    await net().networkHelpers.time.increaseTo((at + 2n) * length);
    expect(await liveness().isAlive(1)).to.equal(false);
    expect(await liveness().pingsOf(1, at - 1n, 4)).to.equal(1n);
  });

  it("H5 a ping counts once, of the node that signed it, in its window, on this contract", async () => {
    const at = await window();
    const good = signedPing(net(), 1, at);
    const ofOther = { ...signedPing(net(), 2, at), node: 3 };
    const stranger = signedPing(net(), 4, at, new Wallet(`0x${"11".repeat(32)}`).signingKey);
    const late = signedPing(net(), 5, at - 1n);
    expect(await liveness().ping.staticCall(at, [good, good, ofOther, stranger, late, { ...good, node: 99 }])).to.equal(1n);
    await liveness().ping(at, [good, ofOther, stranger, late]);
    expect(await liveness().ping.staticCall(at, [good])).to.equal(0n);
    await expect(liveness().ping(at - 1n, []))
      .to.be.revertedWithCustomError(liveness(), "LivenessWrongWindow")
      .withArgs(at - 1n, at);
    await expect(liveness().ping(at + 1n, [])).to.be.revertedWithCustomError(liveness(), "LivenessWrongWindow");
    expect(await liveness().pingDigest(1, at)).to.not.equal(await liveness().pingDigest(1, at + 1n));
  });

  it("H5 a ping is one bit of its node and window, whatever was pinged before, and each word of 256 nodes is told apart", async () => {
    const at = await window();
    // Nodes of other words do not exist; whoever is nobody's operator is no signer.
    const nobody = { ...signedPing(net(), 1, at), node: 256 };
    expect(await liveness().ping.staticCall(at, [signedPing(net(), 3, at), nobody, signedPing(net(), 4, at)])).to.equal(2n);
    const told = async (nodes: number[]) => {
      const current = await window();
      const receipt = await receiptOf(
        liveness().ping(
          current,
          nodes.map((node) => signedPing(net(), node, current)),
        ),
      );
      return eventsIn(receipt, liveness(), "Pinged").map((args) => [...args]);
    };
    expect(await told([3])).to.deep.equal([[at, 0n, 0b1000n]]);
    expect(await told([3, 4, 1]), "those that are new").to.deep.equal([[at, 0n, 0b10010n]]);
    expect(await told([3, 1]), "none is").to.deep.equal([]);
    expect(await told([])).to.deep.equal([]);
    const empty = { node: 1, r: `0x${"00".repeat(32)}`, vs: `0x${"00".repeat(32)}` };
    // A signature that recovers nobody is nobody's, also of a node without an operator.
    expect(await liveness().ping.staticCall(at, [empty, { ...empty, node: 77 }])).to.equal(0n);
    for (const node of [1, 3, 4]) expect(await liveness().pinged(at, node)).to.equal(true);
    for (const node of [2, 5, 257, 259]) expect(await liveness().pinged(at, node)).to.equal(false);
    expect(await liveness().pinged(at - 1n, 3)).to.equal(false);
    expect(await liveness().pinged(at + 1n, 3)).to.equal(false);
    expect(await liveness().pingsOf(3, at, 1)).to.equal(1n);
    expect(await liveness().pingsOf(3, at, 0)).to.equal(0n);
    expect(await liveness().pingsOf(3, at - 3n, 3)).to.equal(0n);
    expect(await liveness().pingsOf(3, at + 1n, 3)).to.equal(0n);
  });

  it("N11 nodes of several words in one transaction", async () => {
    await addCrowd(net(), 520);
    const wallets = await operatorsOf([255, 256, 300, 511, 512]);
    await begin();
    const at = await window();
    const pings = wallets.map(([node, key]) => signedPing(net(), node, at, key));
    expect(await liveness().ping.staticCall(at, pings)).to.equal(5n);
    const receipt = await receiptOf(liveness().ping(at, pings));
    expect(eventsIn(receipt, liveness(), "Pinged").map((args) => [...args])).to.deep.equal([
      [at, 0n, 1n << 255n],
      [at, 1n, 1n | (1n << 44n) | (1n << 255n)],
      [at, 2n, 1n],
    ]);
    for (const [node] of wallets) expect(await liveness().isAlive(node)).to.equal(true);
    expect(await liveness().isAlive(44)).to.equal(false);
  });

  /** New operators' keys for nodes of a crowd, whose own are contracts. */
  async function operatorsOf(nodes: number[]): Promise<[number, SigningKey][]> {
    const { NodePool } = net().modules;
    const keys: [number, SigningKey][] = [];
    for (const node of nodes) {
      const wallet = Wallet.createRandom(net().ethers.provider);
      await net().networkHelpers.setBalance(wallet.address, 10n ** 18n);
      await NodePool.connect(await signerAt(net(), await NodePool.ownerOf(node))).proposeOperator(node, wallet.address);
      await NodePool.connect(wallet).acceptOperator(node);
      keys.push([node, wallet.signingKey]);
    }
    return keys;
  }

  it("N11 a chain of the first window has none before it, and a window is at least ten seconds", async () => {
    const { modules, ethers } = net();
    const factory = await ethers.getContractFactory("Liveness");
    await expect(factory.deploy(modules.NodePool.target, 9))
      .to.be.revertedWithCustomError(liveness(), "LivenessWindowTooShort")
      .withArgs(9, 10);
    const shortest = await factory.deploy(modules.NodePool.target, 10);
    expect(await shortest.WINDOW()).to.equal(10n);
    expect(await shortest.POOL()).to.equal(modules.NodePool.target);
    const ages = await factory.deploy(modules.NodePool.target, 2n ** 40n - 1n);
    expect(await ages.currentWindow()).to.equal(0n);
    expect(await ages.isAlive(1)).to.equal(false);
    const key = net().operators.get(1)!.signingKey;
    const sign = async (node: number) => {
      const { r, yParityAndS: vs } = Signature.from(key.sign(await ages.pingDigest(node, 0)));
      return { node, r, vs };
    };
    await ages.ping(0, [await sign(1)]);
    expect(await ages.isAlive(1)).to.equal(true);
  });
});
