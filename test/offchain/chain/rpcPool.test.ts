import { expect } from "chai";
import type { Endpoint } from "../../../offchain/chain/endpoint.ts";
import { EventCursor } from "../../../offchain/chain/cursor.ts";
import { connectPool, type PoolEvent, type PoolOptions } from "../../../offchain/chain/rpcPool.ts";
import { freePort } from "./hardhatNode.ts";
import { FaultProxy, type ProxyFault } from "./faultProxy.ts";
import { eventLog, ScriptedChain } from "./scriptedChain.ts";

const POOL = `0x${"11".repeat(20)}`;
const announced = (node: number) => eventLog("NodePool", POOL, "EndpointChanged", [node, `http://node-${node}`]);

describe("several RPC servers", () => {
  let chain: ScriptedChain;
  let proxies: FaultProxy[];
  let endpoint: Endpoint | undefined;
  let events: PoolEvent[];

  beforeEach(async () => {
    chain = await ScriptedChain.start(5);
    proxies = await Promise.all([1, 2, 3].map(async () => await FaultProxy.start(chain.url)));
    events = [];
  });
  afterEach(async () => {
    endpoint?.close();
    endpoint = undefined;
    for (const proxy of proxies) await proxy.stop();
    await chain.stop();
  });

  async function connected(count = 3, options: Partial<PoolOptions> = {}): Promise<Endpoint> {
    const urls = proxies.slice(0, count).map(({ url }) => url);
    endpoint = await connectPool({ urls, timeoutMs: 300, onEvent: (event) => events.push(event), ...options });
    return endpoint;
  }
  const head = async () => (await endpoint!.provider.getBlock("latest"))!;
  const kinds = (kind: PoolEvent["kind"]) => events.filter((event) => event.kind === kind).map(({ url }) => url);
  const reader = () => {
    let blocks: { number: number; hash: string }[] = [];
    const store = { position: () => blocks, savePosition: (next: typeof blocks) => void (blocks = next) };
    return new EventCursor({ endpoint: endpoint!, addresses: { NodePool: POOL }, store, fromBlock: 0 });
  };
  const failure = async (promise: Promise<unknown>) =>
    await promise.then(
      () => new Error("nothing failed"),
      (error: unknown) => error as Error & { code?: string },
    );

  for (const fault of ["500", "503", "429", "hang", "reset", "garbage"] as ProxyFault[]) {
    it(`4b RPC down (${fault}): the next server answers, and the first is left alone for a while`, async () => {
      await connected();
      proxies[0]!.fault = fault;
      expect((await head()).number).to.equal(4);
      expect(await endpoint!.provider.getBlockNumber()).to.equal(4);
      const asked = proxies[0]!.requests;
      expect(await endpoint!.provider.getBlockNumber()).to.equal(4);
      expect(proxies[0]!.requests).to.equal(asked);
      expect(kinds("failed")).to.deep.equal([proxies[0]!.url]);
      expect(endpoint!.health!()[0]).to.include({ state: "resting", failures: 1 });
    });
  }

  it("4b RPC down: all of them, then one again: the request waits with growing pauses and is answered", async () => {
    await connected(2);
    for (const proxy of proxies) proxy.fault = "503";
    setTimeout(() => (proxies[1]!.fault = "none"), 700);
    expect(await endpoint!.provider.getBlockNumber()).to.equal(4);
    expect(kinds("back")).to.include(proxies[1]!.url);
  });

  it("4b RPC lagging: a head that two servers have is acted on, never one that a single server claims or an older one", async () => {
    await connected();
    await proxies[2]!.freeze();
    chain.mine(3);
    expect((await head()).number).to.equal(7);
    proxies[0]!.mutate = ({ params }, answer) =>
      params[0] === "latest" ? { result: { ...(answer.result as object), number: "0xff", hash: `0x${"ab".repeat(32)}` } } : answer;
    expect((await head()).number).to.equal(7);
    expect(kinds("disagreed").length).to.equal(0);
  });

  it("4b RPC lagging: a server that stands still while another moves is stale and not asked", async () => {
    await connected(3, { staleMs: 100 });
    await head();
    await proxies[0]!.freeze();
    chain.mine(1);
    await head();
    await new Promise((resolve) => setTimeout(resolve, 150));
    chain.mine(1);
    expect((await head()).number).to.equal(6);
    expect(kinds("stale")).to.deep.equal([proxies[0]!.url]);
    expect(endpoint!.health!()[0]!.state).to.equal("stale");
    proxies[0]!.reset();
    await head();
    expect(endpoint!.health!()[0]!.state).to.equal("ok");
  });

  it("4b RPC lagging: one server alone that falls behind the cursor is waited for, not taken for a reorganisation", async () => {
    await connected(1);
    const cursor = reader();
    cursor.confirm(await cursor.poll());
    await proxies[0]!.freeze();
    chain.mine(3, [announced(1)]);
    const frozen = proxies[0]!.instead;
    proxies[0]!.instead = () => undefined;
    cursor.confirm(await cursor.poll());
    proxies[0]!.instead = frozen;
    expect(await failure(cursor.poll())).to.include({ code: "HeadBehind", retryable: true });
    proxies[0]!.reset();
    expect((await cursor.poll()).removedFrom).to.equal(undefined);
  });

  it("4b RPC lies, K2: logs that one server leaves out are those of the two others, and the liar rests", async () => {
    await connected();
    chain.mine(1, [announced(1), announced(2)]);
    proxies[0]!.mutate = ({ method }, answer) => (method === "eth_getLogs" ? { result: [] } : answer);
    const batch = await reader().poll();
    expect(batch.added.map(({ args }) => Number(args.getValue("node")))).to.deep.equal([1, 2]);
    expect(kinds("disagreed")).to.deep.equal([proxies[0]!.url]);
  });

  it("4b RPC lies, K2: two servers that disagree are an error, and nothing is delivered", async () => {
    await connected(2);
    chain.mine(1, [announced(1)]);
    proxies[0]!.mutate = ({ method }, answer) => (method === "eth_getLogs" ? { result: [] } : answer);
    expect(await failure(reader().poll())).to.include({ code: "QuorumDisagreement", retryable: true });
    proxies[0]!.mutate = ({ method, params }, answer) =>
      method === "eth_getBlockByNumber" && params[0] === "latest"
        ? { result: { ...(answer.result as object), hash: `0x${"cd".repeat(32)}` } }
        : answer;
    expect(await failure(head())).to.include({ code: "QuorumDisagreement" });
  });

  it("4b RPC lies, K2: an event of a block that is not the chain's is not delivered, though one server alone tells it", async () => {
    await connected(1);
    chain.mine(1, [announced(1)]);
    proxies[0]!.mutate = ({ method }, answer) =>
      method === "eth_getLogs"
        ? { result: (answer.result as object[]).map((log) => ({ ...log, blockHash: `0x${"ef".repeat(32)}` })) }
        : answer;
    expect(await failure(reader().poll())).to.include({ code: "HeadMoved", retryable: true });
  });

  it("4b getLogs range: a limit is found by halving, remembered, and nothing is left out", async () => {
    await connected(2);
    for (let node = 1; node <= 10; node++) chain.mine(5, [announced(node)]);
    chain.maxRange = 13;
    const cursor = reader();
    const found: number[] = [];
    for (let caughtUp = false; !caughtUp;) {
      const batch = await cursor.poll();
      cursor.confirm(batch);
      caughtUp = batch.caughtUp;
      found.push(...batch.added.map(({ args }) => Number(args.getValue("node"))));
    }
    expect(found).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("4b duplicate, out-of-order and removed logs: each event once, in order", async () => {
    await connected(2);
    chain.untidy = true;
    chain.mine(1, [announced(1), announced(2)]);
    proxies[1]!.mutate = ({ method }, answer) =>
      method === "eth_getLogs" ? { result: [...(answer.result as object[])].reverse() } : answer;
    const batch = await reader().poll();
    expect(batch.added.map(({ args }) => Number(args.getValue("node")))).to.deep.equal([1, 2]);
  });

  it("4b chainId mismatch at boot: refuses, and names the server and both chains", async () => {
    proxies[1]!.mutate = ({ method }, answer) => (method === "eth_chainId" ? { result: "0x1" } : answer);
    const error = await failure(connected());
    expect(error).to.include({ code: "WrongChainId" });
    expect(error.message).to.include("found chain 1").and.include("wanted chain 31337");
  });

  it("4b chainId mismatch in the middle of a run: the server is asked nothing any more", async () => {
    await connected();
    proxies[0]!.fault = "reset";
    await head();
    proxies[0]!.reset();
    proxies[0]!.mutate = ({ method }, answer) => (method === "eth_chainId" ? { result: "0x1" } : answer);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await head()).number).to.equal(4);
    expect(kinds("quarantined")).to.deep.equal([proxies[0]!.url]);
    const asked = proxies[0]!.requests;
    await head();
    expect(proxies[0]!.requests).to.equal(asked);
  });

  it("goes on with one server where the other is not there from the beginning", async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    endpoint = await connectPool({ urls: [dead, proxies[0]!.url], timeoutMs: 300, onEvent: (event) => events.push(event) });
    expect((await head()).number).to.equal(4);
    expect(endpoint.health!().map(({ state }) => state)).to.deep.equal(["resting", "ok"]);
  });
});
