import { expect } from "chai";
import { parseEther, ZeroAddress, ZeroHash, keccak256, toUtf8Bytes } from "ethers";
import type { OracleRandomness } from "../../types/ethers-contracts/contracts/randomness/OracleRandomness.ts";
import type { OracleCircle } from "../../types/ethers-contracts/test/contracts/harness/OracleCircle.ts";
import { deployHarness, useNetwork } from "./suite.ts";

const EPOCH = 10n;
const BOND = parseEther("100");
const secretOf = (name: string) => keccak256(toUtf8Bytes(name));

describe("OracleRandomness", () => {
  let randomness: OracleRandomness;
  let circle: OracleCircle;
  const net = useNetwork({ nodes: 0, leased: false }, async (fresh) => {
    circle = await deployHarness<OracleCircle>(fresh, "OracleCircle");
    const factory = await fresh.ethers.getContractFactory("OracleRandomness");
    const { COR, Treasury } = fresh.modules;
    randomness = await factory.deploy(COR.target, circle.target, Treasury.target, EPOCH, BOND);
    for (const oracle of [fresh.keeper, fresh.stranger]) {
      await circle.set(oracle.address, true);
      await COR.approve(randomness.target, 3n * BOND);
      await randomness.deposit(oracle.address, 3n * BOND);
    }
  });
  const block = async () => BigInt(await net().networkHelpers.time.latestBlock());
  /** The next transaction is in the first block of this round. */
  const begin = (round: bigint) => net().networkHelpers.mineUpTo(round * EPOCH - 1n);

  /** Both commit in the next round; gives its number. */
  async function committed(): Promise<bigint> {
    const { keeper, stranger } = net();
    const round = ((await block()) + 1n) / EPOCH + 1n;
    await begin(round);
    for (const oracle of [keeper, stranger])
      await randomness.connect(oracle).commit(await randomness.commitmentOf(round, oracle.address, secretOf(oracle.address)));
    return round;
  }

  it("D5 decides a request by secrets that nobody had opened when it was made, the same for everybody and for ever", async () => {
    const { keeper, stranger, networkHelpers } = net();
    const round = await committed();
    const request = round * EPOCH + 5n;
    expect(await randomness.isReady(request)).to.equal(false);
    await begin(round + 1n);
    await randomness.connect(stranger).open(round, secretOf(stranger.address));
    await randomness.connect(keeper).open(round, secretOf(keeper.address));
    await expect(randomness.seedOf(request, ZeroHash)).to.be.revertedWithCustomError(randomness, "RandomnessNotReady");
    await networkHelpers.mineUpTo((round + 2n) * EPOCH);
    expect([await randomness.isReady(request), await randomness.isFirstSeed(request)]).to.deep.equal([true, true]);
    const seed = await randomness.seedOf(request, ZeroHash);
    expect(await randomness.seedOf(round * EPOCH, ZeroHash), "one round, one seed").to.equal(seed);
    expect(await randomness.seedOf(request, `0x${"01".repeat(32)}`)).not.to.equal(seed);
    await networkHelpers.mine(10_000);
    expect(await randomness.connect(keeper).seedOf(request, ZeroHash)).to.equal(seed);
    expect((await randomness.roundOf(round)).reveals).to.equal(2n);
  });

  it("D5 does not depend on the order of openings, and on every secret", async () => {
    const { keeper, stranger, networkHelpers } = net();
    const round = await committed();
    await begin(round + 1n);
    const before = await networkHelpers.takeSnapshot();
    const mixes = new Set<string>();
    for (const order of [[keeper, stranger], [stranger, keeper], [keeper], [stranger]]) {
      for (const oracle of order) await randomness.connect(oracle).open(round, secretOf(oracle.address));
      mixes.add((await randomness.roundOf(round)).mix);
      await before.restore();
    }
    expect(mixes.size).to.equal(3);
  });

  it("C1 C2 C4 takes one commitment of each oracle a round, opened by its author with its secret in the next round alone", async () => {
    const { keeper, client, stranger } = net();
    const refused = (call: Promise<unknown>, error: string) => expect(call).to.be.revertedWithCustomError(randomness, error);
    await refused(randomness.connect(client).commit(secretOf("x")), "OracleRandomnessNotOracle");
    await refused(randomness.connect(keeper).commit(ZeroHash), "OracleRandomnessEmptyCommitment");
    const round = await committed();
    await refused(randomness.connect(keeper).commit(secretOf("again")), "OracleRandomnessAlreadyCommitted");
    await refused(randomness.connect(keeper).open(round, secretOf(keeper.address)), "OracleRandomnessWrongEpoch");
    await begin(round + 1n);
    await refused(randomness.connect(keeper).open(round, secretOf("other")), "OracleRandomnessWrongSecret");
    await refused(randomness.connect(client).open(round, secretOf("x")), "OracleRandomnessNothingToOpen");
    // Whoever copied a commitment cannot open it: it names its author.
    await refused(randomness.connect(stranger).open(round, secretOf(keeper.address)), "OracleRandomnessWrongSecret");
    await randomness.connect(keeper).open(round, secretOf(keeper.address));
    await refused(randomness.connect(keeper).open(round, secretOf(keeper.address)), "OracleRandomnessNothingToOpen");
    await refused(randomness.report(round, stranger.address), "OracleRandomnessWrongEpoch");
    await begin(round + 2n);
    await refused(randomness.connect(stranger).open(round, secretOf(stranger.address)), "OracleRandomnessWrongEpoch");
    await refused(randomness.report(round, keeper.address), "OracleRandomnessNothingToOpen");
  });

  it("E7 G3 withholding costs the whole bond, once, and the seed comes from the others", async () => {
    const { keeper, stranger, client, modules } = net();
    const round = await committed();
    await begin(round + 1n);
    await randomness.connect(keeper).open(round, secretOf(keeper.address));
    await begin(round + 2n);
    await net().networkHelpers.mine(1);
    await randomness.seedOf(round * EPOCH, ZeroHash);
    await expect(randomness.connect(client).report(round, stranger.address))
      .to.emit(randomness, "SecretWithheld")
      .withArgs(round, stranger.address, client.address, BOND / 10n);
    await expect(randomness.connect(client).report(round, stranger.address)).to.be.revertedWithCustomError(
      randomness,
      "OracleRandomnessNothingToOpen",
    );
    expect([...(await randomness.bondOf(stranger.address))]).to.deep.equal([2n * BOND, 0n]);
    expect([...(await randomness.bondOf(keeper.address))]).to.deep.equal([3n * BOND, 0n]);
    await randomness.sweep();
    expect(await modules.COR.balanceOf(modules.Treasury.target)).to.equal((BOND * 9n) / 10n);
    await randomness.connect(client).withdraw(client.address, BOND / 10n);
    for (const [oracle, amount] of [
      [stranger, 2n * BOND],
      [keeper, 3n * BOND],
    ] as const)
      await randomness.connect(oracle).withdraw(oracle.address, amount);
    expect([await randomness.held(), await modules.COR.balanceOf(randomness.target)]).to.deep.equal([0n, 0n]);
    await expect(randomness.sweep()).to.be.revertedWithCustomError(randomness, "OracleRandomnessNothing");
  });

  it("G1 G3 where everybody withholds, the next round decides, and after eight without one the request still ends", async () => {
    const { keeper } = net();
    const empty = await committed();
    const request = empty * EPOCH + 3n;
    await begin(empty + 2n);
    await net().networkHelpers.mine(1);
    expect(await randomness.isReady(request), "nobody opened: not yet").to.equal(false);
    const later = empty + 2n;
    await randomness.connect(keeper).commit(await randomness.commitmentOf(later, keeper.address, secretOf("later")));
    await begin(later + 1n);
    await randomness.connect(keeper).open(later, secretOf("later"));
    await begin(later + 2n);
    await net().networkHelpers.mine(1);
    const seed = await randomness.seedOf(request, ZeroHash);
    const alone = later * EPOCH + 1n;
    expect(await randomness.isReady(alone)).to.equal(true);
    expect(seed, "each request has its own").not.to.equal(await randomness.seedOf(alone, ZeroHash));
    const silent = later + 3n;
    await begin(silent + 9n);
    await net().networkHelpers.mine(1);
    expect(await randomness.isReady(silent * EPOCH)).to.equal(false);
    await begin(silent + 10n);
    await net().networkHelpers.mine(1);
    const last = await randomness.seedOf(silent * EPOCH, ZeroHash);
    await net().networkHelpers.mine(1_000);
    expect(await randomness.seedOf(silent * EPOCH, ZeroHash)).to.equal(last);
  });

  it("E6 an oracle that is dismissed opens what it committed, and takes its bonds; nothing that is locked leaves", async () => {
    const { keeper } = net();
    const round = await committed();
    await expect(randomness.connect(keeper).withdraw(keeper.address, 3n * BOND))
      .to.be.revertedWithCustomError(randomness, "OracleRandomnessBondTooLow")
      .withArgs(2n * BOND, 3n * BOND);
    await circle.set(keeper.address, false);
    await begin(round + 1n);
    await randomness.connect(keeper).open(round, secretOf(keeper.address));
    await randomness.connect(keeper).withdraw(keeper.address, 3n * BOND);
    await expect(randomness.connect(keeper).withdraw(ZeroAddress, 0)).to.be.revertedWithCustomError(randomness, "OracleRandomnessZero");
  });

  it("refuses an epoch, a bond or a treasury of zero", async () => {
    const factory = await net().ethers.getContractFactory("OracleRandomness");
    const { keeper } = net();
    for (const [treasury, epoch, bond] of [
      [ZeroAddress, 1, 1],
      [keeper.address, 0, 1],
      [keeper.address, 1, 0],
    ] as const)
      await expect(factory.deploy(ZeroAddress, ZeroAddress, treasury, epoch, bond)).to.be.revertedWithCustomError(
        randomness,
        "OracleRandomnessZero",
      );
  });
});
