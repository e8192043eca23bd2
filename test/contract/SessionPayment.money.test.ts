import { expect } from "chai";
import { Signature, ZeroAddress } from "ethers";
import { changeOf, ledgerOf, UNCHANGED } from "./ledger.ts";
import { agreeing, type Network, WINDOWS } from "./network.ts";
import { eventsIn, nextAt, now, receiptOf, signerAt, useNetwork } from "./suite.ts";

const MILLI = 10n ** 15n;

describe("SessionPayment: users' money", () => {
  const net = useNetwork();
  const payment = () => net().modules.SessionPayment;
  const token = () => net().modules.COR;
  const holding = () => token().balanceOf(payment().target);
  /** One task, accepted by all and settled by the keeper, when the bounty is no longer the router's alone. */
  async function serve(): Promise<number[]> {
    const task = await net().submit();
    await net().commitCarried(task);
    await net().networkHelpers.time.increase(WINDOWS.revealWindow * 0.3 + 1);
    await net().modules.SessionQueue.connect(net().keeper).reveal(net().handover(task));
    return net().seatsOf(task);
  }
  /** A permit by the client for an amount and the second until which it counts. */
  async function permitOf(amount: bigint, deadline: number, spender = payment().target as string) {
    const { client, domain } = net();
    const name = { name: "Corroborate", version: "1", chainId: domain.chainId, verifyingContract: token().target as string };
    const fields = ["owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256"];
    const types = { Permit: fields.map((field) => ({ name: field.split(":")[0]!, type: field.split(":")[1]! })) };
    const nonce = await token().nonces(client.address);
    return Signature.from(await client.signTypedData(name, types, { owner: client.address, spender, value: amount, nonce, deadline }));
  }

  describe("deposit", () => {
    it("anyone pays into a session: exactly what the token moved becomes available", async () => {
      const { deployer, session } = net();
      const before = await ledgerOf(net());
      const held = await holding();
      await token().connect(deployer).approve(payment().target, 700n);
      await expect(payment().connect(deployer).deposit(session, 700n))
        .to.emit(payment(), "Deposited")
        .withArgs(session, deployer.address, 700n);
      const after = await ledgerOf(net());
      expect([after.available - before.available, after.liabilities - before.liabilities, (await holding()) - held]).to.deep.equal([
        700n,
        700n,
        700n,
      ]);
      expect(after.locked).to.equal(before.locked);
    });

    it("is refused for session 0, which nobody can ever own", async () => {
      await expect(payment().connect(net().client).deposit(0, 1n)).to.be.revertedWithCustomError(payment(), "SessionPaymentNoSession");
    });

    it("for a number that is not taken yet is the money of whoever opens it", async () => {
      const { modules, client, stranger } = net();
      await payment().connect(client).deposit(2, 9n);
      await modules.Session.connect(stranger).open(net().terms);
      await modules.Session.connect(stranger).refund(2, stranger.address, 9n);
      expect(await token().balanceOf(stranger.address)).to.equal(9n);
    });

    it("is refused without allowance or balance, and changes nothing", async () => {
      const { stranger, session } = net();
      const before = await ledgerOf(net());
      await expect(payment().connect(stranger).deposit(session, 1n))
        .to.be.revertedWithCustomError(token(), "ERC20InsufficientAllowance")
        .withArgs(payment().target, 0, 1);
      await token().connect(stranger).approve(payment().target, 5n);
      await expect(payment().connect(stranger).deposit(session, 5n))
        .to.be.revertedWithCustomError(token(), "ERC20InsufficientBalance")
        .withArgs(stranger.address, 0, 5);
      expect(await ledgerOf(net())).to.deep.equal(before);
    });

    it("A8 by permit needs one transaction, and works also where somebody submitted the permit first", async () => {
      const { client, stranger, session } = net();
      await token().connect(client).approve(payment().target, 0n);
      const deadline = (await now(net())) + 100;
      const before = await ledgerOf(net());
      const first = await permitOf(50n, deadline);
      await payment().connect(client).depositWithPermit(session, 50n, deadline, first.v, first.r, first.s);
      const second = await permitOf(60n, deadline);
      await token().connect(stranger).permit(client.address, payment().target, 60n, deadline, second.v, second.r, second.s);
      await payment().connect(client).depositWithPermit(session, 60n, deadline, second.v, second.r, second.s);
      expect((await ledgerOf(net())).available - before.available).to.equal(110n);
      expect(await token().allowance(client.address, payment().target)).to.equal(0n);
    });

    it("H5 A8 by a permit that is late, used, or by or for another account moves nothing without allowance", async () => {
      const { client, stranger, session } = net();
      await token().connect(client).approve(payment().target, 0n);
      const deadline = (await now(net())) + 100;
      const good = await permitOf(50n, deadline);
      const other = await permitOf(50n, deadline, stranger.address);
      const refused = async (signature: Signature, signer: Network["client"] = client, until = deadline) =>
        expect(
          payment().connect(signer).depositWithPermit(session, 50n, until, signature.v, signature.r, signature.s),
        ).to.be.revertedWithCustomError(token(), "ERC20InsufficientAllowance");
      await refused(other);
      await refused(good, stranger);
      await refused(good, client, deadline + 1);
      await nextAt(net(), deadline + 1);
      await refused(good);
      const later = await permitOf(50n, deadline + 100);
      await payment()
        .connect(client)
        .depositWithPermit(session, 50n, deadline + 100, later.v, later.r, later.s);
      await refused(later, client, deadline + 100);
    });
  });

  describe("refund", () => {
    it("gives the owner what is available, to the last unit, and nothing that is locked", async () => {
      const { modules, client, deployer, session } = net();
      await net().submit();
      const { available, locked } = await payment().balanceOf(session);
      await expect(modules.Session.connect(client).refund(session, client.address, available + 1n))
        .to.be.revertedWithCustomError(payment(), "SessionPaymentInsufficient")
        .withArgs(session, available, available + 1n);
      const before = await token().balanceOf(deployer.address);
      const liabilities = await payment().liabilities();
      const sent = modules.Session.connect(client).refund(session, deployer.address, available);
      await expect(sent).to.emit(payment(), "Refunded").withArgs(session, deployer.address, available);
      await expect(sent).to.emit(modules.Session, "SessionRefunded").withArgs(session, deployer.address, available);
      expect((await token().balanceOf(deployer.address)) - before).to.equal(available);
      expect([...(await payment().balanceOf(session))]).to.deep.equal([0n, locked]);
      expect(await payment().liabilities()).to.equal(liabilities - available);
    });

    it("H3 is for the owner alone, not for routers, strangers or governance, and never to nobody", async () => {
      const { modules, client, router, stranger, deployer, session } = net();
      for (const signer of [router, stranger, deployer]) {
        await expect(modules.Session.connect(signer).refund(session, signer.address, 1n))
          .to.be.revertedWithCustomError(modules.Session, "SessionUnauthorized")
          .withArgs(session, signer.address);
      }
      await expect(modules.Session.connect(client).refund(session, ZeroAddress, 1n)).to.be.revertedWithCustomError(
        payment(),
        "SessionPaymentZeroAddress",
      );
      await modules.Session.connect(client).transfer(session, stranger.address);
      await expect(modules.Session.connect(client).refund(session, client.address, 1n)).to.be.revertedWithCustomError(
        modules.Session,
        "SessionUnauthorized",
      );
      await modules.Session.connect(stranger).refund(session, stranger.address, 1n);
      expect(await token().balanceOf(stranger.address)).to.equal(1n);
    });
  });

  describe("withdrawal", () => {
    it("F6 pays a node's owner all that it is owed, once", async () => {
      const { operators } = net();
      const [node] = await serve();
      const owner = operators.get(node!)!;
      const owed = await payment().owedToNode(node!);
      expect(owed).to.equal(135n * MILLI + 864n * MILLI);
      const [before, liabilities, held] = [await token().balanceOf(owner.address), await payment().liabilities(), await holding()];
      await expect(payment().connect(owner).withdrawNode(node!, owner.address))
        .to.emit(payment(), "NodeWithdrawn")
        .withArgs(node, owner.address, owed);
      expect((await token().balanceOf(owner.address)) - before).to.equal(owed);
      expect([liabilities - (await payment().liabilities()), held - (await holding())]).to.deep.equal([owed, owed]);
      await expect(payment().connect(owner).withdrawNode(node!, owner.address)).to.be.revertedWithCustomError(
        payment(),
        "SessionPaymentNothingOwed",
      );
      const record = await net().modules.Reputation.recordOf(node!);
      expect([record.tasks, record.accepted, record.score], "counters stay").to.deep.equal([1n, 1n, 1_562n]);
    });

    it("of a node is for its owner: not for a new operator, another node's owner or an unknown node", async () => {
      const { modules, operators, stranger } = net();
      const [node, other] = await serve();
      const owner = operators.get(node!)!;
      await modules.NodePool.connect(owner).proposeOperator(node!, stranger.address);
      await modules.NodePool.connect(stranger).acceptOperator(node!);
      for (const signer of [stranger, operators.get(other!)!]) {
        await expect(payment().connect(signer).withdrawNode(node!, signer.address))
          .to.be.revertedWithCustomError(payment(), "SessionPaymentUnauthorized")
          .withArgs(signer.address, owner.address);
      }
      await expect(payment().connect(owner).withdrawNode(99, owner.address))
        .to.be.revertedWithCustomError(payment(), "SessionPaymentUnauthorized")
        .withArgs(owner.address, ZeroAddress);
      await expect(payment().connect(owner).withdrawNode(node!, ZeroAddress)).to.be.revertedWithCustomError(
        payment(),
        "SessionPaymentZeroAddress",
      );
      expect(await payment().owedToNode(node!)).to.be.greaterThan(0n);
    });

    it("F6 pays routers and keepers what they are owed, once, to wherever they say", async () => {
      const { router, keeper, stranger } = net();
      await serve();
      for (const [account, owed] of [
        [router, 22_500_000_000_000_000n],
        [keeper, MILLI],
      ] as const) {
        const before = await token().balanceOf(stranger.address);
        await expect(payment().connect(account).withdraw(ZeroAddress)).to.be.revertedWithCustomError(
          payment(),
          "SessionPaymentZeroAddress",
        );
        await expect(payment().connect(account).withdraw(stranger.address))
          .to.emit(payment(), "AccountWithdrawn")
          .withArgs(account.address, stranger.address, owed);
        expect((await token().balanceOf(stranger.address)) - before).to.equal(owed);
        await expect(payment().connect(account).withdraw(account.address)).to.be.revertedWithCustomError(
          payment(),
          "SessionPaymentNothingOwed",
        );
      }
      await expect(payment().connect(stranger).withdraw(stranger.address)).to.be.revertedWithCustomError(
        payment(),
        "SessionPaymentNothingOwed",
      );
    });
  });

  describe("the protocol's fees", () => {
    it("wait where the keeper is paid, are untouched by its withdrawal, and anyone brings them to the treasury", async () => {
      const { keeper, stranger } = net();
      const treasury = await signerAt(net(), net().record.addresses.Treasury);
      await serve();
      const fees = 22_500_000_000_000_000n;
      await payment().connect(keeper).withdraw(keeper.address);
      expect([...(await payment().accountOf(keeper.address))]).to.deep.equal([0n, fees]);
      expect(await payment().owedTo(treasury.address)).to.equal(0n);
      const liabilities = await payment().liabilities();
      const receipt = await receiptOf(payment().connect(stranger).collectFees([keeper.address, keeper.address, treasury.address]));
      expect(eventsIn(receipt, payment(), "FeesCollected").map((args) => [...args])).to.deep.equal([
        [keeper.address, fees],
        [keeper.address, 0n],
        [treasury.address, 0n],
      ]);
      expect([...(await payment().accountOf(keeper.address))]).to.deep.equal([0n, 0n]);
      expect(await payment().owedTo(treasury.address)).to.equal(fees);
      expect(await payment().liabilities()).to.equal(liabilities);
      const before = await token().balanceOf(treasury.address);
      await payment().connect(treasury).withdraw(treasury.address);
      expect((await token().balanceOf(treasury.address)) - before).to.equal(fees);
    });

    it("of a treasury that settles itself become owed by the same call", async () => {
      const { modules } = net();
      const treasury = await signerAt(net(), net().record.addresses.Treasury);
      const task = await net().submit();
      await net().commitCarried(task);
      // Behind the part of the window in which the router alone earns the bounty.
      await net().networkHelpers.time.increase(200);
      await modules.SessionQueue.connect(treasury).reveal(net().handover(task));
      await payment().collectFees([treasury.address]);
      expect([...(await payment().accountOf(treasury.address))]).to.deep.equal([MILLI + 22_500_000_000_000_000n, 0n]);
    });
  });

  it("H4 locks, releases, settlements and lease payments are for Session and SessionQueue alone", async () => {
    const { modules, client, deployer, router, session } = net();
    const split = { locked: 1, router: ZeroAddress, routerFee: 0, keeper: client.address, bounty: 1, protocolFee: 0 };
    for (const signer of [client, deployer, router]) {
      const as = payment().connect(signer);
      const calls: [() => Promise<unknown>, unknown][] = [
        [() => as.lock(session, 1), modules.Session.target],
        [() => as.release(session, 1), modules.Session.target],
        [() => as.refund(session, signer.address, 1), modules.Session.target],
        [() => as.payLease(session, 1, 1, 1), modules.Session.target],
        [() => as.settle(session, split, []), modules.SessionQueue.target],
      ];
      for (const [send, wanted] of calls) {
        await expect(send()).to.be.revertedWithCustomError(payment(), "SessionPaymentUnauthorized").withArgs(signer.address, wanted);
      }
    }
  });

  it("A4 even the queue cannot spend more than was locked", async () => {
    const { modules, networkHelpers, ethers, keeper, session } = net();
    const queue = modules.SessionQueue.target as string;
    await networkHelpers.impersonateAccount(queue);
    await networkHelpers.setBalance(queue, 10n ** 20n);
    const as = payment().connect(await ethers.getSigner(queue));
    await net().submit();
    const { locked } = await payment().balanceOf(session);
    const split = { locked: 10, router: ZeroAddress, routerFee: 0, keeper: keeper.address, bounty: 8, protocolFee: 3 };
    await expect(as.settle(session, split, []))
      .to.be.revertedWithCustomError(payment(), "SessionPaymentOverspent")
      .withArgs(11, 10);
    await expect(as.settle(session, { ...split, locked: locked + 1n, bounty: 0, protocolFee: 0 }, []), "more than is locked").to.be.revert(
      ethers,
    );
    await expect(as.release(session, locked + 1n)).to.be.revert(ethers);
    await as.settle(session, { ...split, bounty: 7 }, []);
    expect((await payment().balanceOf(session)).locked).to.equal(locked - 10n);
  });

  it("A5 a lease's lock is owed in equal parts, and what does not divide goes back to the session", async () => {
    const { modules, networkHelpers, ethers, session } = net();
    const address = modules.Session.target as string;
    await networkHelpers.impersonateAccount(address);
    await networkHelpers.setBalance(address, 10n ** 20n);
    const as = payment().connect(await ethers.getSigner(address));
    const before = await ledgerOf(net());
    await as.lock(session, 11n);
    await as.payLease(session, 11n, 1 + 2 * 2 ** 24 + 3 * 2 ** 48, 3);
    const change = changeOf(before, await ledgerOf(net()), [1, 2, 3, 4]);
    expect(change).to.deep.equal({ ...UNCHANGED, available: -9n, nodes: [3n, 3n, 3n, 0n] });
  });

  it("A1 A2 A9 what is held equals what is somebody's, before, while and after work is done, and at last nothing is left", async () => {
    const { modules, client, keeper, router, operators, session } = net();
    const treasuryAccount = await signerAt(net(), net().record.addresses.Treasury);
    await token().connect(client).transfer(payment().target, 5n);
    const donations = 5n;
    const sums = async () => {
      const { available, locked, router: toRouter, keeper: toKeeper, fees, nodes, liabilities } = await ledgerOf(net());
      const treasury = await payment().owedTo(treasuryAccount.address);
      const sum = [...nodes.values()].reduce((total, one) => total + one, available + locked + toRouter + toKeeper + fees + treasury);
      expect([sum, await holding()]).to.deep.equal([liabilities, liabilities + donations]);
    };
    await sums();
    const open = await net().submit(4);
    await sums();
    await serve();
    await sums();
    await modules.Session.connect(client).reserve(session, 5_000, 0);
    await sums();
    await net().commitCarried(open, (seat) => (seat === 0 ? null : agreeing(4)));
    await nextAt(net(), (await net().factsOf(open)).commitsCloseAt + WINDOWS.revealWindow + 1);
    await modules.SessionQueue.settle(net().handover(open, []));
    await modules.Session.cancelReservation(session);
    await sums();
    await modules.Session.connect(client).refund(session, client.address, (await payment().balanceOf(session)).available);
    for (const [node, owner] of operators) await payment().connect(owner).withdrawNode(node, owner.address);
    await payment().collectFees([keeper.address]);
    for (const account of [router, keeper, treasuryAccount]) await payment().connect(account).withdraw(account.address);
    expect([await payment().liabilities(), await holding()]).to.deep.equal([0n, donations]);
  });

  it("refuses to be deployed without a treasury", async () => {
    const { ethers } = net();
    const factory = await ethers.getContractFactory("SessionPayment");
    const zero = ZeroAddress;
    await expect(factory.deploy(zero, zero, zero, zero, zero, zero)).to.be.revertedWithCustomError(payment(), "SessionPaymentZeroAddress");
  });
});
