import { expect } from "chai";
import { id, parseEther } from "ethers";
import { agreeing } from "./network.ts";
import { eventsIn, now, receiptOf, useNetwork } from "./suite.ts";

const FOR = 1;
const AGAINST = 0;
const STATE = { pending: 0n, active: 1n, canceled: 2n, defeated: 3n, succeeded: 4n, queued: 5n, executed: 7n };

describe("Governance", () => {
  // As on a real network: the account that deployed has no office left.
  const local = {
    timelockDelay: 3_600,
    votes: { votingDelay: 60, votingPeriod: 3_600, lateQuorum: 600, quorumPercent: 4, proposalThreshold: parseEther("100000") },
  };
  const net = useNetwork(
    { nodes: 3, parameters: { governance: { ...local, deployerStays: false } } },
    async ({ modules, client, keeper, stranger }) => {
      // A holder and a staker, with 3 % of all COR each: neither is a quorum.
      await modules.COR.transfer(keeper.address, parseEther("30000000"));
      await modules.COR.connect(keeper).delegate(keeper.address);
      await modules.COR.transfer(stranger.address, parseEther("30000000"));
      await modules.COR.connect(stranger).approve(modules.Staking.target, parseEther("30000000"));
      await modules.Staking.connect(stranger).stake(2, parseEther("30000000"));
      await modules.COR.connect(client).delegate(client.address);
    },
  );
  const { time } = { time: () => net().networkHelpers.time };

  /** What a proposal to call one governed function of a module is. */
  function proposalTo(module: "Session" | "ModelRegistry" | "NodePool", method: string, args: unknown[]) {
    const contract = net().modules[module];
    const data = (contract.interface as unknown as { encodeFunctionData(name: string, values: unknown[]): string }).encodeFunctionData(
      method,
      args,
    );
    return [[contract.target as string], [0n], [data]] as [string[], bigint[], string[]];
  }

  /** What the keeper's proposal is numbered. */
  async function proposed(call: ReturnType<typeof proposalTo>, why: string): Promise<bigint> {
    const { CorGovernor } = net().modules;
    const receipt = await receiptOf(CorGovernor.connect(net().keeper).propose(...call, why));
    return eventsIn(receipt, CorGovernor, "ProposalCreated")[0]!["proposalId"] as bigint;
  }

  async function voted(call: ReturnType<typeof proposalTo>, why: string, support = FOR) {
    const { modules, keeper, stranger } = net();
    const { CorGovernor } = modules;
    const proposal = await proposed(call, why);
    expect(await CorGovernor.state(proposal)).to.equal(STATE.pending);
    await time().increase(local.votes.votingDelay + 1);
    await CorGovernor.connect(keeper).castVote(proposal, support);
    await CorGovernor.connect(stranger).castVote(proposal, support);
    return proposal;
  }

  it("M8 H6 a vote of holders and stakers changes a parameter after the timelock, and no task or session that exists", async () => {
    const { modules, keeper, client, session, parameters } = net();
    const { CorGovernor, Session } = modules;
    const running = await net().submit();
    await net().commitCarried(running);
    const rules = (await Session.sessionOf(session)).rules;
    const next = { ...parameters.session, protocolFeeBps: 900, leaseRate: 7n };
    const call = proposalTo("Session", "setParameters", [next]);
    const proposal = await voted(call, "dearer");
    expect(await CorGovernor.state(proposal)).to.equal(STATE.active);
    await expect(CorGovernor.queue(...call, id("dearer"))).to.be.revertedWithCustomError(CorGovernor, "GovernorUnexpectedProposalState");
    await time().increase(local.votes.votingPeriod);
    expect(await CorGovernor.state(proposal)).to.equal(STATE.succeeded);
    await CorGovernor.connect(client).queue(...call, id("dearer"));
    const due = await CorGovernor.proposalEta(proposal);
    expect(Number(due)).to.equal((await now(net())) + local.timelockDelay);
    await expect(CorGovernor.execute(...call, id("dearer"))).to.be.revertedWithCustomError(
      modules.TimelockController,
      "TimelockUnexpectedOperationState",
    );
    await time().increaseTo(due);
    await expect(CorGovernor.connect(client).execute(...call, id("dearer"))).to.emit(Session, "ParametersChanged");
    expect(await CorGovernor.state(proposal)).to.equal(STATE.executed);
    expect((await Session.parameters()).protocolFeeBps).to.equal(900n);
    expect((await Session.sessionOf(session)).rules, "a session keeps its rules").to.equal(rules);
    // The task is long past its windows: it ends by its own rules, whole refund included.
    const { available, locked } = await modules.SessionPayment.balanceOf(session);
    await modules.SessionQueue.connect(keeper).settle(net().handover(running, []));
    const after = await modules.SessionPayment.balanceOf(session);
    expect(after.available).to.equal(available + locked);
  });

  it("M8 a vote against, and one without a quorum, change nothing", async () => {
    const { modules, keeper } = net();
    const { CorGovernor } = modules;
    const refused = await voted(proposalTo("ModelRegistry", "deprecate", [id("any")]), "no", AGAINST);
    await time().increase(local.votes.votingPeriod + 1);
    expect(await CorGovernor.state(refused)).to.equal(STATE.defeated);
    const call = proposalTo("ModelRegistry", "deprecate", [id("other")]);
    const proposal = await proposed(call, "alone");
    await time().increase(local.votes.votingDelay + 1);
    await CorGovernor.connect(keeper).castVote(proposal, FOR);
    await time().increase(local.votes.votingPeriod + 1);
    expect(await CorGovernor.state(proposal)).to.equal(STATE.defeated);
    expect(await CorGovernor.quorum((await now(net())) - 1)).to.equal(parseEther("40000000"));
  });

  it("M8 a quorum that is reached late leaves time to answer", async () => {
    const { modules, keeper, stranger } = net();
    const { CorGovernor } = modules;
    const call = proposalTo("ModelRegistry", "deprecate", [id("late")]);
    const proposal = await proposed(call, "late");
    await time().increase(local.votes.votingDelay + 1);
    await CorGovernor.connect(keeper).castVote(proposal, FOR);
    const deadline = await CorGovernor.proposalDeadline(proposal);
    await time().increaseTo(deadline - 10n);
    await CorGovernor.connect(stranger).castVote(proposal, FOR);
    expect(await CorGovernor.proposalDeadline(proposal)).to.equal(BigInt((await now(net())) + local.votes.lateQuorum));
  });

  it("M8 whoever proposed may take it back before the vote begins, nobody else, and a canceled proposal stays so", async () => {
    const { modules, keeper, stranger } = net();
    const { CorGovernor } = modules;
    const call = proposalTo("ModelRegistry", "deprecate", [id("taken back")]);
    const proposal = await proposed(call, "taken back");
    await expect(CorGovernor.connect(stranger).cancel(...call, id("taken back"))).to.be.revertedWithCustomError(
      CorGovernor,
      "GovernorUnableToCancel",
    );
    await expect(CorGovernor.connect(keeper).cancel(...call, id("taken back")))
      .to.emit(CorGovernor, "ProposalCanceled")
      .withArgs(proposal);
    expect(await CorGovernor.state(proposal)).to.equal(STATE.canceled);
    await time().increase(local.votes.votingDelay + 1);
    await expect(CorGovernor.connect(keeper).castVote(proposal, FOR)).to.be.revertedWithCustomError(
      CorGovernor,
      "GovernorUnexpectedProposalState",
    );
  });

  it("M8 H4 a vote changes the rules of voting through the timelock, and nobody changes them beside it", async () => {
    const { modules, keeper, client } = net();
    const { CorGovernor } = modules;
    const data = CorGovernor.interface.encodeFunctionData("setVotingPeriod", [7_200]);
    await expect(CorGovernor.connect(keeper).setVotingPeriod(7_200))
      .to.be.revertedWithCustomError(CorGovernor, "GovernorOnlyExecutor")
      .withArgs(keeper.address);
    const call: ReturnType<typeof proposalTo> = [[CorGovernor.target as string], [0n], [data]];
    await voted(call, "slower");
    await time().increase(local.votes.votingPeriod);
    await CorGovernor.connect(client).queue(...call, id("slower"));
    await time().increase(local.timelockDelay + 1);
    await CorGovernor.connect(client).execute(...call, id("slower"));
    expect(await CorGovernor.votingPeriod()).to.equal(7_200n);
  });

  it("H4 proposing needs the threshold; the account that deployed has no office left; the timelock obeys the governor alone", async () => {
    const { modules, deployer, router } = net();
    const call = proposalTo("NodePool", "sweepSlashed", [router.address]);
    await expect(modules.CorGovernor.connect(router).propose(...call, "mine")).to.be.revertedWithCustomError(
      modules.CorGovernor,
      "GovernorInsufficientProposerVotes",
    );
    await expect(modules.NodePool.connect(deployer).sweepSlashed(deployer.address)).to.be.revertedWithCustomError(
      modules.NodePool,
      "AccessManagedUnauthorized",
    );
    await expect(modules.AccessManager.connect(deployer).grantRole(0, deployer.address, 0)).to.be.revertedWithCustomError(
      modules.AccessManager,
      "AccessManagerUnauthorizedAccount",
    );
    const zero = id("");
    await expect(
      modules.TimelockController.connect(deployer).schedule(modules.NodePool.target, 0, "0x", zero, zero, 3_600),
    ).to.be.revertedWithCustomError(modules.TimelockController, "AccessControlUnauthorizedAccount");
  });

  it("H1 G1 with governance dead for ever, everything that runs ends and everybody takes what is theirs", async () => {
    const { modules, client, keeper, router, stranger, session, operators, parameters, networkHelpers } = net();
    // Nobody votes, nobody administers: the deployer's office is gone since the deployment.
    const task = await net().submit();
    await net().commitCarried(task, () => agreeing(1));
    await networkHelpers.mine(1);
    await modules.SessionQueue.connect(keeper).reveal(net().handover(task));
    for (const [node, owner] of operators) {
      await modules.SessionPayment.connect(owner).withdrawNode(node, owner.address);
      await modules.NodePool.connect(owner).requestExit(node);
    }
    await modules.Session.connect(client).refund(session, client.address, (await modules.SessionPayment.balanceOf(session)).available);
    // The router's fee, and the bounty, which is its alone while the window is young.
    await modules.SessionPayment.connect(router).withdraw(router.address);
    await modules.SessionPayment.collectFees([router.address]);
    await modules.Treasury.collect();
    expect(await modules.SessionPayment.liabilities()).to.equal(0n);
    await time().increase(86_400 + parameters.pool.thaw);
    for (const [node, owner] of operators) await modules.NodePool.connect(owner).withdrawStake(node, owner.address);
    await time().increase(84 * 86_400);
    await modules.Staking.connect(stranger).unstake(1, stranger.address);
    expect(await modules.COR.balanceOf(stranger.address)).to.equal(parseEther("30000000"));
  });
});
