import { expect } from "chai";
import { parseEther, type TransactionReceipt } from "ethers";
import { headerOf, type RawBlock } from "../../offchain/chain/blockHeader.ts";
import type { Task } from "./network.ts";
import { eventsIn, moveTo, now, receiptOf, useNetwork } from "./suite.ts";
import { FINE, validationOf, VERDICTS, WINDOW } from "./verdicts.ts";

describe("NodePool: what a standing chain cost comes back", () => {
  const net = useNetwork();
  const pool = () => net().modules.NodePool;
  const stakeOf = async (node: number) => (await pool().nodeOf(node)).stake;
  const blockAt = async (number: number | "latest"): Promise<RawBlock> =>
    (await net().ethers.provider.send("eth_getBlockByNumber", [
      typeof number === "number" ? `0x${number.toString(16)}` : number,
      false,
    ])) as RawBlock;
  const settle = (task: Task) => receiptOf(net().modules.SessionQueue.connect(net().stranger).settle(net().handover(task, [])));

  /** The headers of the last block and of the next, which comes at `second`. */
  async function standUntil(second: number): Promise<[last: string, next: string]> {
    const last = await blockAt("latest");
    await moveTo(net(), second);
    return [headerOf(last), headerOf(await blockAt(Number(last["number"]) + 1))];
  }

  /** All commit at `second` and nobody opens, because the chain stands until `wentOn` seconds after the last second to open. */
  async function lost(wentOn: number) {
    const task = await net().submit();
    await net().commitCarried(task);
    const { commitsCloseAt, revealWindow } = await net().factsOf(task);
    const until = Number(commitsCloseAt) + Number(revealWindow);
    return {
      task,
      closedAt: Number(commitsCloseAt),
      until,
      headers: await standUntil(until + wentOn),
      nodes: task.commits.map(({ node }) => node),
    };
  }

  it("G6 a window that the chain stood through costs no honest node its stake: whoever proves the gap gives it back", async () => {
    const { unopenedPenalty: penalty, minStake } = net().parameters.pool;
    const { task, closedAt, until, headers, nodes } = await lost(1);
    const before = [...(await pool().totals())];
    const receipt = await settle(task);
    expect(eventsIn(receipt, pool(), "PenaltyTaken").map((args) => [...args])).to.deep.equal(
      nodes.map((node) => [BigInt(node), BigInt(closedAt), BigInt(until), penalty]),
    );
    expect([...(await pool().totals())]).to.deep.equal([before[0]! - 3n * penalty, before[1]! + 3n * penalty]);
    for (const node of nodes) {
      expect([...(await pool().penaltyOf(node, until))]).to.deep.equal([BigInt(closedAt), penalty]);
      await expect(
        pool()
          .connect(net().stranger)
          .excuse(node, until, ...headers),
      )
        .to.emit(pool(), "NodeExcused")
        .withArgs(node, until, penalty, minStake);
      expect(await stakeOf(node)).to.equal(minStake);
      await expect(pool().excuse(node, until, ...headers), "twice")
        .to.be.revertedWithCustomError(pool(), "NodePoolNoPenalty")
        .withArgs(node, until);
    }
    expect([...(await pool().totals())]).to.deep.equal(before);
  });

  it("G6 a node that the penalty took out of the draw is drawn again", async () => {
    const { task, until, headers, nodes } = await lost(1);
    await settle(task);
    const [node] = nodes as [number];
    await pool()
      .collect(1)
      .catch(() => undefined);
    expect(await pool().isEligible(node)).to.equal(false);
    const { lease } = await pool().nodeOf(node);
    await pool().excuse(node, until, ...headers);
    expect(await pool().isEligible(node)).to.equal(lease === 0n);
    expect((await pool().nodeOf(node)).stake).to.equal(net().parameters.pool.minStake);
  });

  it("C6 a gap that does not reach over the end of the window, or is not longer than it, excuses nobody", async () => {
    const task = await net().submit();
    await net().commitCarried(task);
    const { commitsCloseAt, revealWindow } = await net().factsOf(task);
    const closedAt = Number(commitsCloseAt);
    const until = closedAt + Number(revealWindow);
    const node = task.commits[0]!.node;
    const inside = await standUntil(until);
    // The last block of the window was its last second: what follows is a gap of one second.
    const after = await standUntil(until + 1);
    const far = await standUntil(until + 100_000);
    await settle(task);
    for (const [headers, lastAt, nextAt] of [
      [inside, closedAt, until],
      [after, until, until + 1],
      [far, until + 1, until + 100_000],
    ] as const) {
      await expect(pool().excuse(node, until, ...headers))
        .to.be.revertedWithCustomError(pool(), "NodePoolNoGap")
        .withArgs(closedAt, until, lastAt, nextAt);
    }
  });

  it("G6 a gap that began in the window counts where it is longer than the window, and not where it is as long", async () => {
    for (const [extra, excused] of [
      [0, false],
      [1, true],
    ] as const) {
      const task = await net().submit();
      await net().commitCarried(task);
      const { commitsCloseAt, revealWindow } = await net().factsOf(task);
      const [closedAt, length] = [Number(commitsCloseAt), Number(revealWindow)];
      await moveTo(net(), closedAt + 10);
      const headers = await standUntil(closedAt + 10 + length + extra);
      await settle(task);
      const excuse = pool().excuse(task.commits[0]!.node, closedAt + length, ...headers);
      if (excused) await expect(excuse).to.emit(pool(), "NodeExcused");
      else await expect(excuse).to.be.revertedWithCustomError(pool(), "NodePoolNoGap");
    }
  });

  it("H4 headers that the chain does not know prove nothing: changed, of the future, not in a row, no RLP", async () => {
    const { task, until, headers, nodes } = await lost(1);
    await settle(task);
    const [last, next] = headers;
    const node = nodes[0]!;
    const library = await net().ethers.getContractAt("ChainGap", pool().target);
    const tampered = `${last.slice(0, -2)}${last.endsWith("00") ? "01" : "00"}`;
    await expect(pool().excuse(node, until, tampered, next)).to.be.revertedWithCustomError(library, "ChainGapUnknownBlock");
    await expect(pool().excuse(node, until, last, tampered)).to.be.revertedWithCustomError(library, "ChainGapUnknownBlock");
    await expect(pool().excuse(node, until, next, last)).to.be.revertedWithCustomError(library, "ChainGapNotInARow");
    await expect(pool().excuse(node, until, last, last)).to.be.revertedWithCustomError(library, "ChainGapNotInARow");
    for (const junk of ["0x", "0xc0", "0xff", `0x${"c1".repeat(40)}`]) {
      await expect(pool().excuse(node, until, junk, next)).to.be.revert(net().ethers);
    }
    await net().networkHelpers.mine(8_192);
    await expect(pool().excuse(node, until, last, next), "forgotten").to.be.revertedWithCustomError(library, "ChainGapUnknownBlock");
    expect((await pool().penaltyOf(node, until)).amount).to.equal(net().parameters.pool.unopenedPenalty);
  });

  it("A2 what went to the treasury does not come back from others' stake", async () => {
    const { deployer, parameters, keeper } = net();
    const { task, until, headers, nodes } = await lost(1);
    await settle(task);
    await pool().connect(deployer).sweepSlashed(keeper.address);
    const penalty = parameters.pool.unopenedPenalty;
    await expect(pool().excuse(nodes[0]!, until, ...headers))
      .to.be.revertedWithCustomError(pool(), "NodePoolSwept")
      .withArgs(0, penalty);
    const again = await lost(1);
    await settle(again.task);
    // The second committee is drawn anew: whether this node lost once more is the draw's.
    const before = await stakeOf(nodes[0]!);
    await pool().excuse(nodes[0]!, until, ...headers);
    expect(await stakeOf(nodes[0]!), "what others lost meanwhile may pay it: it is slashed stake, not theirs").to.equal(before + penalty);
  });

  it("G6 penalties with one last second come back together, for a gap longer than the longest of their windows", async () => {
    const { unopenedPenalty: penalty } = net().parameters.pool;
    const first = await net().submit();
    await net().commitCarried(first);
    const { commitsCloseAt, revealWindow } = await net().factsOf(first);
    const [closedAt, until] = [Number(commitsCloseAt), Number(commitsCloseAt) + Number(revealWindow)];
    const headers = await standUntil(until + 1);
    await settle(first);
    const node = first.commits[0]!.node;
    const queue = net().modules.SessionQueue.target as string;
    await net().networkHelpers.impersonateAccount(queue);
    await net().networkHelpers.setBalance(queue, 10n ** 20n);
    const slash = pool().connect(await net().ethers.getSigner(queue));
    await slash.slashUnopened(node, closedAt + 5, until);
    expect([...(await pool().penaltyOf(node, until))]).to.deep.equal([BigInt(closedAt), 2n * penalty]);
    await slash.slashUnopened(node, closedAt - 5, until);
    expect([...(await pool().penaltyOf(node, until))]).to.deep.equal([BigInt(closedAt - 5), 3n * penalty]);
    await expect(pool().excuse(node, until, ...headers)).to.be.revertedWithCustomError(pool(), "NodePoolNoGap");
  });
});

describe("NodePool: penalties name the window in which the commitment could have been opened", () => {
  const net = useNetwork({ nodes: 14, leaseNodes: 3, terms: VERDICTS });
  const drive = () => validationOf(net());
  const validation = () => net().modules.Validation;
  const penaltiesIn = (receipt: TransactionReceipt) =>
    eventsIn(receipt, net().modules.NodePool, "PenaltyTaken").map((args) => [args["node"], args["closedAt"], args["until"]].map(Number));

  it("C6 of a verdict: the first panel's window, and the appeal's", async () => {
    const { modules, deployer, stranger, parameters } = net();
    await modules.COR.connect(deployer).approve(modules.SessionPayment.target, parseEther("1000"));
    await modules.SessionPayment.connect(deployer).depositFor(stranger.address, 7n * parameters.session.validatorPrice);
    const task = await drive().asked();
    const first = await drive().panel(task);
    const openings = await drive().commitAll(task, 0, () => FINE);
    const firstClosed = await now(net());
    await net().networkHelpers.mine(1);
    await receiptOf(validation().reveal(task.id, openings.slice(1)));
    await moveTo(net(), firstClosed + WINDOW + 1);
    await validation().connect(stranger).appeal(task.id);
    await net().networkHelpers.mine(3);
    const second = await drive().panel(task);
    const appealed = await drive().commitAll(task, 1, () => FINE);
    const secondClosed = await now(net());
    await net().networkHelpers.mine(1);
    await receiptOf(validation().reveal(task.id, appealed.slice(0, 6)));
    await moveTo(net(), secondClosed + WINDOW + 1);
    const { receipt } = await drive().settle(task);
    expect(penaltiesIn(receipt)).to.deep.equal([
      [first[0], firstClosed, firstClosed + WINDOW],
      [second[6], secondClosed, secondClosed + WINDOW],
    ]);
  });

  it("C6 of a verdict without appeal", async () => {
    const task = await drive().asked();
    const [keptBack] = await drive().panel(task);
    const openings = await drive().commitAll(task, 0, () => FINE);
    const closed = await now(net());
    await net().networkHelpers.mine(1);
    await receiptOf(validation().reveal(task.id, openings.slice(1)));
    await moveTo(net(), closed + 2 * WINDOW + 2);
    const { receipt } = await drive().settle(task);
    expect(penaltiesIn(receipt)).to.deep.equal([[keptBack, closed, closed + WINDOW]]);
  });
});
