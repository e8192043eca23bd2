import Database from "better-sqlite3";
import { expect } from "chai";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Status } from "../../../offchain/protocol/types.ts";
import { eventually, freePort } from "../chain/hardhatNode.ts";
import { startNode, type Daemon } from "../node/daemon.ts";
import { DEPLOYER, startLocalNetwork, type LocalNetwork } from "../node/localNetwork.ts";
import { startRouter } from "./routerDaemon.ts";

const QUESTION = { model: "toy-world-f16", messages: [{ role: "user", content: "What is the capital of France?" }], max_tokens: 32 };

const BLOCK_MS = 500;

interface Reply {
  choices?: { message: { content: string } }[];
  verification?: { task: string; committee: { node: number; accepted: boolean }[]; agreement: { agreed: number } };
  error?: { code: string; message: string; [detail: string]: unknown };
}

/** What goes wrong around a router: processes that die, money that is missing, nodes that lie or are silent. */
describe("a router in trouble", function () {
  this.timeout(180_000);
  let network: LocalNetwork;
  let router: Daemon;
  let port: number;
  const nodes = new Map<number, Daemon>();

  before(async () => {
    port = await freePort();
    network = await startLocalNetwork({ nodes: 3, redundancy: 3, commitWindow: 20, revealWindow: 20, router: `http://127.0.0.1:${port}` });
    await network.chain.rpc("evm_setIntervalMining", BLOCK_MS);
    router = await startRouter(network, port);
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(router.output());
  });
  after(async () => {
    await Promise.all([router, ...nodes.values()].map(async (daemon) => await daemon?.end()));
    await network.stop();
  });

  async function ask(body: object = QUESTION, headers: Record<string, string> = {}): Promise<{ status: number; reply: Reply }> {
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, init);
    return { status: response.status, reply: (await response.json()) as Reply };
  }
  const startNodes = async (changes: Record<number, Record<string, string>> = {}) => {
    for (const node of [1, 2, 3]) nodes.set(node, await startNode(network, node, changes[node]));
  };
  const stopNodes = async () => {
    await Promise.all([...nodes.values()].map(async (daemon) => await daemon.end()));
    nodes.clear();
  };
  const lifeOf = async (task: bigint) =>
    (await (await fetch(`http://127.0.0.1:${port}/v1/tasks/${task}`)).json()) as { status: string; committed: { node: number }[] };
  const newestTask = async () => (1n << 32n) | BigInt((await network.views.session(1)).tasks);
  const money = async () => {
    const { available, locked } = await network.views.sessionBalance(1);
    return available + locked;
  };

  it("tells that nobody answered, settles the task, and everything is given back", async () => {
    const before = await money();
    const asked = ask();
    await eventually(async () => (await network.views.session(1)).tasks === 1, "the task");
    await network.chain.rpc("evm_increaseTime", 30);
    const { status, reply } = await asked;
    expect([status, reply.error?.code]).to.deep.equal([502, "task_failed"]);
    expect(reply.error).to.include({ task_id: String(await newestTask()) });
    expect((await network.views.facts(await newestTask())).status).to.equal(Status.Failed);
    expect(await money()).to.equal(before);
  });

  it("carries a task on after it was killed between its birth and its commitments", async () => {
    const { tasks } = await network.views.session(1);
    const asked = ask().catch(() => undefined);
    await eventually(async () => (await network.views.session(1)).tasks === tasks + 1, "the task");
    await network.chain.rpc("evm_setIntervalMining", 0);
    await router.end("SIGKILL");
    await asked;
    router = await startRouter(network, port);
    await startNodes();
    await network.chain.rpc("evm_setIntervalMining", BLOCK_MS);
    const task = await newestTask();
    const settled = await eventually(
      async () => {
        const facts = await network.views.facts(task);
        return facts.status === Status.Open ? undefined : facts;
      },
      "a settled task",
      60_000,
    );
    expect(settled.status).to.equal(Status.Accepted);
    await eventually(async () => (await lifeOf(task)).status === "Accepted", "the router's word that it is accepted");
  });

  it("gives a client that asks again after the router was killed the same task, which is charged once", async () => {
    const { tasks } = await network.views.session(1);
    const before = await money();
    const keyed = { "idempotency-key": "killed" };
    const asked = ask(QUESTION, keyed).catch(() => undefined);
    await eventually(async () => (await network.views.session(1)).tasks === tasks + 1, "the task");
    await router.end("SIGKILL");
    await asked;
    router = await startRouter(network, port);
    const { status, reply } = await ask(QUESTION, keyed);
    expect(status, JSON.stringify(reply)).to.equal(200);
    expect(reply.verification!.task).to.equal(String((1n << 32n) | BigInt(tasks + 1)));
    expect((await network.views.session(1)).tasks).to.equal(tasks + 1);
    const usage = (await (await fetch(`http://127.0.0.1:${port}/v1/usage`)).json()) as { charged: string; held: string };
    expect(before - (await money())).to.equal(BigInt((reply.verification as unknown as { charged: string }).charged));
    expect(usage.held).to.equal("0");
  });

  it("answers as before after that", async () => {
    const { status, reply } = await ask();
    expect(status, JSON.stringify(reply)).to.equal(200);
    expect(reply.verification!.agreement.agreed).to.equal(3);
  });

  it("finishes what is open when it is told to end, and takes nothing new", async () => {
    const { tasks } = await network.views.session(1);
    const asked = ask();
    await eventually(async () => (await network.views.session(1)).tasks > tasks, "the task");
    router.process.kill("SIGTERM");
    await delay(50);
    const refused = await ask().catch(() => undefined);
    if (refused !== undefined) expect([refused.status, refused.reply.error?.code]).to.deep.equal([503, "shutting_down"]);
    const { status, reply } = await asked;
    expect(status, JSON.stringify(reply)).to.equal(200);
    expect(await router.exited, router.output()).to.equal(0);
    router = await startRouter(network, port);
  });

  it("does not lose sight of the task of a client who went away", async () => {
    const { tasks } = await network.views.session(1);
    const gone = new AbortController();
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(QUESTION), signal: gone.signal };
    const asked = fetch(`http://127.0.0.1:${port}/v1/chat/completions`, init).catch(() => undefined);
    await eventually(async () => (await network.views.session(1)).tasks > tasks, "the task");
    gone.abort();
    await asked;
    const task = await newestTask();
    // It is taken back where that still could be, and carried to its end where not.
    const ended = await eventually(async () => {
      const { status } = await network.views.facts(task);
      return status === Status.Open ? undefined : status;
    }, "a settled task");
    expect(ended).to.be.oneOf([Status.Accepted, Status.Cancelled]);
    const usage = async () => (await (await fetch(`http://127.0.0.1:${port}/v1/usage`)).json()) as { held: string };
    await eventually(async () => (await usage()).held === "0", "a request that holds nothing");
  });

  it("charges nothing and submits nothing where the session has no money", async () => {
    const { available } = await network.views.sessionBalance(1);
    await network.send("Session", "refund", [1, DEPLOYER.address, available]);
    const { tasks } = await network.views.session(1);
    const { status, reply } = await ask();
    expect([status, reply.error?.code]).to.deep.equal([402, "insufficient_funds"]);
    expect(reply.error).to.include({ have: "0" });
    expect((await network.views.session(1)).tasks).to.equal(tasks);
    await network.send("COR", "approve", [network.deployment.addresses.SessionPayment, available]);
    await network.send("SessionPayment", "deposit", [1, available]);
  });

  it("gives the answer of the majority and names the outlier", async () => {
    await stopNodes();
    await startNodes({ 2: { poison: "I would rather talk about turnips." } });
    const { status, reply } = await ask();
    expect(status, JSON.stringify(reply)).to.equal(200);
    expect(reply.choices![0]!.message.content).to.include("Paris");
    const { committee, agreement } = reply.verification!;
    expect(agreement.agreed).to.equal(2);
    expect(committee.find(({ node }) => node === 2)!.accepted).to.equal(false);
  });

  it("answers with two of three where one node is silent", async () => {
    await nodes.get(2)!.end();
    nodes.delete(2);
    const { status, reply } = await ask();
    expect(status, JSON.stringify(reply)).to.equal(200);
    expect(reply.verification!.agreement.agreed).to.equal(2);
    // The carrier sent what it had, so that no node paid for a transaction of its own.
    expect(router.output()).to.include('"act":"commit"').and.include('"act":"reveal"');
  });

  it("leases its nodes again when the lease has lapsed", async () => {
    const { lease } = await network.views.session(1);
    await network.chain.rpc("evm_increaseTime", 90_000);
    const renewed = await eventually(
      async () => {
        const session = await network.views.session(1);
        return session.lease > lease && session.leaseUntil > 0 ? session : undefined;
      },
      "a new lease",
      60_000,
    );
    expect(renewed.seedBlock).to.equal(0);
    await eventually(async () => (await ask()).status === 200, "an answer under the new lease");
  });

  it("sends a commitment that it took before it was killed, though its author is gone", async () => {
    await Promise.all([2, 3].map(async (node) => await nodes.get(node)?.end()));
    const { tasks } = await network.views.session(1);
    const asked = ask().catch(() => undefined);
    await eventually(async () => (await network.views.session(1)).tasks > tasks, "the task");
    const task = await newestTask();
    await eventually(() => heldCommitments(task) === 1, "a commitment in the carrier's file");
    await Promise.all([router.end("SIGKILL"), nodes.get(1)!.end("SIGKILL")]);
    await asked;
    expect((await network.views.facts(task)).committed).to.equal(0);
    router = await startRouter(network, port);
    await eventually(async () => (await network.views.facts(task)).committed !== 0, "the commitment on chain");
    await eventually(async () => (await lifeOf(task)).committed[0]?.node === 1, "the router's word of it");
  });

  function heldCommitments(task: bigint): number {
    const database = new Database(path.join(network.folder, "router", "carried.db"), { readonly: true });
    try {
      return database.prepare("SELECT * FROM commitments WHERE task = ?").all(String(task)).length;
    } finally {
      database.close();
    }
  }
});
