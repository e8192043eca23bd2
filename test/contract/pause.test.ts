import { expect } from "chai";
import { type Contract, parseEther } from "ethers";
import { PAUSABLE } from "../../scripts/deploy.ts";
import type { IPausable } from "../../types/ethers-contracts/contracts/interfaces/IPausable.ts";
import { MODEL, promptsOf } from "./network.ts";
import { eventsIn, moveTo, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const DAY = 86_400;
const LONGEST = 14 * DAY;
const COOL_DOWN = 30 * DAY;

describe("The guardian's pause", () => {
  const net = useNetwork({ nodes: 3 }, async ({ modules, deployer, stranger }) => {
    await modules.AccessManager.connect(deployer).grantRole(1, stranger.address, 0);
    await modules.COR.transfer(stranger.address, parseEther("1000000"));
    for (const name of ["NodePool", "Staking", "SessionPayment"] as const)
      await modules.COR.connect(stranger).approve(modules[name].target, parseEther("1000000"));
  });
  const pausable = (name: (typeof PAUSABLE)[number]): IPausable => net().modules[name];

  async function pauseAll(duration: number) {
    for (const name of PAUSABLE) await pausable(name).connect(net().stranger).pause(duration);
  }

  for (const name of PAUSABLE) {
    it(`H2 ${name}: lasts at most 14 days, ends by itself, and cannot begin again within 30 days of its end`, async () => {
      const contract = pausable(name).connect(net().stranger);
      await expect(contract.pause(LONGEST + 1))
        .to.be.revertedWithCustomError(contract, "PauseTooLong")
        .withArgs(LONGEST + 1, LONGEST);
      const from = (await now(net())) + 9;
      await nextAt(net(), from);
      await expect(contract.pause(LONGEST))
        .to.emit(contract, "PauseChanged")
        .withArgs(from + LONGEST - 1);
      const until = from + LONGEST - 1;
      expect(await contract.pausedUntil()).to.equal(until);
      await nextAt(net(), until + COOL_DOWN);
      await expect(contract.pause(1))
        .to.be.revertedWithCustomError(contract, "PauseTooEarly")
        .withArgs(until + COOL_DOWN, until + COOL_DOWN + 1);
      await nextAt(net(), until + COOL_DOWN + 1);
      await contract.pause(1);
      expect(await contract.pausedUntil()).to.equal(until + COOL_DOWN + 1);
    });

    it(`H2 ${name}: can be lifted early, and the cool-down begins then`, async () => {
      const contract = pausable(name).connect(net().stranger);
      await expect(contract.pause(0)).to.be.revertedWithCustomError(contract, "PauseNotActive");
      await contract.pause(LONGEST);
      const lifted = (await now(net())) + DAY;
      await nextAt(net(), lifted);
      await contract.pause(0);
      expect(await contract.pausedUntil()).to.equal(lifted - 1);
      await nextAt(net(), lifted + COOL_DOWN - 1);
      await expect(contract.pause(1)).to.be.revertedWithCustomError(contract, "PauseTooEarly");
      await nextAt(net(), lifted + COOL_DOWN);
      await contract.pause(1);
    });

    it(`H2 ${name}: can be lifted through its last second, and not in the next`, async () => {
      const contract = pausable(name).connect(net().stranger);
      const { networkHelpers } = net();
      await contract.pause(DAY);
      const until = await contract.pausedUntil();
      const start = await networkHelpers.takeSnapshot();
      await nextAt(net(), until + 1n);
      await expect(contract.pause(0)).to.be.revertedWithCustomError(contract, "PauseNotActive").withArgs(until);
      await start.restore();
      await nextAt(net(), until);
      await contract.pause(0);
      expect(await contract.pausedUntil()).to.equal(until - 1n);
    });

    it(`H4 ${name}: is for the guardian's role, and administrators of the AccessManager without it are refused`, async () => {
      const { keeper, modules, deployer } = net();
      await modules.AccessManager.connect(deployer).revokeRole(1, deployer.address);
      for (const signer of [keeper, deployer])
        await expect(pausable(name).connect(signer).pause(1)).to.be.revertedWithCustomError(pausable(name), "AccessManagedUnauthorized");
    });
  }

  it("H2 stops registration, new stake, opening, leases and tasks without a lease through its last second, and not one longer", async () => {
    const { modules, stranger, client, session, operators, terms } = net();
    const { NodePool, Session, Staking } = modules;
    await Session.connect(client).open({ ...terms, mode: 1, queueWindow: 600 });
    await Session.connect(client).open(terms);
    await modules.SessionPayment.connect(client).deposit(2, parseEther("1000"));
    await modules.SessionPayment.connect(client).deposit(3, parseEther("1000"));
    const stake = parseEther("20000");
    const [node, owner] = [...operators][0]!;
    await modules.COR.transfer(owner.address, stake);
    await modules.COR.connect(owner).approve(NodePool.target, stake);
    const attempts: [string, Contract, () => Promise<unknown>][] = [
      ["register", NodePool as never, () => NodePool.connect(stranger).register(stranger.address, MODEL, stake, "")],
      ["addStake", NodePool as never, () => NodePool.connect(owner).addStake(node, 1)],
      ["open", Session as never, () => Session.connect(stranger).open(terms)],
      ["submit without a lease", Session as never, () => Session.connect(client).submit(2, net().request(1))],
      ["reserve", Session as never, () => Session.connect(client).reserve(3, 5_000, 0)],
      ["stake", Staking as never, () => Staking.connect(stranger).stake(0, 1)],
    ];
    const from = (await now(net())) + 9;
    await nextAt(net(), from);
    await pauseAll(DAY);
    const until = Math.min(...(await Promise.all(PAUSABLE.map(async (name) => Number(await pausable(name).pausedUntil())))));
    for (const [what, contract, act] of attempts) {
      await expect(act(), what).to.be.revertedWithCustomError(contract, "PauseActive");
    }
    expect(until).to.equal(from + DAY - 1);
    // In the last second of each contract's own pause, and in the next.
    for (const [what, contract, act] of attempts) {
      const start = await net().networkHelpers.takeSnapshot();
      const last = await (contract as unknown as IPausable).pausedUntil();
      await nextAt(net(), last);
      await expect(act(), `${what} in the last second`).to.be.revertedWithCustomError(contract, "PauseActive").withArgs(last);
      await start.restore();
      await nextAt(net(), last + 1n);
      await expect(act(), `${what} in the next second`).not.to.revert(net().ethers);
      await start.restore();
    }
    await moveTo(net(), until + 3);
    for (const [what, , act] of attempts) await expect(act(), what).not.to.revert(net().ethers);
    expect(await Session.ownerOf(session)).to.equal(client.address);
  });

  it("H1 H2 leaves everything else as it is: a task under a lease is born, runs and is paid; money, stake and principal leave", async () => {
    const { modules, client, stranger, session, operators, parameters, networkHelpers } = net();
    const { Session, SessionPayment, NodePool, Staking } = modules;
    await Staking.connect(stranger).stake(0, 1_000n);
    const running = await net().submit();
    await pauseAll(LONGEST);
    const born = await net().submit();
    for (const task of [running, born]) {
      await net().commitCarried(task);
      await networkHelpers.mine(1);
      const receipt = await receiptOf(modules.SessionQueue.reveal(net().handover(task)));
      expect(eventsIn(receipt, modules.SessionQueue, "TaskSettled")).to.have.length(promptsOf(task));
    }
    await Session.connect(client).close(session);
    await Session.connect(client).refund(session, client.address, (await SessionPayment.balanceOf(session)).available);
    for (const [node, owner] of operators) {
      await SessionPayment.connect(owner).withdrawNode(node, owner.address);
      await NodePool.connect(owner).requestExit(node);
    }
    await modules.COR.approve(SessionPayment.target, 10);
    await SessionPayment.deposit(session, 10);
    await networkHelpers.time.increase(DAY + parameters.pool.thaw);
    await NodePool.collect(1);
    for (const [node, owner] of operators) await NodePool.connect(owner).withdrawStake(node, owner.address);
    expect((await NodePool.totals())[0]).to.equal(0n);
    // The shortest lock outlasts the longest pause, so the next one is on when it ends.
    await networkHelpers.time.increase(COOL_DOWN + LONGEST);
    await pauseAll(LONGEST);
    await Staking.connect(stranger).unstake(1, stranger.address);
    expect(await Staking.totalStaked()).to.equal(0n);
  });
});
