import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { Contract, HDNodeWallet, id, sha256, toUtf8Bytes } from "ethers";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { readDeployment } from "../../../offchain/chain/deployment.ts";
import { connect } from "../../../offchain/chain/endpoint.ts";
import { encodeAnswers } from "../../../offchain/protocol/answers.ts";
import { commitmentOf } from "../../../offchain/protocol/commitment.ts";
import { taskQueued } from "../../../offchain/protocol/events.ts";
import { FINISH } from "../../../offchain/protocol/types.ts";
import { type HardhatNode, startHardhatNode } from "../chain/hardhatNode.ts";
import { commandLine } from "./commandLine.ts";

const DAY = 86_400;
const ACCOUNTS = HDNodeWallet.fromPhrase("test test test test test test test test test test test junk", "", "m/44'/60'/0'/0");
const cor = (text: string, base: string) => ({ cor: text, base });

describe("tasks: everything by hand on a running chain", function () {
  this.timeout(90_000);
  let chain: HardhatNode;
  let folder: string;
  let record: string;
  let hardhat: ReturnType<typeof commandLine>;
  const mine = async () => await chain.rpc("evm_mine");
  const pass = async (seconds: number) => {
    await chain.rpc("evm_increaseTime", seconds);
    await mine();
  };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-tasks-"));
    record = path.join(folder, "deployment.json");
    chain = await startHardhatNode();
    hardhat = commandLine(chain.url, record);
  });
  after(async () => {
    await chain?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("deploys once, and refuses to deploy over a record", async () => {
    const deployed = await hardhat.done("net deploy");
    expect(deployed).to.include({ network: "localhost", chainId: 31337, record });
    expect(readDeployment(record).addresses).to.deep.equal(deployed.addresses);
    expect((await hardhat.refused("net deploy")).code).to.equal("DeploymentExists");
  });

  it("refuses a record of another chain, and a chain that is not there", async () => {
    const other = path.join(folder, "other.json");
    writeFileSync(other, JSON.stringify({ ...JSON.parse(readFileSync(record, "utf8")), chainId: 11155111 }));
    const wrong = await commandLine(chain.url, other).refused("net status");
    expect(wrong.code).to.equal("WrongChainId");
    expect(wrong.message).to.match(/^found chain 31337 at .*, wanted chain 11155111 of .*; give another --network/);
    expect((await commandLine("http://127.0.0.1:1", record).refused("net status")).code).to.equal("RpcUnreachable");
  });

  it("registers three nodes; --dry-run checks the calls and sends nothing", async () => {
    const before = await chain.rpc("eth_blockNumber");
    const { calls } = await hardhat.done("node register --operator-key 1 --dry-run");
    expect(await chain.rpc("eth_blockNumber")).to.equal(before);
    expect(calls.map(({ call, checked }: Record<string, unknown>) => [call, checked])).to.deep.equal([
      ["COR.approve", true],
      ["NodePool.register", true],
      ["NodePool.acceptOperator", false],
    ]);
    expect(calls[1].arguments.amount).to.equal("1000000000000000000000");

    // No two nodes of one owner are drawn together, and none of the session's owner: each has its own.
    for (const owner of [4, 5, 6]) await hardhat.done(`payment transfer --to ${owner} --amount 2000`);
    const first = await hardhat.done("node register --operator-key 1 --from 4 --endpoint http://127.0.0.1:9421");
    expect(first).to.deep.include({ node: 1, accepted: true, eligible: true, stake: cor("1000.0", "1000000000000000000000") });
    expect(first.transactions).to.have.length(3);
    await hardhat.done("node register --operator-key 2 --from 5 --stake 1000.5");
    const third = await hardhat.done("node register --from 6 --operator", ACCOUNTS.deriveChild(3).address);
    expect(third).to.include({ node: 3, accepted: false, eligible: false });
    await hardhat.done("node accept --node 3 --from 3");
    const { nodes } = await hardhat.done("node list");
    expect(nodes.map(({ node, eligible }: Record<string, unknown>) => [node, eligible])).to.deep.equal([
      [1, true],
      [2, true],
      [3, true],
    ]);
  });

  it("opens, funds, and leases a session", async () => {
    const opened = await hardhat.done("session open --commit-window 60 --reveal-window 60");
    expect(opened).to.include({ session: 1, redundancy: 3, quorum: 2, leaseNodes: 3, mode: "leased" });
    const poor = await hardhat.refused("session reserve --session 1");
    expect(poor.revert!.name).to.equal("SessionPaymentInsufficient");
    expect(poor.message).to.contain("fund the session");
    const funded = await hardhat.done("session fund --session 1 --amount 50.5");
    expect(funded.available).to.deep.equal(cor("50.5", "50500000000000000000"));

    const reserved = await hardhat.done("session reserve --session 1");
    expect(reserved.price).to.deep.equal(cor("0.108", "108000000000000000"));
    expect((await hardhat.refused("session draw --session 1")).revert!.name).to.equal("SessionSeedNotMined");
    await mine();
    const drawn = await hardhat.done("session draw --session 1");
    expect(drawn.nodes).to.have.members([1, 2, 3]);
  });

  it("submits a task that nobody answers, and settles it as a stranger", async () => {
    const prompt = ["--prompt", "Where is the lake?", "--content", path.join(folder, "content")];
    const uncounted = await hardhat.refused("task submit --session 1", ...prompt);
    expect(uncounted.code).to.equal("PromptTokensMissing");
    expect(uncounted.message).to.contain("tokenizer");
    const submitted = await hardhat.done("task submit --session 1 --prompt-tokens 12", ...prompt);
    expect(submitted).to.include({ task: "4294967297", lease: 1 });
    expect(submitted.locked).to.deep.equal(cor("0.421", "421000000000000000"));
    const kept = submitted.manifest.slice(2);
    expect(sha256(readFileSync(path.join(folder, "content", kept.slice(0, 2), kept)))).to.equal(submitted.manifest);

    await mine();
    await mine();
    const shown = await hardhat.done("task show --task 1:1");
    expect(shown).to.include({ phase: "committing", status: "open", number: 1 });
    expect(shown.terms.promptTokens).to.deep.equal([12]);
    expect(shown.committee.map(({ node }: { node: number }) => node)).to.have.members([1, 2, 3]);
    const early = await hardhat.refused("task settle --task 1:1 --from 7");
    expect(early.message).to.contain("SessionQueueWrongPhase(task 4294967297, found committing, wanted closed)");

    await pass(61);
    const settled = await hardhat.done("task settle --task 1:1 --from 7");
    expect(settled).to.include({ status: "failed", agreedPrompts: 0 });
    expect(settled.session.locked).to.deep.equal(cor("0.0", "0"));
    const ended = await hardhat.done("task show --task 4294967297");
    expect(ended).to.include({ phase: "settled", status: "failed", committee: null });
    expect(ended.events.map(({ event }: { event: string }) => event)).to.deep.equal(["TaskQueued", "TaskSettled"]);
  });

  it("rebuilds a handover from events: two of three committed seats opened", async () => {
    const manifest = id("any manifest");
    const { transactions } = await hardhat.done(`task submit --session 1 --prompt-tokens 12 --manifest ${manifest} --from 0`);
    await mine();
    const openings = await commitAll(2n, transactions[0].hash);
    const file = path.join(folder, "openings.json");
    writeFileSync(file, JSON.stringify(openings.slice(0, 2)));
    const revealed = await hardhat.done("task settle --task 1:2 --from 7", "--openings", file);
    expect(revealed).to.include({ status: "open", revealedSeats: 2 });

    await pass(61);
    const settled = await hardhat.done("task settle --task 1:2 --from 8");
    expect(settled).to.include({ status: "accepted", agreedPrompts: 1 });
    expect(settled.slashed).to.have.length(1);
    expect(settled.slashed[0].taken).to.deep.equal(cor("10.0", "10000000000000000000"));
    // Two answers of 12 + 20 tokens at 1 COR per 1,000, and the bounty.
    expect(settled.charged).to.deep.equal(cor("0.065", "65000000000000000"));
    const { outcome } = await hardhat.done("task show --task 1:2");
    expect(outcome.openedSeats).to.deep.equal(openings.slice(0, 2).map(({ seat }) => seat));
    expect(outcome.prompts[0].acceptedSeats).to.deep.equal(outcome.openedSeats);
  });

  it("pays everybody out: refund, earnings, bounty, stake", async () => {
    await hardhat.done("session close --session 1");
    const refunded = await hardhat.done("session refund --session 1");
    expect(refunded.refunded).to.deep.equal(cor("50.327", "50327000000000000000"));
    expect(refunded.available.base).to.equal("0");
    const withdrawn = await hardhat.done("payment withdraw --from 8");
    expect(withdrawn.withdrawn).to.deep.equal(cor("0.001", "1000000000000000"));
    expect((await hardhat.refused("payment withdraw --from 8")).revert!.name).to.equal("SessionPaymentNothingOwed");
    const { owed } = await hardhat.done("payment show --node 1");
    expect((await hardhat.done("payment withdraw --node 1 --to 9 --from 4")).withdrawn).to.deep.equal(owed);
    expect((await hardhat.done("payment show --account 9")).balance).to.deep.equal(owed);

    await pass(3_600);
    expect((await hardhat.done("node collect --lease 1")).nodes).to.have.members([1, 2, 3]);
    await hardhat.done("node exit --node 2 --from 5");
    await pass(7 * DAY);
    const stake = await hardhat.done("node withdraw --node 2 --from 5");
    expect(["990.5", "1000.5"]).to.include(stake.withdrawn.cor);
    const status = await hardhat.done("net status");
    expect(status.counts).to.deep.equal({ nodes: 3, sessions: 1 });
    expect(existsSync(record)).to.equal(true);
  });

  /** Every seat's operator commits the same answer; gives the openings in seat order. */
  async function commitAll(place: bigint, queuedIn: string) {
    const endpoint = await connect({ url: chain.url });
    try {
      const { addresses } = readDeployment(record);
      const queue = new Contract(addresses.SessionQueue, interfaces.SessionQueue, endpoint.provider);
      const task = (1n << 32n) | place;
      const { logs } = (await endpoint.provider.getTransactionReceipt(queuedIn))!;
      const event = logs.map((log) => interfaces.SessionQueue.parseLog(log)).find((found) => found?.name === "TaskQueued");
      const { terms } = taskQueued(event!.args);
      await mine();
      const [nodes, operators] = (await queue.getFunction("committeeOf").staticCall(task)) as [bigint[], string[]];
      const claim = id("claims");
      const answers = encodeAnswers([{ digest: sha256(toUtf8Bytes("north")), sketch: id("sketch"), tokens: 20, finish: FINISH.stop }]);
      const openings = nodes.map((_, seat) => ({ seat, answers, claim, salt: id(`salt ${seat}`) }));
      for (const { seat, salt } of openings) {
        const operator = [1, 2, 3].map((i) => ACCOUNTS.deriveChild(i)).find(({ address }) => address === operators[seat])!;
        const domain = { chainId: 31337n, queue: addresses.SessionQueue };
        const commitment = commitmentOf(domain, task, Number(nodes[seat]), terms, answers, claim, salt);
        const signed = queue.connect(operator.connect(endpoint.provider)) as Contract;
        await (await signed.getFunction("commit").send(task, seat, commitment)).wait();
      }
      await mine();
      return openings;
    } finally {
      endpoint.close();
    }
  }
});
