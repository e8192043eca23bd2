import { expect } from "chai";
import Database from "better-sqlite3";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Status } from "../../../offchain/protocol/types.ts";
import { eventually, freePort } from "../chain/hardhatNode.ts";
import { startNode, type Daemon } from "../node/daemon.ts";
import { startLocalNetwork, type LocalNetwork } from "../node/localNetwork.ts";
import { startRouter } from "./routerDaemon.ts";

const BODY = { model: "toy-world-f16", messages: [{ role: "user", content: "What is the capital of France?" }], max_tokens: 16 };
/** After the request was sent, milliseconds: before it is counted, submitted, seated and committed, settled and told. */
const KILL_AFTER_MS = [0, 60, 700, 1_900];

/** The router is killed with SIGKILL at every stage of a request. */
describe("a router that is killed at any point of a request", function () {
  this.timeout(420_000);
  let network: LocalNetwork;
  let router: Daemon;
  let port: number;
  const nodes: Daemon[] = [];

  before(async () => {
    port = await freePort();
    network = await startLocalNetwork({
      nodes: 3,
      redundancy: 3,
      commitWindow: 240,
      revealWindow: 240,
      router: `http://127.0.0.1:${port}`,
    });
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

  const url = (route: string) => `http://127.0.0.1:${port}${route}`;
  const send = async (headers: Record<string, string>) =>
    await fetch(url("/v1/chat/completions"), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(BODY),
    });
  interface Reply {
    verification: { task: string; charged: string };
  }

  it("answers its client under the same key with one task that is charged once, answers what it accepted for later, and holds nothing (K8)", async () => {
    const money = async () => {
      const { available, locked } = await network.views.sessionBalance(1);
      return { all: available + locked, locked };
    };
    const before = await money();
    const later: string[] = [];
    for (const [i, ms] of KILL_AFTER_MS.entries()) {
      const asked = [send({ "idempotency-key": `kept-${i}` }), send({}), send({ prefer: "respond-async" })].map(
        async (one) => await one.then(async (response) => ({ response, body: await response.json() })).catch(() => undefined),
      );
      await delay(ms);
      await router.end("SIGKILL");
      const [, , accepted] = await Promise.all(asked);
      if (accepted?.response.status === 202) later.push(accepted.response.headers.get("location")!);
      router = await startRouter(network, port);
    }
    const kept = await Promise.all(
      KILL_AFTER_MS.map(async (_, i) => {
        const response = await send({ "idempotency-key": `kept-${i}` });
        const reply = (await response.json()) as Reply;
        expect(response.status, JSON.stringify(reply)).to.equal(200);
        return reply.verification.task;
      }),
    );
    expect(new Set(kept).size).to.be.at.least(1);
    expect(later.length).to.be.above(0);
    for (const location of later) {
      const found = await eventually(
        async () => {
          const response = await fetch(url(location));
          const one = (await response.json()) as { status: string };
          expect(response.status, JSON.stringify(one)).to.equal(200);
          return one.status === "open" ? undefined : one;
        },
        "the end of an accepted request",
        60_000,
      );
      expect(found.status, JSON.stringify(found)).to.equal("done");
    }
    // Every task that was born has ended once, no money is held, and the ledger says what the chain took.
    await eventually(async () => (await money()).locked === 0n, "no locked money", 90_000);
    const { tasks } = await network.views.session(1);
    for (let task = 1; task <= tasks; task++) {
      const { status } = await network.views.facts((1n << 32n) | BigInt(task));
      expect(status).to.be.oneOf([Status.Accepted, Status.Cancelled]);
    }
    const usage = async () => (await (await fetch(url("/v1/usage"))).json()) as { charged: string; held: string };
    await eventually(async () => (await usage()).held === "0", "requests that hold nothing", 60_000);
    expect(before.all - (await money()).all).to.equal(BigInt((await usage()).charged));
    const requests = new Database(path.join(network.folder, "router", "requests.db"), { readonly: true });
    expect(requests.prepare("SELECT count(*) AS open FROM requests WHERE state = 'open'").get()).to.deep.equal({ open: 0 });
    requests.close();
  });
});
