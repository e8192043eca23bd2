import { expect } from "chai";
import { parseEther, Signature, ZeroAddress } from "ethers";
import { accrued, earned } from "../../offchain/protocol/emission.ts";
import type { HostileToken } from "../../types/ethers-contracts/test/contracts/HostileToken.ts";
import { eventsIn, moveTo, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const DAY = 86_400;
const AMOUNT = parseEther("1000");

describe("Staking", () => {
  const net = useNetwork({ nodes: 0, leased: false }, async ({ modules, client, stranger }) => {
    for (const account of [client, stranger]) {
      await modules.COR.transfer(account.address, parseEther("10000"));
      await modules.COR.connect(account).approve(modules.Staking.target, parseEther("10000"));
    }
  });
  const staking = () => net().modules.Staking;
  const balance = (account: { address: string }) => net().modules.COR.balanceOf(account.address);

  it("M6 locks principal in the staker's own vault, and gives it back after the lock to the second, to its owner's choice alone", async () => {
    const { modules, client, stranger, router } = net();
    await expect(staking().connect(client).stake(0, 0)).to.be.revertedWithCustomError(staking(), "StakingNothing");
    const second = (await now(net())) + 5;
    await nextAt(net(), second);
    await expect(staking().connect(client).stake(0, AMOUNT))
      .to.emit(staking(), "Staked")
      .withArgs(1, client.address, 0, AMOUNT, second + 28 * DAY);
    const vault = await staking().vaultOf(client.address);
    expect([await modules.COR.balanceOf(vault), await staking().totalStaked()]).to.deep.equal([AMOUNT, AMOUNT]);
    const refused = (as: typeof client, error: string) =>
      expect(staking().connect(as).unstake(1, as.address)).to.be.revertedWithCustomError(staking(), error);
    await nextAt(net(), second + 28 * DAY - 1);
    await refused(client, "StakingLocked");
    await refused(stranger, "StakingUnauthorized");
    await nextAt(net(), second + 28 * DAY);
    await expect(staking().connect(client).unstake(1, ZeroAddress)).to.be.revertedWithCustomError(staking(), "StakingZeroAddress");
    await staking().connect(client).unstake(1, router.address);
    expect([await balance(router), await staking().totalStaked(), await modules.COR.balanceOf(vault)]).to.deep.equal([AMOUNT, 0n, 0n]);
    await refused(client, "StakingNothing");
    await expect(staking().connect(client).relock(1, 0)).to.be.revertedWithCustomError(staking(), "StakingNothing");
  });

  it("F1 pays by share and time: a late joiner earns nothing for the past, and another's coming and going moves nobody's earnings", async () => {
    const { client, stranger } = net();
    const from = (await now(net())) + 5;
    await nextAt(net(), from);
    await staking().connect(client).stake(0, AMOUNT);
    await nextAt(net(), from + 10 * DAY);
    await staking()
      .connect(stranger)
      .stake(1, 3n * AMOUNT);
    expect(await staking().earnedBy(2)).to.equal(0n);
    await moveTo(net(), from + 20 * DAY);
    const [first, second] = [await staking().earnedBy(1), await staking().earnedBy(2)];
    expect(first).to.equal(earned(AMOUNT, BigInt(20 * DAY)));
    expect(second).to.equal(earned(3n * AMOUNT, BigInt(10 * DAY)));
    const before = await balance(client);
    await nextAt(net(), from + 28 * DAY);
    await staking().connect(client).unstake(1, client.address);
    await moveTo(net(), from + 60 * DAY);
    const third = await staking().earnedBy(2);
    await staking().connect(client).claim([], client.address);
    expect((await balance(client)) - before - AMOUNT, "nothing after it left").to.equal(earned(AMOUNT, BigInt(28 * DAY)));
    expect(third).to.equal(earned(3n * AMOUNT, BigInt(50 * DAY)));
  });

  it("F6 a second claim finds nothing, and no order of claims changes a total", async () => {
    const { client, stranger, networkHelpers } = net();
    for (const account of [client, client, stranger]) await staking().connect(account).stake(0, AMOUNT);
    await networkHelpers.time.increase(9 * DAY);
    const fresh = await networkHelpers.takeSnapshot();
    const paid: bigint[][] = [];
    for (const order of [
      [1, 2],
      [2, 1],
      [1, 1, 2, 2],
    ]) {
      const second = (await now(net())) + 100;
      const before = await balance(client);
      await nextAt(net(), second);
      await staking().connect(client).claim(order, client.address);
      await expect(staking().connect(client).claim([], client.address)).to.be.revertedWithCustomError(staking(), "StakingNothing");
      paid.push([(await balance(client)) - before]);
      await expect(staking().connect(client).claim([3], client.address)).to.be.revertedWithCustomError(staking(), "StakingUnauthorized");
      await fresh.restore();
    }
    expect(new Set(paid.map(String)).size).to.equal(1);
  });

  it("A1 nothing accrues beyond what was funded, and nothing is made up for later", async () => {
    const { modules, client, networkHelpers } = net();
    await staking().connect(client).stake(0, parseEther("10000"));
    const funded = await staking().reserve();
    const whale = parseEther("600000000");
    await modules.COR.approve(staking().target, whale);
    await staking().stake(0, whale);
    await networkHelpers.time.increase(400 * DAY);
    await networkHelpers.mine();
    const all = (await staking().earnedBy(1)) + (await staking().earnedBy(2));
    expect(all <= funded && all + 2n >= funded).to.equal(true);
    await modules.Incentives.fundStaking();
    expect((await staking().earnedBy(1)) + (await staking().earnedBy(2)) - all < parseEther("100")).to.equal(true);
    await staking().connect(client).claim([1], client.address);
    expect((await staking().reserve()) + (await staking().owed()) <= (await modules.COR.balanceOf(staking().target))).to.equal(true);
  });

  it("M6 votes stay the staker's: they follow its delegate, or whom it names for the vault", async () => {
    const { modules, client, stranger, keeper, networkHelpers } = net();
    const votes = (account: { address: string }) => modules.COR.getVotes(account.address);
    await staking().connect(client).stake(0, AMOUNT);
    expect(await votes(client)).to.equal(AMOUNT);
    await modules.COR.connect(stranger).delegate(keeper.address);
    await staking().connect(stranger).stake(0, AMOUNT);
    expect(await votes(keeper)).to.equal(parseEther("10000"));
    await staking().connect(stranger).delegate(client.address);
    expect([await votes(keeper), await votes(client)]).to.deep.equal([parseEther("9000"), 2n * AMOUNT]);
    await networkHelpers.time.increase(28 * DAY);
    await staking().connect(stranger).unstake(2, stranger.address);
    expect([await votes(keeper), await votes(client)]).to.deep.equal([parseEther("10000"), AMOUNT]);
  });

  it("begins another lock with everything settled, and weighs by the new tier", async () => {
    const { client } = net();
    const from = (await now(net())) + 5;
    await nextAt(net(), from);
    await staking().connect(client).stake(2, AMOUNT);
    await expect(staking().connect(client).relock(1, 0)).to.be.revertedWithCustomError(staking(), "StakingLocked");
    await nextAt(net(), from + 84 * DAY);
    await expect(staking().connect(client).relock(1, 0))
      .to.emit(staking(), "Relocked")
      .withArgs(1, 0, from + 112 * DAY);
    expect(await staking().owedTo(client.address)).to.equal(earned(AMOUNT, BigInt(84 * DAY)));
    expect(await staking().weightOf(client.address)).to.equal(AMOUNT);
    await expect(staking().connect(client).unstake(1, client.address)).to.be.revertedWithCustomError(staking(), "StakingLocked");
  });

  it("A8 stakes with a permit, also where somebody submitted it before", async () => {
    const { modules, client, stranger, ethers } = net();
    const { COR } = modules;
    await COR.connect(client).approve(staking().target, 0);
    const { chainId } = await ethers.provider.getNetwork();
    const domain = { name: "Corroborate", version: "1", chainId, verifyingContract: COR.target as string };
    const types = {
      Permit: ["owner", "spender", "value", "nonce", "deadline"].map((name, i) => ({ name, type: i < 2 ? "address" : "uint256" })),
    };
    const deadline = 2n ** 40n;
    const sign = async () =>
      Signature.from(
        await client.signTypedData(domain, types, {
          owner: client.address,
          spender: staking().target,
          value: AMOUNT,
          nonce: await COR.nonces(client.address),
          deadline,
        }),
      );
    for (const frontRun of [false, true]) {
      const { v, r, s } = await sign();
      if (frontRun) await COR.connect(stranger).permit(client.address, staking().target, AMOUNT, deadline, v, r, s);
      await staking().connect(client).stakeWithPermit(0, AMOUNT, deadline, v, r, s);
    }
    expect(await staking().totalStaked()).to.equal(2n * AMOUNT);
  });

  it("H3 M9 a staker on the restricted list cannot stake anew, and unstakes, claims, relocks and votes as before", async () => {
    const { modules, client, stranger, networkHelpers } = net();
    await staking().connect(client).stake(0, AMOUNT);
    await expect(modules.RestrictedList.connect(stranger).setRestricted([client.address], true)).to.be.revertedWithCustomError(
      modules.RestrictedList,
      "AccessManagedUnauthorized",
    );
    await modules.RestrictedList.setRestricted([client.address], true);
    await expect(staking().connect(client).stake(0, AMOUNT))
      .to.be.revertedWithCustomError(modules.RestrictedList, "RestrictedAccount")
      .withArgs(client.address);
    await networkHelpers.time.increase(28 * DAY);
    await staking().connect(client).delegate(client.address);
    await staking().connect(client).unstake(1, client.address);
    await staking().connect(client).claim([1], client.address);
    expect((await balance(client)) > parseEther("10000")).to.equal(true);
    await modules.RestrictedList.setRestricted([client.address], false);
    await staking().connect(client).stake(0, AMOUNT);
  });

  it("H4 nobody but the staking contract moves a vault's money or votes", async () => {
    const { client, deployer, ethers } = net();
    await staking().connect(client).stake(0, AMOUNT);
    const vault = await ethers.getContractAt("StakeVault", await staking().vaultOf(client.address));
    for (const signer of [client, deployer]) {
      await expect(vault.connect(signer).getFunction("release").send(signer.address, 1)).to.be.revertedWithCustomError(
        vault,
        "StakeVaultUnauthorized",
      );
      await expect(vault.connect(signer).getFunction("delegate").send(signer.address)).to.be.revertedWithCustomError(
        vault,
        "StakeVaultUnauthorized",
      );
    }
  });

  it("F1 M6 tells of every vault, settlement, claim and end, and of no settlement of nothing", async () => {
    const { client, router, stranger } = net();
    const vault = await staking().vaultOf(client.address);
    const from = (await now(net())) + 5;
    await nextAt(net(), from);
    await expect(staking().connect(client).stake(0, AMOUNT)).to.emit(staking(), "VaultCreated").withArgs(client.address, vault);
    await expect(staking().connect(client).stake(2, AMOUNT)).not.to.emit(staking(), "VaultCreated");
    await expect(staking().connect(client).claim([1], ZeroAddress)).to.be.revertedWithCustomError(staking(), "StakingZeroAddress");
    await nextAt(net(), from + 10 * DAY);
    const paid = earned(AMOUNT, BigInt(10 * DAY));
    const claimed = await receiptOf(staking().connect(client).claim([1, 1], router.address));
    expect(eventsIn(claimed, staking(), "RewardSettled").map((args) => [...args])).to.deep.equal([[1n, client.address, paid]]);
    expect(eventsIn(claimed, staking(), "RewardClaimed").map((args) => [...args])).to.deep.equal([[client.address, router.address, paid]]);
    expect(await balance(router)).to.equal(paid);
    await nextAt(net(), from + 28 * DAY);
    await expect(staking().connect(client).unstake(1, stranger.address))
      .to.emit(staking(), "Unstaked")
      .withArgs(1, client.address, stranger.address, AMOUNT)
      .and.to.emit(staking(), "RewardSettled")
      .withArgs(1, client.address, earned(AMOUNT, BigInt(18 * DAY)));
    expect(await staking().weightOf(client.address)).to.equal(3n * AMOUNT);
  });

  it("M6 weighs a stake by its tier of now, up and down, beside another that stays", async () => {
    const { client } = net();
    const from = (await now(net())) + 5;
    for (const tier of [0, 1]) await staking().connect(client).stake(tier, AMOUNT);
    for (const [tier, weight] of [
      [2, 5n],
      [0, 3n],
    ] as const) {
      await nextAt(net(), from + (tier === 2 ? 60 : 160) * DAY);
      await staking().connect(client).relock(1, tier);
      expect(await staking().weightOf(client.address)).to.equal(weight * AMOUNT);
    }
    expect(await staking().weightOf(net().stranger.address)).to.equal(0n);
  });

  it("A1 refuses stake and rewards of which not everything arrives", async () => {
    const { modules, client, ethers, networkHelpers } = net();
    await staking().connect(client).stake(0, AMOUNT);
    const hostile = await (await ethers.getContractFactory("HostileToken")).deploy();
    await networkHelpers.setCode(modules.COR.target as string, await ethers.provider.getCode(hostile.target));
    const token = hostile.attach(modules.COR.target) as unknown as HostileToken;
    await token.mint(client.address, 2n * AMOUNT);
    await token.behave(1);
    const received = (AMOUNT * 99n) / 100n;
    const reserve = await staking().reserve();
    for (const call of [staking().connect(client).stake(0, AMOUNT), staking().connect(client).fund(AMOUNT)])
      await expect(call).to.be.revertedWithCustomError(staking(), "StakingDepositMismatch").withArgs(received, AMOUNT);
    expect([await staking().totalStaked(), await staking().reserve()]).to.deep.equal([AMOUNT, reserve]);
    await token.behave(0);
    await staking().connect(client).stake(0, AMOUNT);
    await expect(staking().connect(client).fund(AMOUNT)).to.emit(staking(), "RewardFunded").withArgs(client.address, AMOUNT);
  });

  it("F1 counts nothing while nothing is staked, and every second in which one unit is", async () => {
    const { client } = net();
    const index = async (position: number) => (await staking().positionOf(position)).index;
    const from = (await now(net())) + 10 * DAY;
    await nextAt(net(), from);
    await staking().connect(client).stake(0, 1);
    expect(await index(1)).to.equal(0n);
    await nextAt(net(), from + DAY);
    await staking().connect(client).stake(0, 1);
    const elapsed = BigInt(from + DAY) - (await staking().STARTS_AT());
    expect(await index(2)).to.equal((accrued(elapsed) - accrued(elapsed - BigInt(DAY))) * 10n ** 18n);
  });

  it("H3 tells of everybody who is put on the restricted list or taken off it", async () => {
    const { modules, client, stranger } = net();
    for (const listed of [true, false]) {
      const set = modules.RestrictedList.setRestricted([client.address, stranger.address], listed);
      for (const account of [client, stranger]) {
        await expect(set).to.emit(modules.RestrictedList, "RestrictionChanged").withArgs(account.address, listed);
        expect(await modules.RestrictedList.isRestricted(account.address)).to.equal(listed);
      }
    }
  });
});
