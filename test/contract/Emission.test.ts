import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parseEther, ZeroAddress } from "ethers";
import { accrued, earned, MOST_REWARDED } from "../../offchain/protocol/emission.ts";
import { ALLOCATIONS, INCENTIVES } from "../../scripts/economy.ts";
import type { Vesting } from "../../types/ethers-contracts/contracts/economy/Vesting.ts";
import { moveTo, nextAt, now, useNetwork } from "./suite.ts";

const DAY = 86_400;
const YEAR = 365 * DAY;
const MONTH = YEAR / 12;
const table = JSON.parse(readFileSync(new URL("./emission.json", import.meta.url), "utf8"));

describe("Emission, vesting and locks, against the committed table", () => {
  const start = Math.floor(Date.now() / 1_000) + 30 * DAY;
  const net = useNetwork({ nodes: 0, leased: false, parameters: { staking: { startsAt: start } } }, async ({ modules, deployer }) => {
    await modules.COR.connect(deployer).approve(modules.Staking.target, parseEther("1000000000"));
  });

  for (const { staked, sixMonths, nextThree, lastThree, year, left } of table.firstYear) {
    it(`M5 the first year of ${staked} staked COR is reproduced to the token, and what it leaves of the incentives`, async () => {
      const { Staking, Incentives } = net().modules;
      await nextAt(net(), start - DAY);
      await Staking.stake(0, parseEther(staked));
      const earnedBy: bigint[] = [];
      for (const months of [6, 9, 12]) {
        await nextAt(net(), start + months * MONTH - DAY);
        await Incentives.connect(net().stranger).fundStaking();
        await moveTo(net(), start + months * MONTH);
        earnedBy.push(await Staking.earnedBy(1));
      }
      expect(earnedBy).to.deep.equal([parseEther(sixMonths), parseEther(sixMonths) + parseEther(nextThree), parseEther(year)]);
      expect(earnedBy[2]! - earnedBy[1]!).to.equal(parseEther(lastThree));
      expect(INCENTIVES - earnedBy[2]!).to.equal(parseEther(left));
      const later = table.laterYears.find((row: { staked: string }) => row.staked === staked);
      await nextAt(net(), start + 2 * YEAR - DAY);
      await Incentives.connect(net().stranger).fundStaking();
      await moveTo(net(), start + 2 * YEAR);
      // Each accrual rounds up what it takes out of the reserve, so that the last base unit may be missing.
      expect(await Staking.earnedBy(1)).to.be.closeTo(parseEther(year) + parseEther(later.year), 2n);
      expect(earned(parseEther(staked), BigInt(2 * YEAR))).to.equal(parseEther(year) + parseEther(later.year));
    });
  }

  it("M5 more stake than 80 % of the first circulation shares the same sum", async () => {
    const { Staking } = net().modules;
    await nextAt(net(), start - DAY);
    await Staking.stake(0, 2n * MOST_REWARDED);
    await moveTo(net(), start + 84 * DAY);
    const sum = earned(2n * MOST_REWARDED, BigInt(84 * DAY));
    expect(sum).to.equal((MOST_REWARDED * accrued(BigInt(84 * DAY))) / (10_000n * BigInt(YEAR)));
    expect(await Staking.earnedBy(1)).to.equal(sum);
  });

  it("A1 the incentives keep what the first year of staking can need; the rest leaves by governance alone", async () => {
    const { modules, keeper, stranger } = net();
    const { Incentives, COR, Staking } = modules;
    const worst = table.firstYear[1];
    expect(await Incentives.sentToStaking()).to.equal(parseEther(worst.year));
    expect(await Staking.reserve()).to.equal(parseEther(worst.year));
    expect(await COR.balanceOf(Incentives.target)).to.equal(INCENTIVES - parseEther(worst.year));
    await expect(Incentives.fundStaking()).to.be.revertedWithCustomError(Incentives, "IncentivesNothing");
    expect(await Incentives.grantable()).to.equal(parseEther(worst.left));
    await expect(Incentives.connect(stranger).grant(stranger.address, 1)).to.be.revertedWithCustomError(
      Incentives,
      "AccessManagedUnauthorized",
    );
    await expect(Incentives.grant(ZeroAddress, 1)).to.be.revertedWithCustomError(Incentives, "IncentivesZeroAddress");
    await moveTo(net(), start + YEAR);
    const second = parseEther(table.laterYears[1].year);
    expect(await Incentives.grantable(), "the second year is kept too").to.equal(parseEther(worst.left) - second);
    await expect(Incentives.grant(keeper.address, parseEther(worst.left))).to.be.revertedWithCustomError(Incentives, "IncentivesReserved");
    await Incentives.grant(keeper.address, parseEther("100000000"));
    expect(await COR.balanceOf(keeper.address)).to.equal(parseEther("100000000"));
    await Incentives.connect(stranger).fundStaking();
    expect(await Incentives.sentToStaking()).to.be.closeTo(parseEther(worst.year) + second, parseEther("10"));
  });

  it("M5 all allocations together are the one billion, and each vests as the table says, to the token", async () => {
    const { ethers, modules, keeper } = net();
    const cap = await modules.COR.CAP();
    expect(ALLOCATIONS.reduce((sum, { amount }) => sum + amount, 0n)).to.equal(cap);
    expect(ALLOCATIONS.map(({ name }) => name)).to.deep.equal(table.allocations.map(({ name }: { name: string }) => name));
    const from = (await now(net())) + DAY;
    for (const [i, { name, amount, vesting }] of ALLOCATIONS.entries()) {
      const row = table.allocations[i];
      expect(amount, name).to.equal(parseEther(row.amount));
      if (vesting === undefined) continue;
      const factory = await ethers.getContractFactory("Vesting");
      const wallet = (await factory.deploy(keeper.address, from, vesting.duration, vesting.cliff)) as unknown as Vesting;
      await modules.COR.transfer(wallet.target, amount);
      for (const [months, vested] of Object.entries(row.after))
        expect(
          await wallet["vestedAmount(address,uint64)"](modules.COR.target, from + Number(months) * MONTH),
          `${name} ${months}`,
        ).to.equal(parseEther(vested as string));
      if (vesting.cliff > 0)
        expect(await wallet["vestedAmount(address,uint64)"](modules.COR.target, from + vesting.cliff - 1)).to.equal(0n);
    }
  });

  it("M6 the locks and weights are those of the table", async () => {
    const { Staking } = net().modules;
    const { deployer } = net();
    let weight = 0n;
    for (const { tier, days, weight: factor } of table.locks) {
      const second = (await now(net())) + 5;
      await nextAt(net(), second);
      await Staking.stake(tier, 1_000n);
      expect((await Staking.positionOf(BigInt(tier) + 1n)).unlockAt).to.equal(second + days * DAY);
      weight += 1_000n * BigInt(factor);
      expect(await Staking.weightOf(deployer.address)).to.equal(weight);
    }
    await expect(Staking.stake(3, 1)).to.be.revertedWithCustomError(Staking, "StakingUnknownTier").withArgs(3, 2);
  });
});
