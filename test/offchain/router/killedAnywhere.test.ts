import { expect } from "chai";
import Database from "better-sqlite3";
import { Contract } from "ethers";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { taskQueued } from "../../../offchain/protocol/events.ts";
import { Status } from "../../../offchain/protocol/types.ts";
import { referenceOf } from "../../../offchain/router/submission.ts";
import { eventually, freePort } from "../chain/hardhatNode.ts";
import { startNode, type Daemon } from "../node/daemon.ts";
import { startLocalNetwork, type LocalNetwork } from "../node/localNetwork.ts";
import { startRouter } from "./routerDaemon.ts";

const BODY = { model: "toy-world-f16", messages: [{ role: "user", content: "What is the capital of France?" }], max_tokens: 16 };

/** Every step of a request's life after which something is on disk, on chain or told that was not before, in order. */
const STEPS = [
  "requestLetIn",
  "requestPlanned",
  "requestAdmitted",
  "batchGathered",
  "batchWritten",
  "batchNamed",
  "stored:submit",
  "broadcast:submit",
  "mined:submit",
  "taskSubmitted",
  "promptPlaced",
  "tokenShown",
  "commitmentTaken",
  "stored:commit",
  "broadcast:commit",
  "mined:commit",
  "openingTaken",
  "stored:reveal",
  "broadcast:reveal",
  "mined:reveal",
  "endSeen",
  "promptCharged",
  "answerFetched",
  "requestClosed",
];
/** Each takes ten seconds: the ordinary run takes every third, EVERY_STEP=1 all of them. */
const TRIED = process.env["EVERY_STEP"] === undefined ? STEPS.filter((_, i) => i % 3 === 0) : STEPS;
/** And at moments that no step names, milliseconds after the requests were sent. */
const MOMENTS = [0, 60, 700, 1_900];

/** The router is killed with SIGKILL at every stage of three requests: one under a key, a stream, and one to be answered later. */
describe("a router that is killed at any point of a request", function () {
  this.timeout(420_000);
  let network: LocalNetwork;
  let router: Daemon;
  let port: number;
  let moneyBefore: bigint;
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
    nodes.push(...(await Promise.all([1, 2, 3].map(async (node) => await startNode(network, node)))));
    // So that their tokens can be shown while they write.
    for (const [i, operator] of network.operators.entries()) {
      const pool = new Contract(network.deployment.addresses.NodePool, interfaces.NodePool, operator.connect(network.endpoint.provider));
      await (await pool.getFunction("announceEndpoint").send(i + 1, nodes[i]!.url())).wait();
    }
    moneyBefore = (await money()).all;
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(router?.output());
  });
  after(async () => {
    await Promise.all([router, ...nodes].map(async (daemon) => await daemon?.end()));
    await network.stop();
  });

  const url = (route: string) => `http://127.0.0.1:${port}${route}`;
  const send = async (headers: Record<string, string>, more: object = {}) => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ ...BODY, ...more }),
    };
    const response = await fetch(url("/v1/chat/completions"), init);
    return { status: response.status, location: response.headers.get("location"), text: await response.text() };
  };
  const money = async () => {
    const { available, locked } = await network.views.sessionBalance(1);
    return { all: available + locked, locked };
  };
  const taskIn = (text: string) => (JSON.parse(text) as { verification: { task: string } }).verification.task;

  /** Sends the three requests, lets the router die, and starts it again. Returns where the accepted request is, if it was accepted. */
  async function killed(key: string, death: () => Promise<unknown>): Promise<string | undefined> {
    const asked = [send({ "idempotency-key": key }), send({}, { stream: true }), send({ prefer: "respond-async" })].map(
      async (one) => await one.catch(() => undefined),
    );
    await death();
    const [, , later] = await Promise.all(asked);
    router = await startRouter(network, port);
    if (later === undefined) return undefined;
    expect(later.status, later.text).to.equal(202);
    return later.location!;
  }

  async function checkOutcome(key: string, location: string | undefined): Promise<void> {
    const kept = await send({ "idempotency-key": key });
    expect(kept.status, kept.text).to.equal(200);
    const again = await send({ "idempotency-key": key });
    expect(taskIn(again.text)).to.equal(taskIn(kept.text));
    if (location !== undefined) {
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
    // No money is held, no request is open, and the ledger says what the chain took.
    await eventually(async () => (await money()).locked === 0n, "no locked money", 90_000);
    const usage = async () => (await (await fetch(url("/v1/usage"))).json()) as { charged: string; held: string };
    await eventually(async () => (await usage()).held === "0", "requests that hold nothing", 60_000);
    expect(moneyBefore - (await money()).all).to.equal(BigInt((await usage()).charged));
    await checkTasks(key, taskIn(kept.text));
  }

  /** Every task of the chain has ended and belongs to a request that is known; the one under this key has one task, however often it was asked. */
  async function checkTasks(key: string, task: string): Promise<void> {
    const requests = new Database(path.join(network.folder, "router", "requests.db"), { readonly: true });
    const all = requests.prepare("SELECT name, task, idempotency FROM places JOIN requests ON request = id").all();
    const open = requests.prepare("SELECT count(*) AS open FROM requests WHERE state = 'open'").get();
    requests.close();
    const places = all as { name: string; task: string | null; idempotency: string | null }[];
    expect(open).to.deep.equal({ open: 0 });
    const filter = {
      address: network.deployment.addresses.SessionQueue,
      topics: [interfaces.SessionQueue.getEvent("TaskQueued")!.topicHash],
    };
    const logs = await network.endpoint.provider.getLogs({ ...filter, fromBlock: 0 });
    const known = new Map(places.map((place) => [referenceOf(place.name), place]));
    const born = logs.map((log) => taskQueued(interfaces.SessionQueue.parseLog(log)!.args as unknown as Record<string, unknown>));
    for (const { task, clientReference } of born) {
      expect((await network.views.facts(task)).status).to.be.oneOf([Status.Accepted, Status.Cancelled]);
      expect(known.has(clientReference), `task ${task} belongs to a request`).to.equal(true);
    }
    const own = new Set(places.filter(({ idempotency }) => idempotency === key).map(({ name }) => referenceOf(name)));
    const ofKey = born.filter(({ clientReference }) => own.has(clientReference)).map(({ task }) => String(task));
    expect(ofKey).to.deep.equal([task]);
  }

  for (const step of TRIED)
    it(`ends each of them once, and charges it once (K8): ${step}`, async () => {
      await router?.end();
      router = await startRouter(network, port, {}, step);
      const crashing = router;
      const location = await killed(step, async () => {
        const ended = await Promise.race([crashing.exited.then(() => true), delay(60_000, false, { ref: false })]);
        expect(ended, `the router came to ${step}`).to.equal(true);
      });
      await checkOutcome(step, location);
    });

  for (const ms of MOMENTS)
    it(`ends each of them once, and charges it once (K8): after ${ms} ms`, async () => {
      const location = await killed(`moment-${ms}`, async () => {
        await delay(ms);
        await router.end("SIGKILL");
      });
      await checkOutcome(`moment-${ms}`, location);
    });
});
