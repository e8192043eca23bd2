import { expect } from "chai";
import { parseEther } from "ethers";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { AGREEMENT_ONLY } from "../../../offchain/protocol/assurance.ts";
import { Status } from "../../../offchain/protocol/types.ts";
import { eventually, freePort } from "../chain/hardhatNode.ts";
import { startNode, type Daemon } from "../node/daemon.ts";
import { ROUTER, startLocalNetwork, type LocalNetwork } from "../node/localNetwork.ts";
import { startRouter } from "./routerDaemon.ts";

const MODEL = "toy-world-f16";
const CAPITALS = { Peru: "Lima", Italy: "Rome", Spain: "Madrid", Japan: "Tokyo" };
const COUNTRIES = Object.keys(CAPITALS) as (keyof typeof CAPITALS)[];

interface Reply {
  choices: { index: number; text: string }[];
  verification: { charged: string; prompts: { task: string; prompt: number; session: number; committee: { node: number }[] }[] };
}

/** Two sessions with two nodes each behind one router. */
describe("a list over several committees", function () {
  this.timeout(420_000);
  let network: LocalNetwork;
  let router: Daemon;
  let port: number;
  const nodes = new Map<number, Daemon>();
  const members = new Map<number, number[]>();

  before(async () => {
    port = await freePort();
    // Long enough for a busy machine; what must run out is made to.
    const windows = { commitWindow: 240, revealWindow: 240 };
    const url = `http://127.0.0.1:${port}`;
    network = await startLocalNetwork({ nodes: 4, leaseNodes: 2, redundancy: 2, ...windows, router: url });
    const { send, chain, deployment, views } = network;
    const { model } = await views.session(1);
    const limits = { queueWindow: 60, ...windows, maxPrompts: 64, maxPromptTokens: 256, maxTokens: 128, priceCeiling: parseEther("1") };
    const terms = { model, redundancy: 2, quorum: 2, leaseNodes: 2, mode: 0, comparison: 1, ...AGREEMENT_ONLY, ...limits };
    const logs = await send("Session", "open", [terms]);
    expect(logs.some((log) => interfaces.Session.parseLog(log)?.name === "SessionOpened")).to.equal(true);
    await send("Session", "setRouter", [2, ROUTER.address, true, url]);
    await send("COR", "approve", [deployment.addresses.SessionPayment, parseEther("100000")]);
    await send("SessionPayment", "deposit", [2, parseEther("100000")]);
    await send("Session", "reserve", [2, 86_400, 0]);
    await chain.rpc("hardhat_mine", "0x3");
    await send("Session", "drawLease", [2]);
    for (const session of [1, 2]) members.set(session, (await views.lease((await views.session(session)).lease)).nodes);
    await chain.rpc("evm_setIntervalMining", 500);
    router = await startRouter(network, port, { session: "1,2", "batch-size": "32" });
    for (const node of [1, 2, 3, 4]) nodes.set(node, await startNode(network, node));
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(router.output());
  });
  after(async () => {
    await Promise.all([router, ...nodes.values()].map(async (daemon) => await daemon?.end()));
    await network.stop();
  });

  it("of 64 prompts, of which one part's nodes are killed: that part alone is asked again, and all answers are right and in order", async () => {
    const prompt = Array.from({ length: 64 }, (_, i) => `What is the capital of ${COUNTRIES[i % 4]}?`);
    const money = async () => {
      const both = await Promise.all([1, 2].map(async (session) => await network.views.sessionBalance(session)));
      return both.reduce((sum, { available, locked }) => sum + available + locked, 0n);
    };
    const before = await money();
    const asked = fetch(`http://127.0.0.1:${port}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, prompt, max_tokens: 16 }),
    });
    // Each session has a task with half of the prompts; the nodes of the second one die before they have answered.
    await eventually(async () => (await network.views.session(2)).tasks === 1, "a task in the second session");
    await Promise.all(members.get(2)!.map(async (node) => await nodes.get(node)!.end()));
    const first = 1n << 32n;
    await eventually(
      async () => (await network.views.facts(first | 1n).catch(() => undefined))?.status === Status.Accepted,
      "the first session's part",
      120_000,
    );
    await network.chain.rpc("evm_increaseTime", 241);
    const response = await asked;
    const reply = (await response.json()) as Reply;
    expect(response.status, JSON.stringify(reply).slice(0, 500)).to.equal(200);
    expect(reply.choices.map(({ index }) => index)).to.deep.equal(prompt.map((_, i) => i));
    reply.choices.forEach(({ text }, i) => expect(text).to.equal(`The capital of ${COUNTRIES[i % 4]} is ${CAPITALS[COUNTRIES[i % 4]!]}.`));
    const tasks = reply.verification.prompts.map(({ task }) => task);
    // One part was answered as it was asked, the other one in a third task; nobody was asked twice.
    expect(new Set(tasks).size).to.equal(2);
    expect(reply.verification.prompts.every(({ session }) => session === 1)).to.equal(true);
    expect((await network.views.session(1)).tasks + (await network.views.session(2)).tasks).to.equal(3);
    expect(before - (await money())).to.equal(BigInt(reply.verification.charged));
  });

  it("goes where requirements and load send it", async () => {
    const ask = async (verification: object) => {
      const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          model: MODEL,
          messages: [{ role: "user", content: "What is the capital of Peru?" }],
          max_tokens: 16,
          verification,
        }),
      });
      return (await response.json()) as { verification?: { session: number }; error?: { code: string; message: string } };
    };
    expect((await ask({ session: 1 })).verification!.session).to.equal(1);
    for (const impossible of [{ level: "high" }, { max_price: "1" }, { min_redundancy: 3 }, { session: 9 }]) {
      const { error } = await ask(impossible);
      expect(error!.code).to.equal("no_session_fits");
    }
  });
});
