import { expect } from "chai";
import { createHash } from "node:crypto";
import { Status } from "../../../offchain/protocol/types.ts";
import { freePort } from "../chain/hardhatNode.ts";
import { startNode, type Daemon } from "../node/daemon.ts";
import { startLocalNetwork, type LocalNetwork } from "../node/localNetwork.ts";
import { startRouter } from "./routerDaemon.ts";

const MODEL = "toy-world-f16";
const QUESTION = { model: MODEL, messages: [{ role: "user", content: "What is the capital of France?" }], max_tokens: 32 };

interface Reply {
  choices: { message: { content: string }; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number };
  verification: {
    task: string;
    digest: string;
    cid: string;
    charged: string;
    transactions: { submitted: string; settled: string };
    committee: { seat: number; node: number; operator: string; accepted: boolean }[];
    agreement: object;
  };
  error: { code: string; message: string; [detail: string]: unknown };
}

/** A chain, three nodes and a router, each in a process of its own. */
describe("a router with three nodes", function () {
  this.timeout(180_000);
  let network: LocalNetwork;
  let router: Daemon;
  let port: number;
  const nodes: Daemon[] = [];

  before(async () => {
    port = await freePort();
    network = await startLocalNetwork({ nodes: 3, redundancy: 3, commitWindow: 20, revealWindow: 20, router: `http://127.0.0.1:${port}` });
    await network.chain.rpc("evm_setIntervalMining", 500);
    router = await startRouter(network, port);
    for (const node of [1, 2, 3]) nodes.push(await startNode(network, node));
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(router.output());
  });
  after(async () => {
    await Promise.all([router, ...nodes].map(async (daemon) => await daemon?.end()));
    await network.stop();
  });

  const ask = async (body: object) =>
    await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const balance = async () => {
    const { available, locked } = await network.views.sessionBalance(1);
    return available + locked;
  };

  it("answers a question with an answer that the chain has accepted and paid", async () => {
    const before = await balance();
    const response = await ask(QUESTION);
    const reply = (await response.json()) as Reply;
    expect(response.status, JSON.stringify(reply)).to.equal(200);
    expect(response.headers.get("x-request-id")).to.match(/^req_/);
    const { verification, choices, usage } = reply;
    expect(choices[0]!.message.content).to.include("Paris");
    expect(choices[0]!.finish_reason).to.equal("stop");
    expect(verification.digest).to.equal(`0x${createHash("sha256").update(choices[0]!.message.content).digest("hex")}`);
    expect(verification.committee).to.have.length(3);
    for (const { seat, node, operator, accepted } of verification.committee) {
      expect(operator).to.equal(network.operators[node - 1]!.address);
      expect(accepted, `seat ${seat}`).to.equal(true);
    }
    expect(verification.agreement).to.deep.equal({ redundancy: 3, quorum: 2, agreed: 3 });
    expect(usage.prompt_tokens).to.be.above(0);
    const { status } = await network.views.facts(BigInt(verification.task));
    expect(status).to.equal(Status.Accepted);
    expect(before - (await balance())).to.equal(BigInt(verification.charged));
    // One transaction with all commitments, one with all openings, which settles: nodes have sent nothing.
    for (const operator of network.operators) expect(await network.endpoint.provider.getTransactionCount(operator.address)).to.equal(2);
    const life = (await (await fetch(`http://127.0.0.1:${port}/v1/tasks/${verification.task}`)).json()) as Record<string, unknown>;
    expect(life).to.deep.include({ task: verification.task, phase: "Settled", status: "Accepted" });
    const content = await fetch(`http://127.0.0.1:${port}/content/${verification.cid}`);
    expect(await content.text()).to.equal(choices[0]!.message.content);
  });

  it("answers several at once", async () => {
    const countries = ["Peru", "Italy", "Spain", "Japan"];
    const replies = await Promise.all(
      countries.map(async (country) => {
        const response = await ask({ ...QUESTION, messages: [{ role: "user", content: `What is the capital of ${country}?` }] });
        expect(response.status).to.equal(200);
        return (await response.json()) as Reply;
      }),
    );
    const capitals = ["Lima", "Rome", "Madrid", "Tokyo"];
    replies.forEach(({ choices }, i) => expect(choices[0]!.message.content).to.include(capitals[i]));
    // What comes while the first one waits to be mined rides together.
    expect(new Set(replies.map(({ verification }) => verification.task)).size).to.be.within(1, 4);
  });
});
