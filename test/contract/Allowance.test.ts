import { expect } from "chai";
import { parseEther, ZeroAddress } from "ethers";
import { moveTo, nextAt, now, useNetwork } from "./suite.ts";

const DAY = 86_400;
const STAKE = parseEther("100000");
/** Weight 3 x stake, 100 millionths a day. */
const DAILY = parseEther("30");

describe("Allowance", () => {
  const SESSION = 2n;
  const net = useNetwork({ nodes: 3 }, async ({ modules, stranger, terms }) => {
    await modules.COR.transfer(stranger.address, STAKE);
    await modules.COR.connect(stranger).approve(modules.Staking.target, STAKE);
    await modules.Staking.connect(stranger).stake(2, STAKE);
    await modules.COR.transfer(modules.Allowance.target, parseEther("1000"));
    await modules.Allowance.connect(stranger).open(terms);
  });
  const allowance = () => net().modules.Allowance.connect(net().stranger);
  const available = async () => (await net().modules.SessionPayment.balanceOf(SESSION)).available;

  it("M7 funds a session that serves its staker, up to the daily amount, and what is left comes back to the treasury's pool", async () => {
    const { modules, stranger, keeper, networkHelpers } = net();
    expect([await allowance().allowanceOf(stranger.address), await allowance().availableTo(stranger.address)]).to.deep.equal([
      DAILY,
      DAILY,
    ]);
    expect([await modules.Session.ownerOf(SESSION), await allowance().holderOf(SESSION)]).to.deep.equal([
      modules.Allowance.target,
      stranger.address,
    ]);
    await expect(allowance().use(SESSION, DAILY)).to.emit(modules.Allowance, "AllowanceUsed").withArgs(stranger.address, SESSION, DAILY);
    expect([await available(), await allowance().availableTo(stranger.address)]).to.deep.equal([DAILY, 0n]);
    // The pool's nodes are in the other session's lease; when it is over, the staker leases and asks.
    await networkHelpers.time.increase(DAY + 1);
    await modules.NodePool.collect(1);
    await modules.Session.connect(stranger).reserve(SESSION, 5_000, 0);
    await networkHelpers.mine(2);
    await modules.Session.drawLease(SESSION);
    const receipt = (await (await modules.Session.connect(stranger).submit(SESSION, net().request(1))).wait())!;
    const task = net().taskFrom(receipt.logs)[0]!;
    await networkHelpers.mine(2);
    await net().commitCarried(task);
    await networkHelpers.mine(1);
    await modules.SessionQueue.connect(keeper).reveal(net().handover(task));
    expect((await modules.SessionQueue.factsOf(task.id))[1]).to.equal(2n);
    const rest = await available();
    expect(rest < DAILY && rest > 0n).to.equal(true);
    await expect(modules.Allowance.reclaim(SESSION)).to.be.revertedWithCustomError(modules.Allowance, "AllowanceSessionOpen");
    await allowance().close(SESSION);
    const pool = await modules.COR.balanceOf(modules.Allowance.target);
    await modules.Allowance.connect(keeper).reclaim(SESSION);
    expect((await modules.COR.balanceOf(modules.Allowance.target)) - pool).to.equal(rest);
    expect(await modules.COR.balanceOf(stranger.address), "never money in the staker's hands").to.equal(0n);
  });

  it("M7 is exact at the window's edges: what was used counts for 24 hours to the second", async () => {
    const { modules, stranger } = net();
    const from = (await now(net())) + 10;
    await nextAt(net(), from);
    await allowance().use(SESSION, DAILY / 3n);
    await nextAt(net(), from + 100);
    await allowance().use(SESSION, (DAILY * 2n) / 3n);
    const refused = (most: bigint) =>
      expect(allowance().use(SESSION, most + 1n))
        .to.be.revertedWithCustomError(modules.Allowance, "AllowanceExceeded")
        .withArgs(most + 1n, most);
    await moveTo(net(), from + DAY - 1);
    expect(await allowance().availableTo(stranger.address)).to.equal(0n);
    await moveTo(net(), from + DAY);
    expect(await allowance().availableTo(stranger.address)).to.equal(DAILY / 3n);
    await moveTo(net(), from + DAY + 98);
    await refused(DAILY / 3n);
    await nextAt(net(), from + DAY + 100);
    await allowance().use(SESSION, DAILY);
    expect(await available()).to.equal(2n * DAILY);
    await refused(0n);
  });

  it("M7 follows the stake of now: more of it makes the rest worth more, and without it nothing is left", async () => {
    const { modules, stranger, networkHelpers } = net();
    await allowance().use(SESSION, DAILY / 2n);
    await modules.COR.transfer(stranger.address, STAKE);
    await modules.COR.connect(stranger).approve(modules.Staking.target, STAKE);
    await modules.Staking.connect(stranger).stake(2, STAKE);
    expect(await allowance().availableTo(stranger.address)).to.equal(DAILY);
    await networkHelpers.time.increase(84 * DAY);
    for (const position of [1, 2]) await modules.Staking.connect(stranger).unstake(position, stranger.address);
    expect(await allowance().availableTo(stranger.address)).to.equal(0n);
    await expect(allowance().use(SESSION, 1)).to.be.revertedWithCustomError(modules.Allowance, "AllowanceExceeded");
    await expect(allowance().open(net().terms)).to.be.revertedWithCustomError(modules.Allowance, "AllowanceNoStake");
  });

  it("rounds a use by less than one base unit: the last unit of an odd allowance can be used", async () => {
    const { modules, client } = net();
    const odd = 10_000_000_000_000_007n;
    await modules.COR.transfer(client.address, odd);
    await modules.COR.connect(client).approve(modules.Staking.target, odd);
    await modules.Staking.connect(client).stake(0, odd);
    await modules.Allowance.connect(client).open(net().terms);
    const all = await modules.Allowance.allowanceOf(client.address);
    await modules.Allowance.connect(client).use(3, all - 1n);
    expect(await modules.Allowance.availableTo(client.address)).to.be.oneOf([0n, 1n]);
    expect(all).to.equal(1_000_000_000_000n);
  });

  it("H4 sessions are their holder's alone; an empty pool, the restricted list and a rate of zero stop uses and nothing else", async () => {
    const { modules, stranger, client, router } = net();
    const { Allowance } = modules;
    for (const call of [
      Allowance.connect(client).use(SESSION, 1),
      Allowance.connect(client).close(SESSION),
      Allowance.connect(client).setRouter(SESSION, client.address, true, ""),
      Allowance.connect(client).reclaim(1),
    ])
      await expect(call).to.be.revertedWithCustomError(Allowance, "AllowanceUnauthorized");
    await allowance().setRouter(SESSION, router.address, true, "http://127.0.0.1:1");
    expect(await modules.Session.isRouter(SESSION, router.address)).to.equal(true);
    await allowance().use(SESSION, DAILY / 2n);
    await modules.RestrictedList.setRestricted([stranger.address], true);
    await expect(allowance().use(SESSION, 1)).to.be.revertedWithCustomError(modules.RestrictedList, "RestrictedAccount");
    await modules.RestrictedList.setRestricted([stranger.address], false);
    await Allowance.giveBack(client.address, await modules.COR.balanceOf(Allowance.target));
    await expect(allowance().use(SESSION, 1)).to.be.revertedWithCustomError(Allowance, "AllowanceEmpty").withArgs(0, 1);
    await expect(Allowance.giveBack(ZeroAddress, 0)).to.be.revertedWithCustomError(Allowance, "AllowanceZeroAddress");
    await Allowance.setRate(0);
    await expect(Allowance.setRate(10_001)).to.be.revertedWithCustomError(Allowance, "AllowanceRateTooHigh").withArgs(10_001, 10_000);
    await expect(allowance().use(SESSION, 1)).to.be.revertedWithCustomError(Allowance, "AllowanceExceeded").withArgs(1, 0);
    expect(await available(), "H3 what is in a session stays").to.equal(DAILY / 2n);
  });

  it("M7 tells of sessions, of what comes back and of rates, and takes the highest rate and no more", async () => {
    const { modules, stranger, keeper } = net();
    const { Allowance } = modules;
    expect(await Allowance.rate()).to.equal(100n);
    await expect(allowance().open(net().terms)).to.emit(Allowance, "AllowanceSessionOpened").withArgs(3, stranger.address);
    await allowance().use(3, DAILY);
    await allowance().close(3);
    await expect(Allowance.connect(keeper).reclaim(3)).to.emit(Allowance, "AllowanceReclaimed").withArgs(3, DAILY);
    await expect(Allowance.giveBack(keeper.address, 5)).to.emit(Allowance, "AllowanceReturned").withArgs(keeper.address, 5);
    await expect(Allowance.setRate(10_000)).to.emit(Allowance, "AllowanceRateChanged").withArgs(10_000);
    expect(await Allowance.rate()).to.equal(10_000n);
    expect(await Allowance.allowanceOf(stranger.address)).to.equal(DAILY * 100n);
  });

  it("M7 gives the pool's last unit, and one staker's use takes nothing from another's", async () => {
    const { modules, stranger, client, deployer } = net();
    const { Allowance, COR, Staking } = modules;
    await COR.connect(client).approve(Staking.target, STAKE);
    await Staking.connect(client).stake(2, STAKE);
    await Allowance.giveBack(deployer.address, (await COR.balanceOf(Allowance.target)) - DAILY);
    await expect(Allowance.connect(client).open(net().terms)).to.emit(Allowance, "AllowanceSessionOpened").withArgs(3, client.address);
    await allowance().use(SESSION, DAILY);
    expect(await COR.balanceOf(Allowance.target)).to.equal(0n);
    expect([await Allowance.availableTo(stranger.address), await Allowance.availableTo(client.address)]).to.deep.equal([0n, DAILY]);
    await COR.transfer(Allowance.target, DAILY);
    await Allowance.connect(client).use(3, DAILY);
  });

  it("M7 rounds what is left down, so that no allowance is exceeded by one where the stake has grown between two uses", async () => {
    const { modules, client } = net();
    const { Allowance, COR, Staking } = modules;
    const stake = parseEther("1000");
    await Allowance.setRate(10_000);
    await COR.connect(client).approve(Staking.target, 2n * stake);
    await Staking.connect(client).stake(0, stake);
    await Allowance.connect(client).open(net().terms);
    await Allowance.connect(client).use(3, 1);
    await Staking.connect(client).stake(0, 100);
    const whole = stake / 100n + 1n;
    expect(await Allowance.allowanceOf(client.address)).to.equal(whole);
    // The unit that was used is a little more than one of the larger allowance's.
    expect(await Allowance.availableTo(client.address)).to.equal(whole - 2n);
  });
});
