import { expect } from "chai";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Wallet } from "ethers";
import type { NodeView, Views } from "../../../offchain/chain/views.ts";
import { registeredModels, registeredNode } from "../../../offchain/node/boot.ts";
import { nodeConfig } from "../../../offchain/node/config.ts";
import { operatorKey } from "../../../offchain/runtime/operatorKey.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { freePort } from "../chain/hardhatNode.ts";
import { flags, MODELS, run, startNode, type Daemon } from "./daemon.ts";
import { startLocalNetwork, type LocalNetwork } from "./localNetwork.ts";

const log = createLog({ name: "test", level: "silent" });
const FREE_KEY = Wallet.createRandom().privateKey;

describe("node's boot", function () {
  this.timeout(60_000);
  let network: LocalNetwork;
  const daemons: Daemon[] = [];

  before(async () => {
    network = await startLocalNetwork({ nodes: 1 });
  });
  after(async () => {
    await Promise.all(daemons.map(async (daemon) => await daemon.end()));
    await network.stop();
  });

  async function fails(args: string[], code: number, ...words: string[]) {
    const daemon = run(args);
    daemons.push(daemon);
    expect(await daemon.exited, daemon.output()).to.equal(code);
    const lines = daemon.output().trim().split("\n");
    for (const word of words) expect(lines.at(-1)).to.include(word);
    return lines;
  }

  it("explains its flags and exit codes, and ends well", async () => {
    const daemon = run(["start", "--help"]);
    expect(await daemon.exited).to.equal(0);
    expect(daemon.output())
      .to.include("Exit codes: 0 ended as asked")
      .and.include("--network")
      .and.match(/chain\s+31337/)
      .and.include("CORROBORATE_RPC");
  });

  it("ends with 2 on wrong usage", async () => {
    await fails([], 2);
    await fails(["start", "--no-such-flag"], 2, "unknown option");
    await fails(["no-such-command"], 2);
  });

  it("ends with 3 on a setting that is not valid, with one line that names it", async () => {
    const lines = await fails(flags(network, 1, { rpc: "nonsense" }), 3, "--rpc (CORROBORATE_RPC)", "for example");
    expect(lines.length).to.equal(1);
    await fails(flags(network, 1, { "chain-id": "1", poison: "x", key: undefined, "key-file": "x" }), 3, "--poison", "31337 only");
    await fails(flags(network, 1, { deployment: "no-such-file.json" }), 3, "no-such-file.json", "wanted the JSON");
  });

  it("ends with 4 where no chain answers, or another one, or one without the contracts", async () => {
    const lines = await fails(flags(network, 1, { rpc: `http://127.0.0.1:${await freePort()}` }), 4, "ECONNREFUSED", "--rpc");
    expect(lines.length).to.equal(1);
    await fails(
      flags(network, 1, {
        "chain-id": "31338",
        key: undefined,
        "key-file": keyFile(),
        "key-password-file": path.join(network.folder, "password"),
      }),
      4,
      "found chain 31337",
      "wanted chain 31338",
    );
    const record = JSON.parse(readFileSync(network.deploymentFile, "utf8")) as { addresses: Record<string, string> };
    record.addresses["SessionQueue"] = `0x${"77".repeat(20)}`;
    const file = path.join(network.folder, "wrong.json");
    writeFileSync(file, JSON.stringify(record));
    await fails(flags(network, 1, { deployment: file }), 4, "found no SessionQueue at 0x7777");
  });

  function keyFile(): string {
    const file = path.join(network.folder, "key.json");
    writeFileSync(file, network.operators[0]!.encryptSync("password"), { mode: 0o600 });
    writeFileSync(path.join(network.folder, "password"), "password\n");
    return file;
  }

  it("ends with 5 where the operator cannot pay for gas", async () => {
    const operator = network.operators[0]!.address;
    const before = await network.chain.rpc("eth_getBalance", operator, "latest");
    await network.chain.rpc("hardhat_setBalance", operator, "0x0");
    await fails(flags(network), 5, "found no balance for gas", operator);
    await network.chain.rpc("hardhat_setBalance", operator, before);
  });

  it("ends with 6 where the model is not the registered one, or its file was changed", async () => {
    await fails(
      flags(network, 1, { model: "toy-world-q8_0" }),
      6,
      "found model toy-world-q8_0",
      "the model that the node is registered with",
    );
    const other = path.join(MODELS, "toy-world-q4_0.gguf");
    const renamed = path.join(network.folder, "renamed.gguf");
    cpSync(other, renamed);
    await fails(flags(network, 1, { model: renamed }), 6, "renamed.gguf", "wanted 9b88752220d51dfa");
    const folder = path.join(network.folder, "models");
    mkdirSync(folder);
    for (const file of ["registry.json", "toy-world-f16.gguf", "toy-embed-q8_0.gguf"])
      cpSync(path.join(MODELS, file), path.join(folder, file));
    const bytes = readFileSync(path.join(folder, "toy-embed-q8_0.gguf"));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path.join(folder, "toy-embed-q8_0.gguf"), bytes);
    await fails(flags(network, 1, { "models-dir": folder }), 6, "toy-embed-q8_0.gguf", "found sha256");
  });

  it("ends with 8 where the key operates no node", async () => {
    await fails(flags(network, 1, { key: FREE_KEY }), 8, "found no node that", "register it");
  });

  it("ends with 9 where the port or the data folder is in use, and gives the folder back even after kill -9", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    await fails(flags(network, 1, { listen: `127.0.0.1:${(server.address() as AddressInfo).port}` }), 9, "in use", "--listen");
    server.close();
    const first = await startNode(network);
    daemons.push(first);
    await fails(flags(network), 9, `in use by process ${first.process.pid}`, "--data");
    await first.end("SIGKILL");
    const second = await startNode(network);
    daemons.push(second);
    expect(await second.end("SIGTERM")).to.equal(0);
  });

  it("says on /healthz how it is", async () => {
    const daemon = await startNode(network);
    daemons.push(daemon);
    const health = (await (await fetch(`${daemon.url()}/healthz`)).json()) as Record<string, unknown> & { engine: { pid: number } };
    expect(health).to.include({ status: "ok", node: 1, chainId: "31337", operator: network.operators[0]!.address, balanceLow: false });
    expect(() => process.kill(health.engine.pid, 0)).not.to.throw();
    expect(await daemon.end("SIGTERM")).to.equal(0);
    expect(() => process.kill(health.engine.pid, 0)).to.throw("ESRCH");
  });
});

describe("node's checks", () => {
  const VIEW = { stake: 10n, minStake: 10n, admitted: true, available: true, exitAt: 0, model: `0x${"ab".repeat(32)}` } as NodeView;
  const views = (parts: Partial<Views>) => parts as Views;
  const config = nodeConfig({ rpc: "http://x", chainId: "31337", deployment: "d", key: FREE_KEY, data: "d", modelsDir: MODELS });

  it("wants the stake that was in force at registration", async () => {
    const short = views({ nodeOfOperator: () => Promise.resolve(3), node: () => Promise.resolve({ ...VIEW, stake: 9n }) });
    const error = await registeredNode(short, "0x1", log).catch((failure: unknown) => failure);
    expect(error).to.include({ exitCode: 5 });
    const enough = views({ nodeOfOperator: () => Promise.resolve(3), node: () => Promise.resolve(VIEW) });
    expect((await registeredNode(enough, "0x1", log)).node).to.equal(3);
  });

  it("wants a registered model, and the embedding model that the registry names", async () => {
    const unknown = await registeredModels(views({ model: () => Promise.resolve(undefined) }), VIEW, config, log).catch(
      (failure: unknown) => failure,
    );
    expect(unknown).to.include({ exitCode: 6 });
    const registry = JSON.parse(readFileSync(path.join(MODELS, "registry.json"), "utf8")) as { models: { sha256: string }[] };
    const view = { ...VIEW, model: `0x${registry.models[0]!.sha256}` };
    const model = {
      price: 1n,
      contextTokens: 512,
      agreement: 70,
      deprecatedAt: 0,
      embedding: `0x${"cd".repeat(32)}`,
      quantisation: "F16",
      name: "m",
    };
    const error = (await registeredModels(views({ model: () => Promise.resolve(model) }), view, config, log).catch(
      (failure: unknown) => failure,
    )) as Error;
    expect(error).to.include({ exitCode: 6 });
    expect(error.message).to.include("cdcdcd").and.include("embedding model");
  });

  it("opens a keystore with its password, and never repeats what is in a file", async () => {
    const base = { chainId: 31337n };
    const missing = await operatorKey({ ...base, keyFile: "no-such-file" }).catch((failure: unknown) => failure as Error);
    expect(missing).to.include({ exitCode: 3 });
    const folder = mkdtempSync(path.join(tmpdir(), "key-"));
    const file = path.join(folder, "key");
    writeFileSync(file, FREE_KEY, { mode: 0o600 });
    expect((await operatorKey({ ...base, keyFile: file })).privateKey).to.equal(FREE_KEY);
    const real = await operatorKey({ chainId: 1n, keyFile: file }).catch((failure: unknown) => failure as Error);
    expect(real).to.include({ exitCode: 3 });
    expect((real as Error).message)
      .to.include("keystore")
      .and.not.include(FREE_KEY);
    rmSync(folder, { recursive: true });
  });
});
