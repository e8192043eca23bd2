import { network } from "hardhat";
import { expect } from "chai";
import { ContractFactory, id as hashOf, parseEther, sha256, ZeroAddress, ZeroHash } from "ethers";
import { accountValue, agrees, type Checkpoint, checkpointOf, LEAF, type Leaf, leavesIn } from "../../offchain/protocol/checkpoint.ts";
import { proveOnAnchor } from "../../offchain/sdk/anchorProof.ts";
import { artifactOf } from "../../scripts/deploy.ts";
import type { Anchor } from "../../types/ethers-contracts/contracts/identity/Anchor.ts";
import type { COR } from "../../types/ethers-contracts/contracts/economy/COR.ts";
import type { HostileToken } from "../../types/ethers-contracts/test/contracts/HostileToken.ts";
import { useNetwork } from "./suite.ts";

const DAY = 86_400;
const BOND = parseEther("1000");
const FIRST_CHAIN = 84_321;
const STANDING = { pending: 1n, contested: 2n, final: 3n, rejected: 4n };

describe("Anchor, from a second chain to a first", () => {
  // Chain two runs the network; chain one, of another id, has COR and the anchor.
  const net = useNetwork({ nodes: 3 });
  let one: Awaited<ReturnType<typeof network.create>>;
  let anchor: Anchor;
  let cor: COR;
  let fresh: { restore(): Promise<void> };
  before(async () => {
    one = await network.create({ network: "default", override: { chainId: FIRST_CHAIN } });
    const [governance, proposer, challenger] = await one.ethers.getSigners();
    const put = async (name: string, ...args: unknown[]) => await (await one.ethers.getContractFactory(name)).deploy(...args);
    const { abi, bytecode } = artifactOf("AccessManager");
    const manager = await new ContractFactory(abi, bytecode, governance).deploy(governance!.address);
    cor = (await put("COR", governance!.address)) as unknown as COR;
    const { chainId } = await net().ethers.provider.getNetwork();
    anchor = (await put("Anchor", manager.target, cor.target, chainId, net().modules.SessionQueue.target, DAY, BOND)) as unknown as Anchor;
    for (const account of [proposer!, challenger!]) {
      await cor.transfer(account.address, 5n * BOND);
      await cor.connect(account).approve(anchor.target, 5n * BOND);
    }
    fresh = await one.networkHelpers.takeSnapshot();
  });
  afterEach(() => fresh.restore());
  after(() => one.close());

  const accounts = async () => {
    const [governance, proposer, challenger, stranger] = await one.ethers.getSigners();
    return { governance: governance!, proposer: proposer!, challenger: challenger!, stranger: stranger! };
  };

  /** Settles tasks on chain two, and reads what a checkpoint of it holds. */
  async function settled(): Promise<{ leaves: Leaf[]; block: number }> {
    const { modules, networkHelpers, keeper } = net();
    const leaves: Leaf[] = [];
    for (let i = 0; i < 3; i++) {
      const task = await net().submit();
      await net().commitCarried(task);
      await networkHelpers.mine(1);
      await modules.SessionQueue.connect(keeper).reveal(net().handover(task));
      leaves.push({ kind: LEAF.task, key: task.id, value: await modules.SessionQueue.recordOf(task.id) });
    }
    for (const node of [1, 2, 3])
      leaves.push({ kind: LEAF.node, key: BigInt(node), value: accountValue(await modules.SessionPayment.nodeAccountOf(node)) });
    return { leaves, block: await networkHelpers.time.latestBlock() };
  }

  async function proposed(checkpoint: Checkpoint, block: number) {
    const { proposer } = await accounts();
    await anchor.connect(proposer).propose(checkpoint.root, checkpoint.contents, block);
    return Number(await anchor.checkpointCount());
  }

  it("L2 J8 proves tasks and reputation of chain two on chain one, and nothing else", async () => {
    const { leaves, block } = await settled();
    expect((await net().ethers.provider.getNetwork()).chainId).not.to.equal(BigInt(FIRST_CHAIN));
    const checkpoint = checkpointOf(leaves);
    const id = await proposed(checkpoint, block);
    const proves = (leaf: Leaf, proof = checkpoint.proofOf(leaf)) => anchor.proves(id, leaf.kind, leaf.key, leaf.value, proof);
    await expect(proves(leaves[0]!))
      .to.be.revertedWithCustomError(anchor, "AnchorWrongStanding")
      .withArgs(id, STANDING.pending, STANDING.final);
    await one.networkHelpers.time.increase(DAY + 1);
    await one.networkHelpers.mine(1);
    for (const leaf of leaves) expect(await proves(leaf)).to.equal(true);
    const [first, second] = leaves as [Leaf, Leaf];
    const proof = checkpoint.proofOf(first);
    // A verdict that was never given: accepted is 2, and the record's first byte.
    expect(first.value.slice(0, 4)).to.equal("0x02");
    for (const forged of [
      { ...first, value: `0x03${first.value.slice(4)}` },
      { ...first, key: first.key + 1n },
      { ...first, kind: LEAF.node },
      { ...second, value: first.value },
    ])
      expect(await proves(forged, proof)).to.equal(false);
    expect(await proves(first, [])).to.equal(false);
    // An inner node of the tree is no leaf.
    expect(await proves({ kind: LEAF.task, key: 0n, value: proof[0]! }, proof.slice(1))).to.equal(false);
    await expect(anchor.proves(id + 1, 1, 1, ZeroHash, [])).to.be.revertedWithCustomError(anchor, "AnchorUnknown");
    expect([await anchor.SOURCE_QUEUE(), await anchor.SOURCE_CHAIN()]).to.deep.equal([net().modules.SessionQueue.target, 31_337n]);
  });

  it("L2 the client library proves a task of chain two on chain one, and refuses other contents, other facts and what is not final", async () => {
    const { leaves, block } = await settled();
    const { bytes, ...checkpoint } = checkpointOf(leaves);
    const id = await proposed({ bytes, ...checkpoint }, block);
    const where = { provider: one.ethers.provider, anchor: anchor.target as string, checkpoint: id, contents: bytes };
    const refusal = (asked: typeof where, fact: { kind: Leaf["kind"]; key: bigint }) =>
      proveOnAnchor(asked, fact).then(
        () => "proven",
        (error: { code: string }) => error.code,
      );
    const task = leaves[1]!;
    expect(await refusal(where, task)).to.equal("NotFinal");
    await one.networkHelpers.time.increase(DAY + 1);
    await one.networkHelpers.mine(1);
    expect(await proveOnAnchor(where, task)).to.deep.equal({ ...task, blockNumber: block });
    expect(await refusal(where, { kind: LEAF.task, key: 99n })).to.equal("NotInCheckpoint");
    const others = checkpointOf(leaves.slice(1)).bytes;
    expect(await refusal({ ...where, contents: others }, task)).to.equal("ContentsMismatch");
  });

  it("a challenger recomputes the root from the contents, and sees a lie before it bonds", async () => {
    const { leaves } = await settled();
    const checkpoint = checkpointOf(leaves);
    expect(checkpointOf([...leaves].reverse()).root, "any order").to.equal(checkpoint.root);
    expect(leavesIn(checkpoint.bytes)).to.have.deep.members(leaves);
    expect(agrees(checkpoint.root, checkpoint.contents, checkpoint.bytes)).to.equal(true);
    const lie = checkpointOf(leaves.map((leaf, i) => (i === 0 ? { ...leaf, value: `0x03${leaf.value.slice(4)}` } : leaf)));
    expect(agrees(lie.root, checkpoint.contents, checkpoint.bytes)).to.equal(false);
    expect(agrees(lie.root, lie.contents, checkpoint.bytes)).to.equal(false);
    for (const junk of ["[]", "{}", "[[1]]", '[[9,"1","0x"]]', "not"]) {
      const bytes = new TextEncoder().encode(junk);
      expect(agrees(checkpoint.root, sha256(bytes), bytes), junk).to.equal(false);
    }
    expect(() => checkpointOf([])).to.throw(RangeError);
    expect(() => checkpointOf([leaves[0]!, { ...leaves[0]!, value: ZeroHash }])).to.throw(RangeError, "two facts");
  });

  it("a contested checkpoint proves nothing until governance upholds it, and the loser's bond is the winner's", async () => {
    const { leaves, block } = await settled();
    const { governance, proposer, challenger, stranger } = await accounts();
    for (const upheld of [true, false]) {
      const before = await one.networkHelpers.takeSnapshot();
      const id = await proposed(checkpointOf(leaves), block);
      await expect(anchor.connect(challenger).contest(id, "x".repeat(257))).to.be.revertedWithCustomError(anchor, "AnchorReasonTooLong");
      await expect(anchor.connect(challenger).contest(id, "the record of task 1 differs"))
        .to.emit(anchor, "CheckpointContested")
        .withArgs(id, challenger.address, "the record of task 1 differs");
      await expect(anchor.connect(stranger).contest(id, "")).to.be.revertedWithCustomError(anchor, "AnchorWrongStanding");
      await one.networkHelpers.time.increase(DAY + 1);
      expect(await anchor.standingOf(id)).to.equal(STANDING.contested);
      await expect(anchor.close(id)).to.be.revertedWithCustomError(anchor, "AnchorWrongStanding");
      await expect(anchor.connect(challenger).resolve(id, false)).to.be.revertedWithCustomError(anchor, "AccessManagedUnauthorized");
      await anchor.connect(governance).resolve(id, upheld);
      expect(await anchor.standingOf(id)).to.equal(upheld ? STANDING.final : STANDING.rejected);
      await expect(anchor.connect(governance).resolve(id, !upheld)).to.be.revertedWithCustomError(anchor, "AnchorWrongStanding");
      await anchor.connect(stranger).close(id);
      const [winner, loser] = upheld ? [proposer, challenger] : [challenger, proposer];
      expect([await anchor.owedTo(winner.address), await anchor.owedTo(loser.address)]).to.deep.equal([2n * BOND, 0n]);
      await expect(anchor.close(id)).to.be.revertedWithCustomError(anchor, "AnchorNothingOwed");
      await expect(anchor.connect(winner).withdraw(ZeroAddress)).to.be.revertedWithCustomError(anchor, "AnchorZeroAddress");
      await anchor.connect(winner).withdraw(winner.address);
      await expect(anchor.connect(winner).withdraw(winner.address)).to.be.revertedWithCustomError(anchor, "AnchorNothingOwed");
      expect([await cor.balanceOf(winner.address), await anchor.held()]).to.deep.equal([6n * BOND, 0n]);
      await before.restore();
    }
  });

  it("H1 with governance silent a contested checkpoint is rejected, and each has its bond again", async () => {
    const { leaves, block } = await settled();
    const { governance, proposer, challenger } = await accounts();
    const id = await proposed(checkpointOf(leaves), block);
    await anchor.connect(challenger).contest(id, "");
    await one.networkHelpers.time.increase(30 * DAY + 1);
    await expect(anchor.connect(governance).resolve(id, true)).to.be.revertedWithCustomError(anchor, "AnchorWrongStanding");
    await anchor.close(id);
    for (const account of [proposer, challenger]) {
      await anchor.connect(account).withdraw(account.address);
      expect(await cor.balanceOf(account.address)).to.equal(5n * BOND);
    }
    await expect(anchor.proves(id, 1, 1, ZeroHash, [])).to.be.revertedWithCustomError(anchor, "AnchorWrongStanding");
  });

  it("takes no checkpoint without a root or before the last final one, and holds the bond that was in force", async () => {
    const { leaves, block } = await settled();
    const { governance, proposer, stranger } = await accounts();
    const checkpoint = checkpointOf(leaves);
    const as = anchor.connect(proposer);
    await expect(as.propose(ZeroHash, ZeroHash, 1)).to.be.revertedWithCustomError(anchor, "AnchorNothingNew");
    const id = await proposed(checkpoint, block);
    await expect(anchor.connect(stranger).setBond(1)).to.be.revertedWithCustomError(anchor, "AccessManagedUnauthorized");
    await anchor.connect(governance).setBond(1);
    await one.networkHelpers.time.increase(DAY + 1);
    await anchor.close(id);
    expect(await anchor.owedTo(proposer.address), "H6 the bond of its own time").to.equal(BOND);
    await expect(as.propose(checkpoint.root, checkpoint.contents, block)).to.be.revertedWithCustomError(anchor, "AnchorNothingNew");
    await as.propose(checkpoint.root, checkpoint.contents, block + 1);
    expect((await anchor.checkpointOf(2)).bond).to.equal(1n);
  });

  const ROOT = hashOf("root");
  const CONTENTS = hashOf("contents");

  it("L2 tells of every step of a checkpoint, and takes a reason of the greatest length", async () => {
    const { governance, proposer, challenger, stranger } = await accounts();
    const reason = "x".repeat(256);
    await expect(anchor.connect(proposer).propose(ROOT, CONTENTS, 100))
      .to.emit(anchor, "CheckpointProposed")
      .withArgs(1, proposer.address, ROOT, CONTENTS, 100, BOND);
    await expect(anchor.connect(challenger).contest(1, `${reason}x`))
      .to.be.revertedWithCustomError(anchor, "AnchorReasonTooLong")
      .withArgs(257, 256);
    await expect(anchor.connect(challenger).contest(1, reason))
      .to.emit(anchor, "CheckpointContested")
      .withArgs(1, challenger.address, reason);
    expect(await anchor.held()).to.equal(2n * BOND);
    await expect(anchor.connect(governance).resolve(1, true)).to.emit(anchor, "CheckpointResolved").withArgs(1, true);
    await expect(anchor.close(1))
      .to.emit(anchor, "CheckpointClosed")
      .withArgs(1, 2n * BOND, 0);
    await expect(anchor.connect(proposer).withdraw(stranger.address))
      .to.emit(anchor, "AnchorWithdrawn")
      .withArgs(proposer.address, stranger.address, 2n * BOND);
    expect(await cor.balanceOf(stranger.address)).to.equal(2n * BOND);
  });

  it("J8 an uncontested checkpoint owes its proposer one bond and nobody else anything, and is final only after the window's last second", async () => {
    const { proposer } = await accounts();
    await anchor.connect(proposer).propose(ROOT, CONTENTS, 100);
    const end = (await one.networkHelpers.time.latest()) + DAY;
    await one.networkHelpers.time.increaseTo(end);
    expect(await anchor.standingOf(1)).to.equal(STANDING.pending);
    await one.networkHelpers.time.increaseTo(end + 1);
    expect(await anchor.standingOf(1)).to.equal(STANDING.final);
    await expect(anchor.close(1)).to.emit(anchor, "CheckpointClosed").withArgs(1, BOND, 0);
    expect([await anchor.owedTo(proposer.address), await anchor.owedTo(ZeroAddress)]).to.deep.equal([BOND, 0n]);
  });

  it("H1 governance decides until the last second of its thirty days", async () => {
    const { governance, proposer, challenger } = await accounts();
    await anchor.connect(proposer).propose(ROOT, CONTENTS, 100);
    await anchor.connect(challenger).contest(1, "");
    const end = (await one.networkHelpers.time.latest()) + 30 * DAY;
    const before = await one.networkHelpers.takeSnapshot();
    await one.networkHelpers.time.setNextBlockTimestamp(end);
    await anchor.connect(governance).resolve(1, true);
    expect(await anchor.standingOf(1)).to.equal(STANDING.final);
    await before.restore();
    await one.networkHelpers.time.increaseTo(end);
    expect(await anchor.standingOf(1)).to.equal(STANDING.contested);
    await one.networkHelpers.time.increaseTo(end + 1);
    expect(await anchor.standingOf(1)).to.equal(STANDING.rejected);
    await expect(anchor.close(1)).to.emit(anchor, "CheckpointClosed").withArgs(1, BOND, BOND);
  });

  it("J8 only a final checkpoint moves the last block, and none moves it back", async () => {
    const { governance, proposer, challenger } = await accounts();
    const propose = (block: number) => anchor.connect(proposer).propose(ROOT, CONTENTS, block);
    for (const block of [100, 200, 300]) await propose(block);
    await anchor.connect(challenger).contest(3, "");
    await anchor.connect(governance).resolve(3, false);
    await anchor.close(3);
    await one.networkHelpers.time.increase(DAY + 1);
    for (const checkpoint of [2, 1]) await anchor.close(checkpoint);
    await expect(propose(200)).to.be.revertedWithCustomError(anchor, "AnchorNothingNew").withArgs(ROOT, 200);
    await propose(201);
    expect(await anchor.checkpointCount()).to.equal(4n);
  });

  it("the bond is at most a quarter of what its number holds, and every change is told", async () => {
    const { governance } = await accounts();
    const most = (2n ** 128n - 1n) / 4n;
    expect(await anchor.bond()).to.equal(BOND);
    await expect(anchor.connect(governance).setBond(most)).to.emit(anchor, "BondChanged").withArgs(most);
    expect(await anchor.bond()).to.equal(most);
    for (const next of [most + 1n, 2n ** 128n - 1n])
      await expect(anchor.connect(governance).setBond(next))
        .to.be.revertedWithCustomError(anchor, "AnchorBondMismatch")
        .withArgs(next, most);
    expect(await anchor.bond()).to.equal(most);
  });

  it("A1 takes no bond of which not everything arrives", async () => {
    const { proposer } = await accounts();
    const token = (await (await one.ethers.getContractFactory("HostileToken")).deploy()) as unknown as HostileToken;
    const factory = await one.ethers.getContractFactory("Anchor");
    const other = (await factory.deploy(await anchor.authority(), token.target, 1, ZeroAddress, DAY, BOND)) as unknown as Anchor;
    await token.mint(proposer.address, BOND);
    await token.behave(1);
    await expect(other.connect(proposer).propose(ROOT, CONTENTS, 1))
      .to.be.revertedWithCustomError(other, "AnchorBondMismatch")
      .withArgs((BOND * 99n) / 100n, BOND);
    await token.behave(0);
    await other.connect(proposer).propose(ROOT, CONTENTS, 1);
    expect(await other.held()).to.equal(BOND);
  });
});
