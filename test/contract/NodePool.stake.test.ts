import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { MODEL, type Network } from "./network.ts";
import { eventsIn, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const OTHER_MODEL = `0x${"ef".repeat(32)}`;
const DAY = 86_400;

describe("NodePool: stake", () => {
  const net = useNetwork({ nodes: 2, leased: false });
  const pool = () => net().modules.NodePool;
  const token = () => net().modules.COR;
  const minStake = () => net().parameters.pool.minStake;
  /** An account with COR that the pool may take. */
  async function funded(signer: Network["client"], amount = 10n * minStake()) {
    await token().transfer(signer.address, amount);
    await token().connect(signer).approve(pool().target, amount);
    return pool().connect(signer);
  }
  const owner = () => net().operators.get(1)!;

  describe("register", () => {
    it("makes the caller owner and operator of an eligible node, and takes exactly the stake", async () => {
      const { keeper } = net();
      const as = await funded(keeper);
      const stake = minStake() + 5n;
      const [before, held] = [await token().balanceOf(keeper.address), await token().balanceOf(pool().target)];
      const receipt = await receiptOf(as.register(keeper.address, MODEL, stake, "http://a"));
      expect(eventsIn(receipt, pool(), "NodeRegistered").map((args) => [...args])).to.deep.equal([
        [3n, keeper.address, keeper.address, MODEL, stake],
      ]);
      expect(eventsIn(receipt, pool(), "EndpointChanged").map((args) => [...args])).to.deep.equal([[3n, "http://a"]]);
      expect(eventsIn(receipt, pool(), "OperatorChanged").map((args) => [...args])).to.deep.equal([[3n, keeper.address]]);
      expect(before - (await token().balanceOf(keeper.address))).to.equal(stake);
      expect((await token().balanceOf(pool().target)) - held).to.equal(stake);
      expect([...(await pool().totals())]).to.deep.equal([3n * minStake() + 5n, 0n]);
      const node = await pool().nodeOf(3);
      expect([node.operator, node.owner, node.stake, node.minStake, node.model]).to.deep.equal([
        keeper.address,
        keeper.address,
        stake,
        minStake(),
        MODEL,
      ]);
      expect([node.lease, node.listedAt, node.exitAt, node.admitted, node.available]).to.deep.equal([0n, 3n, 0n, true, true]);
      expect([await pool().isEligible(3), await pool().nodeCount(), await pool().nodeOfOperator(keeper.address)]).to.deep.equal([
        true,
        3n,
        3n,
      ]);
      expect(await pool().ownerOf(3)).to.equal(keeper.address);
    });

    it("refuses one unit too little, a zero operator, an unknown or deprecated model, and a long endpoint", async () => {
      const { keeper, deployer, modules } = net();
      const as = await funded(keeper);
      await expect(as.register(keeper.address, MODEL, minStake() - 1n, ""))
        .to.be.revertedWithCustomError(pool(), "NodePoolStakeTooLow")
        .withArgs(minStake() - 1n, minStake());
      await expect(as.register(ZeroAddress, MODEL, minStake(), "")).to.be.revertedWithCustomError(pool(), "NodePoolZeroAddress");
      await expect(as.register(keeper.address, OTHER_MODEL, minStake(), ""))
        .to.be.revertedWithCustomError(pool(), "NodePoolModelUnavailable")
        .withArgs(OTHER_MODEL);
      await expect(as.register(keeper.address, MODEL, minStake(), "x".repeat(257)))
        .to.be.revertedWithCustomError(pool(), "NodePoolEndpointTooLong")
        .withArgs(257, 256);
      await as.register(keeper.address, MODEL, minStake(), "x".repeat(256));
      await modules.ModelRegistry.connect(deployer).deprecate(MODEL);
      await expect(as.register(net().stranger.address, MODEL, minStake(), ""))
        .to.be.revertedWithCustomError(pool(), "NodePoolModelUnavailable")
        .withArgs(MODEL);
    });

    it("is refused without the token's allowance or balance", async () => {
      const { stranger } = net();
      await expect(pool().connect(stranger).register(stranger.address, MODEL, minStake(), ""))
        .to.be.revertedWithCustomError(token(), "ERC20InsufficientAllowance")
        .withArgs(pool().target, 0, minStake());
    });

    it("an address operates one node at most", async () => {
      const { keeper } = net();
      const as = await funded(keeper);
      await as.register(keeper.address, MODEL, minStake(), "");
      await expect(as.register(keeper.address, MODEL, minStake(), ""))
        .to.be.revertedWithCustomError(pool(), "NodePoolOperatorTaken")
        .withArgs(keeper.address, 3);
    });
  });

  describe("operator", () => {
    it("another operator must accept before the node is eligible, and only the named address can", async () => {
      const { keeper, stranger, router } = net();
      const as = await funded(keeper);
      const receipt = await receiptOf(as.register(stranger.address, MODEL, minStake(), ""));
      expect(eventsIn(receipt, pool(), "OperatorProposed").map((args) => [...args])).to.deep.equal([[3n, stranger.address]]);
      expect([await pool().isEligible(3), (await pool().nodeOf(3)).operator, await pool().nodeOfOperator(stranger.address)]).to.deep.equal([
        false,
        ZeroAddress,
        0n,
      ]);
      await expect(pool().connect(router).acceptOperator(3))
        .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
        .withArgs(router.address, stranger.address);
      await expect(pool().connect(stranger).acceptOperator(3)).to.emit(pool(), "OperatorChanged").withArgs(3, stranger.address);
      expect([await pool().isEligible(3), await pool().nodeOfOperator(stranger.address)]).to.deep.equal([true, 3n]);
      await expect(pool().connect(stranger).acceptOperator(3))
        .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
        .withArgs(stranger.address, ZeroAddress);
    });

    it("a new operator replaces the old one, who may then operate another node", async () => {
      const { stranger, keeper } = net();
      const former = owner();
      await pool().connect(former).proposeOperator(1, stranger.address);
      await pool().connect(former).proposeOperator(1, keeper.address);
      await expect(pool().connect(stranger).acceptOperator(1), "the last proposal counts")
        .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
        .withArgs(stranger.address, keeper.address);
      expect((await pool().nodeOf(1)).operator, "the old one signs until then").to.equal(former.address);
      await pool().connect(keeper).acceptOperator(1);
      expect([await pool().nodeOfOperator(former.address), await pool().nodeOfOperator(keeper.address)]).to.deep.equal([0n, 1n]);
      const as = await funded(stranger);
      await as.register(former.address, MODEL, minStake(), "");
      await pool().connect(former).acceptOperator(3);
      expect(await pool().nodeOfOperator(former.address)).to.equal(3n);
    });

    it("an operator that is taken cannot accept, and only the owner proposes", async () => {
      const { stranger } = net();
      const [first, second] = [owner(), net().operators.get(2)!];
      await pool().connect(first).proposeOperator(1, second.address);
      await expect(pool().connect(second).acceptOperator(1))
        .to.be.revertedWithCustomError(pool(), "NodePoolOperatorTaken")
        .withArgs(second.address, 2);
      for (const signer of [second, stranger]) {
        await expect(pool().connect(signer).proposeOperator(1, stranger.address))
          .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
          .withArgs(signer.address, first.address);
      }
      await expect(pool().connect(first).proposeOperator(1, ZeroAddress)).to.be.revertedWithCustomError(pool(), "NodePoolZeroAddress");
      await expect(pool().connect(first).proposeOperator(7, first.address))
        .to.be.revertedWithCustomError(pool(), "NodePoolUnknownNode")
        .withArgs(7);
      await expect(pool().connect(first).acceptOperator(7)).to.be.revertedWithCustomError(pool(), "NodePoolUnknownNode").withArgs(7);
    });

    it("operator or owner announces where content is served", async () => {
      const { stranger, keeper } = net();
      await pool().connect(owner()).proposeOperator(1, keeper.address);
      await pool().connect(keeper).acceptOperator(1);
      for (const signer of [owner(), keeper]) {
        await expect(pool().connect(signer).announceEndpoint(1, "http://b")).to.emit(pool(), "EndpointChanged").withArgs(1, "http://b");
      }
      await expect(pool().connect(stranger).announceEndpoint(1, ""))
        .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
        .withArgs(stranger.address, keeper.address);
      await expect(pool().connect(keeper).announceEndpoint(1, "x".repeat(257)))
        .to.be.revertedWithCustomError(pool(), "NodePoolEndpointTooLong")
        .withArgs(257, 256);
    });
  });

  describe("stake and exit", () => {
    it("E6 only the owner adds stake, so nobody else can re-time an exit", async () => {
      const { stranger } = net();
      const as = await funded(stranger);
      await expect(as.addStake(1, 1n))
        .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
        .withArgs(stranger.address, owner().address);
      await token().transfer(owner().address, 7n);
      await token().connect(owner()).approve(pool().target, 7n);
      await expect(pool().connect(owner()).addStake(1, 7n))
        .to.emit(pool(), "StakeAdded")
        .withArgs(1, 7, minStake() + 7n);
      expect([...(await pool().totals())]).to.deep.equal([2n * minStake() + 7n, 0n]);
    });

    it("E2 leaves after the thaw: not a second earlier, and whole", async () => {
      const { stranger, parameters } = net();
      const as = pool().connect(owner());
      await expect(as.withdrawStake(1, owner().address)).to.be.revertedWithCustomError(pool(), "NodePoolExitState").withArgs(1, 0);
      const second = (await now(net())) + 10;
      const exitAt = second + parameters.pool.thaw;
      await nextAt(net(), second);
      await expect(as.requestExit(1)).to.emit(pool(), "ExitRequested").withArgs(1, exitAt);
      expect([await pool().isEligible(1), await pool().eligibleCount(MODEL)]).to.deep.equal([false, 1n]);
      await expect(as.requestExit(1)).to.be.revertedWithCustomError(pool(), "NodePoolExitState").withArgs(1, exitAt);
      await nextAt(net(), exitAt - 1);
      await expect(as.withdrawStake(1, owner().address))
        .to.be.revertedWithCustomError(pool(), "NodePoolTooEarly")
        .withArgs(exitAt - 1, exitAt);
      await nextAt(net(), exitAt);
      await expect(as.withdrawStake(1, stranger.address)).to.emit(pool(), "StakeWithdrawn").withArgs(1, stranger.address, minStake());
      expect(await token().balanceOf(stranger.address)).to.equal(minStake());
      expect([...(await pool().totals())]).to.deep.equal([minStake(), 0n]);
      const node = await pool().nodeOf(1);
      expect([node.operator, node.stake, await pool().nodeOfOperator(owner().address)]).to.deep.equal([ZeroAddress, 0n, 0n]);
      await as.withdrawStake(1, stranger.address);
      expect(await token().balanceOf(stranger.address), "nothing the second time").to.equal(minStake());
    });

    it("exit and withdrawal are the owner's, and go to somebody", async () => {
      const { stranger, deployer } = net();
      for (const signer of [stranger, deployer]) {
        const as = pool().connect(signer);
        for (const send of [() => as.requestExit(1), () => as.withdrawStake(1, signer.address)]) {
          await expect(send()).to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized").withArgs(signer.address, owner().address);
        }
      }
      await expect(pool().connect(owner()).withdrawStake(1, ZeroAddress)).to.be.revertedWithCustomError(pool(), "NodePoolZeroAddress");
      await expect(pool().connect(owner()).requestExit(9)).to.be.revertedWithCustomError(pool(), "NodePoolUnknownNode").withArgs(9);
    });

    it("a node that left for good never comes back: neither by stake, nor by an operator, nor by admission", async () => {
      const { deployer, stranger } = net();
      const as = pool().connect(owner());
      await as.requestExit(1);
      await token().transfer(owner().address, 5n * minStake());
      await token()
        .connect(owner())
        .approve(pool().target, 5n * minStake());
      await as.addStake(1, minStake());
      await as.serve(1, MODEL, true);
      await pool().connect(deployer).admit(1, true);
      expect(await pool().isEligible(1)).to.equal(false);
      await nextAt(net(), (await pool().nodeOf(1)).exitAt);
      await as.withdrawStake(1, stranger.address);
      expect(await token().balanceOf(stranger.address), "what was added came out too").to.equal(2n * minStake());
      await as.proposeOperator(1, stranger.address);
      await pool().connect(stranger).acceptOperator(1);
      await as.addStake(1, minStake());
      expect([await pool().isEligible(1), await pool().eligibleCount(MODEL)]).to.deep.equal([false, 1n]);
    });

    it("E5 pays what a slash left, and only governance moves what was slashed", async () => {
      const { ethers, networkHelpers, modules, deployer, keeper, stranger, parameters } = net();
      const queue = modules.SessionQueue.target as string;
      await networkHelpers.impersonateAccount(queue);
      await networkHelpers.setBalance(queue, 10n ** 20n);
      const penalty = parameters.pool.unopenedPenalty;
      await pool().connect(owner()).requestExit(1);
      for (const signer of [deployer, stranger, owner()]) {
        await expect(pool().connect(signer).slashUnopened(1, 0, 600))
          .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
          .withArgs(signer.address, queue);
      }
      await expect(
        pool()
          .connect(await ethers.getSigner(queue))
          .slashUnopened(1, 0, 600),
      )
        .to.emit(pool(), "NodeSlashed")
        .withArgs(1, penalty, minStake() - penalty);
      expect([...(await pool().totals()), await token().balanceOf(pool().target)]).to.deep.equal([
        2n * minStake() - penalty,
        penalty,
        2n * minStake(),
      ]);
      await nextAt(net(), (await pool().nodeOf(1)).exitAt);
      await expect(pool().connect(owner()).withdrawStake(1, owner().address))
        .to.emit(pool(), "StakeWithdrawn")
        .withArgs(1, owner().address, minStake() - penalty);
      await expect(pool().connect(deployer).sweepSlashed(ZeroAddress)).to.be.revertedWithCustomError(pool(), "NodePoolZeroAddress");
      await expect(pool().connect(deployer).sweepSlashed(keeper.address)).to.emit(pool(), "SlashedSwept").withArgs(keeper.address, penalty);
      expect([await token().balanceOf(keeper.address), await token().balanceOf(pool().target)]).to.deep.equal([penalty, minStake()]);
      await pool().connect(deployer).sweepSlashed(keeper.address);
      expect(await token().balanceOf(keeper.address), "H3 stake is out of its reach").to.equal(penalty);
    });
  });

  it("H6 a higher minimum is for nodes that come after, and the thaw has a floor", async () => {
    const { deployer, keeper, parameters } = net();
    const next = { ...parameters.pool, minStake: 2n * minStake(), thaw: DAY };
    await expect(
      pool()
        .connect(deployer)
        .setParameters({ ...next, thaw: DAY - 1 }),
    )
      .to.be.revertedWithCustomError(pool(), "NodePoolThawTooShort")
      .withArgs(DAY - 1, DAY);
    await expect(pool().connect(deployer).setParameters(next)).to.emit(pool(), "ParametersChanged");
    expect([...(await pool().parameters())]).to.deep.equal(
      [...Object.values(next)].map((value) => (typeof value === "number" ? BigInt(value) : value)),
    );
    expect(await pool().isEligible(1)).to.equal(true);
    await pool().connect(owner()).serve(1, MODEL, false);
    await pool().connect(owner()).serve(1, MODEL, true);
    expect(await pool().isEligible(1), "keeps the minimum that it entered with").to.equal(true);
    const as = await funded(keeper);
    await expect(as.register(keeper.address, MODEL, next.minStake - 1n, ""))
      .to.be.revertedWithCustomError(pool(), "NodePoolStakeTooLow")
      .withArgs(next.minStake - 1n, next.minStake);
  });

  it("H6 a longer thaw is for nodes that come after, so governance cannot hold back a stake that is in the pool", async () => {
    const { deployer, parameters } = net();
    await pool()
      .connect(deployer)
      .setParameters({ ...parameters.pool, thaw: 2 ** 32 - 1 });
    const second = (await now(net())) + 10;
    await nextAt(net(), second);
    await pool().connect(owner()).requestExit(1);
    expect((await pool().nodeOf(1)).exitAt).to.equal(BigInt(second + parameters.pool.thaw));
  });

  it("a closed pool admits by governance, and a dismissed node is not drawn until it is let in again", async () => {
    const { deployer, keeper, stranger, parameters } = net();
    await pool()
      .connect(deployer)
      .setParameters({ ...parameters.pool, open: false });
    const as = await funded(keeper);
    await as.register(keeper.address, MODEL, minStake(), "");
    expect([await pool().isEligible(3), await pool().isEligible(1)]).to.deep.equal([false, true]);
    await expect(pool().connect(stranger).admit(3, true))
      .to.be.revertedWithCustomError(pool(), "AccessManagedUnauthorized")
      .withArgs(stranger.address);
    await expect(pool().connect(deployer).admit(3, true)).to.emit(pool(), "NodeAdmitted").withArgs(3, true);
    expect(await pool().eligibleCount(MODEL)).to.equal(3n);
    await pool().connect(deployer).admit(1, false);
    expect([...(await pool().eligible(MODEL, 0, 9))].map(Number)).to.deep.equal([3, 2]);
    await pool().connect(deployer).admit(1, true);
    expect([...(await pool().eligible(MODEL, 0, 9))].map(Number)).to.deep.equal([3, 2, 1]);
    await expect(pool().connect(deployer).admit(9, true)).to.be.revertedWithCustomError(pool(), "NodePoolUnknownNode").withArgs(9);
  });
});
