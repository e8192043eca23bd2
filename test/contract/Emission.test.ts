import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parseEther, ZeroAddress } from "ethers";
import { accrued, earned, MOST_REWARDED } from "../../offchain/protocol/emission.ts";
import { ALLOCATIONS, INCENTIVES } from "../../scripts/economy.ts";
import type { Vesting } from "../../types/ethers-contracts/contracts/economy/Vesting.ts";
import { moveTo, nextAt, now, useNetwork } from "./suite.ts";
import type { Staking as StakingContract } from "../../types/ethers-contracts/contracts/economy/Staking.ts";

const DAY = 86_400;
const YEAR = 365 * DAY;
const MONTH = YEAR / 12;
const table = JSON.parse(readFileSync(new URL("./emission.json", import.meta.url), "utf8"));

describe("Emission, vesting and locks, against the committed table", () => {
  const start = Date.UTC(2031, 0) / 1_000;
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

  it("M5 the incentives pay to the last token and no further: funded year by year until nothing is left, nothing is owed beyond", async () => {
    const { Staking, Incentives, COR } = net().modules;
    const { stranger } = net();
    await nextAt(net(), start - DAY);
    await Staking.stake(0, MOST_REWARDED);
    const firstYear = parseEther(table.firstYear[1].year);
    const laterYear = parseEther(table.laterYears[1].year);
    // 132 million in the first year and 32 million in each other: after seven years and a part the 350 million are spent.
    const lasts = 1n + (INCENTIVES - firstYear) / laterYear;
    expect(lasts).to.equal(7n);
    // The first year was paid in at deployment.
    for (let year = 1n; year <= lasts; year++) {
      await nextAt(net(), start + Number(year) * YEAR);
      await Incentives.connect(stranger).fundStaking();
      const due = firstYear + year * laterYear;
      expect(await Incentives.sentToStaking()).to.be.closeTo(due < INCENTIVES ? due : INCENTIVES, 1n);
    }
    expect(await Incentives.sentToStaking()).to.equal(INCENTIVES);
    expect(await COR.balanceOf(Incentives.target)).to.equal(0n);
    expect(await Incentives.grantable()).to.equal(0n);
    await moveTo(net(), start + 20 * YEAR);
    await expect(Incentives.fundStaking()).to.be.revertedWithCustomError(Incentives, "IncentivesNothing");
    const all = await Staking.earnedBy(1);
    expect(all).to.be.closeTo(INCENTIVES, 10n).and.at.most(INCENTIVES);
    await Staking.claim([1], stranger.address);
    expect(await COR.balanceOf(stranger.address)).to.equal(all);
    expect(await Staking.owed(), "nothing more is owed than there is").to.be.at.most(await COR.balanceOf(Staking.target));
    await Staking.unstake(1, stranger.address);
    expect(await COR.balanceOf(stranger.address), "principal is whole").to.equal(all + MOST_REWARDED);
  });

  it("M5 the rate changes in the very second in which a period ends, and two stakers share what one would have earned", async () => {
    const { Staking, COR } = net().modules;
    const { deployer, client } = net();
    const half = parseEther("100000000");
    await COR.transfer(client.address, half);
    await COR.connect(client).approve(Staking.target, half);
    await nextAt(net(), start - 2 * DAY);
    await Staking.connect(deployer).stake(0, half);
    await nextAt(net(), start - DAY);
    await Staking.connect(client).stake(2, half);
    const perSecond = (bps: bigint) => (half * bps) / (10_000n * BigInt(YEAR));
    const earnedAt = async (second: number) => {
      await moveTo(net(), second);
      return await Staking.earnedBy(1);
    };
    for (const [months, before, after] of [
      [6, 6_000n, 3_000n],
      [9, 3_000n, 1_500n],
      [12, 1_500n, 1_000n],
    ] as const) {
      const end = start + months * MONTH;
      const [a, b, c] = [await earnedAt(end - 1), await earnedAt(end), await earnedAt(end + 1)];
      expect(b - a).to.be.closeTo(perSecond(before), 1n);
      expect(c - b).to.be.closeTo(perSecond(after), 1n);
    }
    expect(await Staking.earnedBy(2)).to.equal(await Staking.earnedBy(1));
    const sum = earned(2n * half, BigInt(12 * MONTH + 1));
    expect((await Staking.earnedBy(1)) + (await Staking.earnedBy(2)))
      .to.be.closeTo(sum, 2n)
      .and.at.most(sum);
  });

  it("M5 the table agrees with itself and with what docs/economy.md publishes", () => {
    const { firstYear, laterYears, allocations, incentives } = table;
    const amountOf = (name: string) => BigInt(allocations.find((row: { name: string }) => row.name === name).amount);
    expect(amountOf("incentives")).to.equal(BigInt(incentives));
    expect(firstYear.map(({ staked }: { staked: string }) => (BigInt(staked) * 100n) / amountOf("circulation"))).to.deep.equal([50n, 80n]);
    const page = readFileSync(new URL("../../docs/economy.md", import.meta.url), "utf8");
    const shown = (amount: string | bigint) => Number(amount).toLocaleString("en");
    for (const [i, row] of firstYear.entries()) {
      const { staked, sixMonths, nextThree, lastThree, year, left } = row;
      // Yearly rates, each for its share of the year.
      const at = (percent: bigint, quarters: bigint) => (BigInt(staked) * percent * quarters) / 400n;
      expect([sixMonths, nextThree, lastThree].map(BigInt)).to.deep.equal([at(60n, 2n), at(30n, 1n), at(15n, 1n)]);
      expect(BigInt(year)).to.equal(BigInt(sixMonths) + BigInt(nextThree) + BigInt(lastThree));
      expect(BigInt(left)).to.equal(BigInt(incentives) - BigInt(year));
      expect(BigInt(laterYears[i].year)).to.equal(at(10n, 4n));
      const cells = [staked, sixMonths, nextThree, lastThree, year, left, laterYears[i].year].map(shown);
      expect(page).to.match(new RegExp(`\\| ${cells.join(" +\\| +")} \\|`));
    }
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

  /** Parts of a basis-point second that the index counts, and a whole year's. */
  const SCALE = 10n ** 18n;
  const UNIT = SCALE * 10_000n * BigInt(YEAR);
  /** What one more stake finds as the index. */
  const indexAt = async (staking: StakingContract, second: number) => {
    await nextAt(net(), second);
    await staking.stake(0, 1);
    return (await staking.positionOf(await staking.positionCount())).index;
  };

  it("M5 the first base unit above the most that is rewarded in full lessens what each earns", async () => {
    const { Staking } = net().modules;
    await nextAt(net(), start - DAY);
    await Staking.stake(0, MOST_REWARDED + 1n);
    const full = accrued(BigInt(73 * DAY)) * SCALE;
    expect(await indexAt(Staking, start + 73 * DAY)).to.equal((full * MOST_REWARDED) / (MOST_REWARDED + 1n));
    expect((await Staking.positionOf(1)).index, "nothing before the start").to.equal(0n);
  });

  it("A1 takes out of the reserve what is earned, rounded up by the smallest part of a unit", async () => {
    const { Staking } = net().modules;
    const { deployer } = net();
    // In so many seconds this stake earns a whole number of base units and 6,000 of a year's basis-point seconds more.
    const seconds = 100_003n;
    const modulus = (10_000n * BigInt(YEAR)) / 6_000n;
    const inverse = 20_166_667n;
    expect((seconds * inverse) % modulus).to.equal(1n);
    const staked = parseEther("300000000") - (parseEther("300000000") % modulus) + inverse;
    await nextAt(net(), start - DAY);
    await Staking.connect(deployer).stake(0, staked);
    await indexAt(Staking, start + Number(seconds));
    const parts = accrued(seconds) * staked;
    expect(parts % (10_000n * BigInt(YEAR))).to.equal(6_000n);
    expect(await Staking.owed()).to.equal(parts / (10_000n * BigInt(YEAR)) + 1n);
  });

  it("A1 a reserve that is too small is shared to the last part, and one that just suffices pays what is earned", async () => {
    const { modules, ethers } = net();
    const { Staking, AccessManager, COR, RestrictedList } = modules;
    const staked = parseEther("100000000");
    const reserve = await Staking.reserve();
    await nextAt(net(), start - DAY);
    await Staking.stake(0, staked);
    const factory = await ethers.getContractFactory("Staking");
    const other = (await factory.deploy(AccessManager.target, COR.target, RestrictedList.target, start)) as unknown as StakingContract;
    const [odd, seconds] = [parseEther("1000") + 1n, 100_003n];
    const due = (accrued(seconds) * odd) / (10_000n * BigInt(YEAR)) + 1n;
    await COR.approve(other.target, parseEther("10000"));
    await other.stake(0, odd);
    await other.fund(due);
    expect(await indexAt(other, start + Number(seconds))).to.equal(accrued(seconds) * SCALE);
    expect([await other.reserve(), await other.owed()]).to.deep.equal([0n, due]);
    expect(await indexAt(Staking, start + 12 * YEAR)).to.equal((reserve * UNIT) / staked);
    expect([await Staking.reserve(), await Staking.owed()]).to.deep.equal([0n, reserve]);
  });

  it("A1 the incentives fund a year ahead to the second and give away all that is over, and tell of both", async () => {
    const { Incentives, COR } = net().modules;
    const { keeper } = net();
    const most = (elapsed: number) => (MOST_REWARDED * accrued(BigInt(elapsed)) + 10_000n * BigInt(YEAR) - 1n) / (10_000n * BigInt(YEAR));
    const sent = await Incentives.sentToStaking();
    expect(sent).to.equal(most(YEAR));
    await nextAt(net(), start);
    await expect(Incentives.fundStaking(), "not in the first second").to.be.revertedWithCustomError(Incentives, "IncentivesNothing");
    const amount = most(YEAR + 7) - sent;
    await nextAt(net(), start + 7);
    await expect(Incentives.fundStaking()).to.emit(Incentives, "StakingFunded").withArgs(amount);
    expect(await Incentives.sentToStaking()).to.equal(sent + amount);
    const over = (await COR.balanceOf(Incentives.target)) - (most(YEAR + 100) - most(YEAR + 7));
    await moveTo(net(), start + 100);
    expect(await Incentives.grantable()).to.equal(over);
    const second = (await now(net())) + 1;
    const then = over - (most(YEAR + 101) - most(YEAR + 100));
    await nextAt(net(), second);
    await expect(Incentives.grant(keeper.address, then)).to.emit(Incentives, "IncentivesGranted").withArgs(keeper.address, then);
    await expect(Incentives.grant(keeper.address, 1)).to.be.revertedWithCustomError(Incentives, "IncentivesReserved").withArgs(1, 0);
    expect(await COR.balanceOf(keeper.address)).to.equal(then);
  });
});
