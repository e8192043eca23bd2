import { expect } from "chai";
import { Wallet } from "ethers";
import { ping, signedPing } from "./pings.ts";
import { eventsIn, receiptOf, useNetwork } from "./suite.ts";

describe("Liveness", () => {
  const net = useNetwork({ nodes: 5, leased: false });
  const liveness = () => net().modules.Liveness;
  const window = () => liveness().currentWindow();

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
});
