import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import Fastify from "fastify";
import { JsonRpcProvider } from "ethers";
import { connect, type Endpoint } from "../../../offchain/chain/endpoint.ts";
import { readDeployment } from "../../../offchain/chain/deployment.ts";
import { follow } from "../../../offchain/indexer/follow.ts";
import { IndexStore } from "../../../offchain/indexer/indexStore.ts";
import { indexRoutes } from "../../../offchain/indexer/routes.ts";
import { type IndexNews, IndexService } from "../../../offchain/indexer/service.ts";
import { writeRecord } from "../../../scripts/deploy.ts";
import { account, ACCOUNTS } from "../../../scripts/localnet/accounts.ts";
import { contractOf, type LocalSetting, setUp } from "../../../scripts/localnet/setUp.ts";
import { eventually, freePort } from "../chain/hardhatNode.ts";

const ANVIL = path.join(path.dirname(createRequire(import.meta.url).resolve("@foundry-rs/anvil-linux-amd64/package.json")), "bin", "anvil");
const MAIN = "offchain/indexer/main.ts";

/** Answers of several routes. */
interface Told {
  endpoint: string;
  sessions: object[];
  parameters: { module: string }[];
  host: object;
  error: { message: string };
}

describe("The index of a real chain (Anvil)", function () {
  this.timeout(120_000);
  let anvil: ChildProcess;
  let provider: JsonRpcProvider;
  let endpoint: Endpoint;
  let setting: LocalSetting;
  let folder: string;
  let rpc: string;
  let record: string;

  before(async () => {
    expect(existsSync(ANVIL), `found no ${ANVIL}, wanted the optional package; run npm ci`).to.equal(true);
    const port = await freePort();
    rpc = `http://127.0.0.1:${port}`;
    anvil = spawn(ANVIL, ["--port", String(port), "--silent", "--accounts", "20"], { stdio: "ignore" });
    provider = new JsonRpcProvider(rpc, 31_337, { staticNetwork: true, cacheTimeout: -1, pollingInterval: 50 });
    await eventually(async () => (await provider.send("eth_chainId", [])) === "0x7a69", "Anvil", 20_000);
    setting = await setUp(provider, ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"], "http://127.0.0.1:4");
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-index-"));
    record = path.join(folder, "deployment.json");
    writeRecord(record, setting.record);
    endpoint = await connect({ url: rpc });
  });
  after(async () => {
    endpoint?.close();
    provider?.destroy();
    anvil?.kill("SIGKILL");
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const announce = async (words: string) => {
    const pool = contractOf(setting.record, "NodePool", account(ACCOUNTS.firstOwner, provider));
    await (await pool.getFunction("announceEndpoint").send(1, words)).wait();
  };
  const open = (name: string) => new IndexStore(path.join(folder, name), 31_337n, setting.record.addresses.SessionQueue);
  const catchUp = async (store: IndexStore) => await follow({ endpoint, deployment: readDeployment(record), store, pollMs: 0 });
  const rebuilt = async () => {
    const store = new IndexStore(":memory:", 31_337n, setting.record.addresses.SessionQueue);
    await catchUp(store);
    const dump = [...store.dump()].join("");
    store.close();
    return dump;
  };
  const endpointOf = (store: IndexStore) =>
    (store.database.prepare("SELECT endpoint FROM nodes WHERE id = 1").get() as { endpoint: string }).endpoint;

  it("survives a reorganisation: what was taken back is gone, and the rest is what a build from genesis gives", async () => {
    const store = open("reorg.db");
    await announce("http://before.example");
    await catchUp(store);
    for (const words of ["http://one.example", "http://two.example", "http://three.example"]) await announce(words);
    await catchUp(store);
    expect(endpointOf(store)).to.equal("http://three.example");
    await provider.send("anvil_reorg", [3, []]);
    await catchUp(store);
    expect(endpointOf(store)).to.equal("http://before.example");
    await announce("http://after.example");
    await catchUp(store);
    expect(endpointOf(store)).to.equal("http://after.example");
    expect([...store.dump()].join("")).to.equal(await rebuilt());
    store.close();
  });

  it("survives being killed again and again: it goes on where it was, and ends with the same bytes", async () => {
    const file = path.join(folder, "killed.db");
    const args = [MAIN, "--rpc", rpc, "--deployment", record, "--file", file, "--max-range", "1", "--json"];
    for (const after of [700, 900, 1_100]) {
      const child = spawn(process.execPath, args, { stdio: "ignore" });
      await Promise.race([delay(after), once(child, "exit")]);
      child.kill("SIGKILL");
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(status, stderr).to.equal(0);
    const again = spawnSync(process.execPath, [...args.slice(0, -3), "--rebuild", "--json"], { encoding: "utf8" });
    const told = (text: string) => (JSON.parse(text) as { dump: string }).dump;
    expect(told(stdout)).to.equal(told(again.stdout));
  });

  it("serves what it holds, and tells of what is new, over HTTP", async () => {
    const deployment = readDeployment(record);
    const index = new IndexService({ rpc, deployment, file: path.join(folder, "served.db"), pollMs: 50 });
    const server = Fastify({ forceCloseConnections: true });
    await server.register(indexRoutes, { index, deployment, rpc, host: { session: 1 } });
    try {
      const base = await server.listen({ host: "127.0.0.1", port: 0 });
      const get = async (url: string) => (await (await fetch(`${base}${url}`)).json()) as Told;
      await eventually(() => index.standing.caughtUp, "the index", 30_000);
      const news: IndexNews[] = [];
      index.listen((one) => news.push(one));
      await eventually(() => news.length > 0, "what the index holds");
      const stream = await fetch(`${base}/index/stream`);
      const reader = stream.body!.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).to.match(/^data: \{"block":\d+/);
      await announce("http://told.example");
      await eventually(() => news.some(({ nodes }) => nodes.includes(1)), "news of node 1");
      let told = "";
      while (!told.includes('"nodes":[1')) told += new TextDecoder().decode((await reader.read()).value);
      await reader.cancel();
      expect((await get("/index/nodes/1")).endpoint).to.equal("http://told.example");
      expect((await get("/index/sessions")).sessions).to.have.length(1);
      expect((await get("/index/governance")).parameters.map(({ module }) => module)).to.include.members(["NodePool", "Session"]);
      expect((await get("/index/network")).host).to.deep.equal({ session: 1 });
      expect(await get("/index/tasks?limit=5")).to.deep.equal({ tasks: [], next: null });
      expect((await fetch(`${base}/index/nodes/99`)).status).to.equal(404);
      expect((await get("/index/tasks?before=drop")).error.message).to.match(/before: wanted what/);
    } finally {
      await server.close();
      await index.close();
    }
  });
});
