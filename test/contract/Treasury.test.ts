import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "chai";
import { Contract, ContractFactory, type InterfaceAbi, parseEther, type Signer, ZeroAddress } from "ethers";
import type { Treasury } from "../../types/ethers-contracts/contracts/economy/Treasury.ts";
import { moveTo, nextAt, now, useNetwork } from "./suite.ts";

const require = createRequire(import.meta.url);
const MINUTES = 60;
const FOREVER = 2n ** 40n;

/** A contract as its maker published it, with the bytecode of the package. */
function published(path: string): { abi: InterfaceAbi; bytecode: string } {
  const { abi, evm, bytecode } = JSON.parse(readFileSync(require.resolve(path), "utf8")) as {
    abi: InterfaceAbi;
    bytecode?: string;
    evm?: { bytecode: { object: string } };
  };
  return { abi, bytecode: bytecode ?? `0x${evm!.bytecode.object}` };
}

async function put(by: Signer, path: string, ...args: unknown[]): Promise<Contract> {
  const { abi, bytecode } = published(path);
  const contract = await new ContractFactory(abi, bytecode, by).deploy(...args);
  await contract.waitForDeployment();
  return contract as Contract;
}
const WETH = "@uniswap/v2-periphery/build/WETH9.json";

// A pair orders its tokens by address, and keeps prices and reserves in that order.
for (const corFirst of [true, false])
  describe(`Treasury, on Uniswap v2 as published, ${corFirst ? "COR" : "the other token"} first`, () => {
    let treasury: Treasury;
    let weth: Contract;
    let router: Contract;
    let pair: Contract;
    let factory: Contract;
    let withQuote: (quote: Contract) => Promise<Treasury>;
    // A pair of 1,000,000 COR and 100 WETH: 10,000 COR a WETH.
    const net = useNetwork({ nodes: 3 }, async ({ modules, deployer, client, ethers, record }) => {
      do weth = await put(deployer, WETH);
      while (BigInt(modules.COR.target as string) < BigInt(weth.target as string) !== corFirst);
      factory = await put(deployer, "@uniswap/v2-core/build/UniswapV2Factory.json", deployer.address);
      router = await put(deployer, "@uniswap/v2-periphery/build/UniswapV2Router02.json", factory.target, weth.target);
      const { AccessManager, COR, SessionPayment, RestrictedList } = modules;
      const make = await ethers.getContractFactory("Treasury");
      withQuote = async ({ target }) =>
        await make.deploy(AccessManager.target, COR.target, target, router.target, SessionPayment.target, RestrictedList.target, 300);
      treasury = await withQuote(weth);
      for (const [account, cor, eth] of [
        [deployer, "1000000", "100"],
        [client, "0", "60"],
      ] as const) {
        await weth
          .connect(account)
          .getFunction("deposit")
          .send({ value: parseEther(eth) });
        for (const token of [COR, weth])
          await (token as unknown as Contract)
            .connect(account)
            .getFunction("approve")
            .send(router.target, 2n ** 255n);
        if (cor !== "0")
          await router
            .getFunction("addLiquidity")
            .send(COR.target, weth.target, parseEther(cor), parseEther(eth), 0, 0, account.address, FOREVER);
      }
      pair = new Contract(
        (await factory.getFunction("getPair").staticCall(COR.target, weth.target)) as string,
        published("@uniswap/v2-core/build/UniswapV2Pair.json").abi,
        deployer,
      );
      await weth.connect(client).getFunction("transfer").send(treasury.target, parseEther("10"));
      await COR.transfer(treasury.target, parseEther("50000"));
      expect(record.addresses.Treasury).not.to.equal(treasury.target);
    });
    const cor = () => net().modules.COR;
    const wethOf = async (account: unknown) => (await weth.getFunction("balanceOf").staticCall(account)) as bigint;

    async function averaged() {
      await treasury.observe();
      const { time } = net().networkHelpers;
      await time.increase(30 * MINUTES);
      await treasury.connect(net().stranger).observe();
      await time.increase(5 * MINUTES);
    }
    /** A stranger buys COR with so much WETH, or sells it. */
    const trade = (amount: string, buys: boolean) => {
      const path = buys ? [weth.target, cor().target] : [cor().target, weth.target];
      return router
        .connect(buys ? net().client : net().deployer)
        .getFunction("swapExactTokensForTokens")
        .send(parseEther(amount), 0, path, net().keeper.address, FOREVER);
    };

    it("M9 buys COR back at the pair's price, fee and impact included, and keeps it", async () => {
      await averaged();
      // The price never moved, so that it is exact, also of more than there is.
      for (const amount of [parseEther("1"), 2n ** 112n]) expect(await treasury.averageOf(amount)).to.equal(10_000n * amount);
      const before = await cor().balanceOf(treasury.target);
      // Uniswap's formula on the reserves of now.
      const paid = parseEther("1") * 997n;
      const out = (paid * parseEther("1000000")) / (parseEther("100") * 1_000n + paid);
      await expect(treasury.buyBack(parseEther("1"), FOREVER))
        .to.emit(treasury, "BoughtBack")
        .withArgs(parseEther("1"), out, parseEther("9700"));
      expect((await cor().balanceOf(treasury.target)) - before).to.equal(out);
      expect(await wethOf(treasury.target)).to.equal(parseEther("9"));
    });

    it("M9 does not trade at a price that was pushed, whether up before a buyback or for a moment in its favour of liquidity", async () => {
      await averaged();
      await trade("5", true);
      const pushed = treasury.buyBack(parseEther("1"), FOREVER);
      await expect(pushed).to.be.revertedWith("UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT");
      await expect(treasury.addLiquidity(parseEther("10000"), parseEther("1"), FOREVER)).to.be.revertedWithCustomError(
        treasury,
        "TreasuryUnfairPrice",
      );
      // Held for long, the new price is the average, and trading goes on.
      await net().networkHelpers.time.increase(30 * MINUTES);
      await treasury.observe();
      await net().networkHelpers.time.increase(30 * MINUTES);
      await treasury.buyBack(parseEther("1"), FOREVER);
    });

    it("M9 refuses a buyback that is too large for the pair within the slippage", async () => {
      await averaged();
      await expect(treasury.buyBack(parseEther("4"), FOREVER)).to.be.revertedWith("UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT");
      await treasury.setSlippage(500);
      await treasury.buyBack(parseEther("4"), FOREVER);
      await expect(treasury.setSlippage(1_001)).to.be.revertedWithCustomError(treasury, "TreasurySlippageTooHigh").withArgs(1_001, 1_000);
    });

    it("needs an average of at least 30 minutes that is at most a day old; nobody can keep it from having one", async () => {
      const { stranger } = net();
      await expect(treasury.averageOf(1)).to.be.revertedWithCustomError(treasury, "TreasuryNoAverage");
      const first = (await now(net())) + 10;
      await nextAt(net(), first);
      await treasury.connect(stranger).observe();
      await nextAt(net(), first + 30 * MINUTES - 1);
      await expect(treasury.connect(stranger).observe())
        .to.be.revertedWithCustomError(treasury, "TreasuryTooEarly")
        .withArgs(first + 30 * MINUTES - 1, first + 30 * MINUTES);
      await nextAt(net(), first + 30 * MINUTES);
      await treasury.connect(stranger).observe();
      // The newest is too young: the one before it counts.
      expect(await treasury.averageOf(parseEther("1"))).to.equal(parseEther("10000"));
      const [older, newer] = await treasury.observations();
      expect([older.time, newer.time]).to.deep.equal([BigInt(first), BigInt(first + 30 * MINUTES)]);
      await moveTo(net(), first + 30 * MINUTES + 86_400);
      await treasury.averageOf(1);
      await moveTo(net(), first + 30 * MINUTES + 86_401);
      await expect(treasury.averageOf(1))
        .to.be.revertedWithCustomError(treasury, "TreasuryNoAverage")
        .withArgs(86_401, 30 * MINUTES, 86_400);
    });

    it("M9 adds liquidity of which the shares are its own, takes it out again, and leaves nothing approved", async () => {
      await averaged();
      const [corBefore, wethBefore] = [await cor().balanceOf(treasury.target), await wethOf(treasury.target)];
      await expect(treasury.addLiquidity(parseEther("20000"), parseEther("5"), FOREVER)).to.emit(treasury, "LiquidityAdded");
      const shares = (await pair.getFunction("balanceOf").staticCall(treasury.target)) as bigint;
      expect(shares > 0n).to.equal(true);
      expect([await cor().balanceOf(treasury.target), await wethOf(treasury.target)]).to.deep.equal([
        corBefore - parseEther("20000"),
        wethBefore - parseEther("2"),
      ]);
      expect([
        await cor().allowance(treasury.target, router.target),
        await weth.getFunction("allowance").staticCall(treasury.target, router.target),
      ]).to.deep.equal([0n, 0n]);
      await treasury.removeLiquidity(shares, FOREVER);
      expect(await cor().balanceOf(treasury.target)).to.be.closeTo(corBefore, 10n ** 6n);
      expect(await wethOf(treasury.target)).to.be.closeTo(wethBefore, 10n ** 6n);
    });

    it("M9 leaves nothing approved of what the pair does not take", async () => {
      await averaged();
      const before = await cor().balanceOf(treasury.target);
      await treasury.addLiquidity(parseEther("50000"), parseEther("1"), FOREVER);
      expect(before - (await cor().balanceOf(treasury.target))).to.be.closeTo(parseEther("10000"), 10n ** 6n);
      expect(await cor().allowance(treasury.target, router.target)).to.equal(0n);
    });

    it("M9 liquidity moves at a price within the slippage of the average, on either side, and not beyond", async () => {
      const unfair = async (call: Promise<unknown>) => await expect(call).to.be.revertedWithCustomError(treasury, "TreasuryUnfairPrice");
      const { networkHelpers } = net();
      await averaged();
      await treasury.addLiquidity(parseEther("20000"), parseEther("2"), FOREVER);
      const shares = (await pair.getFunction("balanceOf").staticCall(treasury.target)) as bigint;
      const start = await networkHelpers.takeSnapshot();
      await trade("1", true);
      await treasury.removeLiquidity(shares, FOREVER);
      await start.restore();
      await trade("3", true);
      await unfair(treasury.addLiquidity(1_000, 1_000, FOREVER));
      await unfair(treasury.removeLiquidity(shares, FOREVER));
      await start.restore();
      await trade("10000", false);
      await treasury.removeLiquidity(shares, FOREVER);
      await start.restore();
      await trade("40000", false);
      await unfair(treasury.removeLiquidity(shares, FOREVER));
    });

    it("an observation counts from its thirtieth minute on, to the second", async () => {
      const first = (await now(net())) + 10;
      await nextAt(net(), first);
      await treasury.observe();
      await moveTo(net(), first + 30 * MINUTES - 1);
      await expect(treasury.averageOf(1)).to.be.revertedWithCustomError(treasury, "TreasuryNoAverage");
      await moveTo(net(), first + 30 * MINUTES);
      expect(await treasury.averageOf(parseEther("1"))).to.equal(parseEther("10000"));
    });

    it("M9 the slippage is met to the unit: a second at a price that leaves the average 10 % behind is the most, and with none the average itself", async () => {
      const { networkHelpers } = net();
      await treasury.setSlippage(0);
      await averaged();
      await treasury.addLiquidity(parseEther("10000"), parseEther("1"), FOREVER);
      await treasury.setSlippage(1_000);
      const first = Number((await treasury.observations()).newer.time) + 30 * MINUTES;
      await nextAt(net(), first);
      await treasury.observe();
      const start = await networkHelpers.takeSnapshot();
      // What a pair is given moves its price once it looks. Half an hour at 10,000 and a second at the new price: (1,800 x 10,000 + p) / 1,801.
      for (const [given, most] of [
        [100_061n, true],
        [100_062n, false],
      ] as const) {
        const reserve = ((await wethOf(pair.target)) * (1_000_000n + given)) / 100n;
        await cor().transfer(pair.target, reserve - (await cor().balanceOf(pair.target)));
        await nextAt(net(), first + 30 * MINUTES);
        await pair.getFunction("sync").send();
        await nextAt(net(), first + 30 * MINUTES + 1);
        const added = treasury.addLiquidity(parseEther("1000"), parseEther("1"), FOREVER);
        if (most) await expect(added).to.emit(treasury, "LiquidityAdded");
        else {
          const found = parseEther(String(1_000_000n + given)) / 100n;
          await expect(added)
            .to.be.revertedWithCustomError(treasury, "TreasuryUnfairPrice")
            .withArgs(found, (parseEther("10000") * 1_800n + found) / 1_801n);
        }
        await start.restore();
      }
    });

    it("a pair without anything in it has no price but breaks nothing, and without a pair there is nothing to observe", async () => {
      const { deployer } = net();
      const quote = await put(deployer, WETH);
      const other = await withQuote(quote);
      await expect(other.observe()).to.be.revertedWithCustomError(other, "TreasuryNoPair");
      await factory.getFunction("createPair").send(cor().target, quote.target);
      const time = (await now(net())) + 10;
      await nextAt(net(), time);
      await expect(other.observe()).to.emit(other, "PriceObserved").withArgs(0, time);
    });

    it("tells of each observation, payment, change and removal, and of the slippage in force", async () => {
      const { keeper } = net();
      const time = (await now(net())) + 10;
      await nextAt(net(), time);
      await expect(treasury.observe())
        .to.emit(treasury, "PriceObserved")
        .withArgs((sum: bigint) => sum > 0n, time);
      await net().networkHelpers.time.increase(31 * MINUTES);
      await expect(treasury.pay(cor().target, keeper.address, 7))
        .to.emit(treasury, "TreasuryPaid")
        .withArgs(cor().target, keeper.address, 7);
      expect(await treasury.slippage()).to.equal(300n);
      await expect(treasury.setSlippage(1_000)).to.emit(treasury, "SlippageChanged").withArgs(1_000);
      expect(await treasury.slippage()).to.equal(1_000n);
      await treasury.addLiquidity(parseEther("20000"), parseEther("2"), FOREVER);
      const shares = (await pair.getFunction("balanceOf").staticCall(treasury.target)) as bigint;
      const before = [await cor().balanceOf(treasury.target), await wethOf(treasury.target)] as const;
      const [gainedCor, gainedWeth] = await (async () => {
        const start = await net().networkHelpers.takeSnapshot();
        await treasury.removeLiquidity(shares, FOREVER);
        const gained = [(await cor().balanceOf(treasury.target)) - before[0], (await wethOf(treasury.target)) - before[1]] as const;
        await start.restore();
        return gained;
      })();
      await expect(treasury.removeLiquidity(shares, FOREVER)).to.emit(treasury, "LiquidityRemoved").withArgs(gainedCor, gainedWeth, shares);
    });

    it("M9 collects the protocol's fees, as owed by SessionPayment, at anybody's call", async () => {
      const { modules, stranger, router } = net();
      const task = await net().submit();
      await net().commitCarried(task);
      await net().networkHelpers.mine(1);
      await modules.SessionQueue.connect(router).reveal(net().handover(task));
      await modules.SessionPayment.collectFees([router.address]);
      const fees = await modules.SessionPayment.owedTo(modules.Treasury.target);
      expect(fees > 0n).to.equal(true);
      await expect(modules.Treasury.connect(stranger).collect()).to.emit(modules.Treasury, "FeesReceived").withArgs(fees);
      expect(await cor().balanceOf(modules.Treasury.target)).to.equal(fees);
    });

    it("H4 spends by governance alone, pays nobody who is restricted, and without a pair trades with nobody", async () => {
      const { modules, stranger, keeper } = net();
      const as = treasury.connect(stranger);
      for (const call of [
        as.buyBack(1, FOREVER),
        as.addLiquidity(1, 1, FOREVER),
        as.removeLiquidity(1, FOREVER),
        as.pay(cor().target, stranger.address, 1),
        as.setSlippage(0),
      ])
        await expect(call).to.be.revertedWithCustomError(treasury, "AccessManagedUnauthorized");
      await treasury.pay(cor().target, keeper.address, 7);
      expect(await cor().balanceOf(keeper.address)).to.equal(7n);
      await expect(treasury.pay(cor().target, ZeroAddress, 7)).to.be.revertedWithCustomError(treasury, "TreasuryZeroAddress");
      await modules.RestrictedList.setRestricted([keeper.address], true);
      await expect(treasury.pay(cor().target, keeper.address, 7)).to.be.revertedWithCustomError(
        modules.RestrictedList,
        "RestrictedAccount",
      );
      expect(await modules.RestrictedList.isRestricted(keeper.address)).to.equal(true);
      await expect(modules.Treasury.observe()).to.be.revertedWithCustomError(modules.Treasury, "TreasuryNoPair");
    });
  });
