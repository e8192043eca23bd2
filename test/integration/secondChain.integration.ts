import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { Contract, id, parseEther, type Wallet } from "ethers";
import { interfaces, type ModuleName } from "../../offchain/chain/abis.ts";
import { type Deployment, readDeployment } from "../../offchain/chain/deployment.ts";
import { connect, type Endpoint } from "../../offchain/chain/endpoint.ts";
import { createViews } from "../../offchain/chain/views.ts";
import { digestOf } from "../../offchain/content/contentId.ts";
import { LocalStore } from "../../offchain/content/localStore.ts";
import { AGREEMENT_ONLY } from "../../offchain/protocol/assurance.ts";
import { encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { taskQueued } from "../../offchain/protocol/events.ts";
import { manifestBytes } from "../../offchain/protocol/manifest.ts";
import { Status } from "../../offchain/protocol/types.ts";
import { account } from "../../scripts/localnet/accounts.ts";
import { ROOT } from "../../scripts/localnet/processes.ts";
import { NETWORKS } from "../../scripts/parameters.ts";
import { eventually, freePort, rpcCall } from "../offchain/chain/hardhatNode.ts";
import { type Daemon, promptTokens, run } from "../offchain/node/daemon.ts";
import { question } from "../offchain/node/localNetwork.ts";

const { chainId, parameters } = NETWORKS.find(({ name }) => name === "l3")!;
const NODES = [1, 2, 3];
const QUESTION = question("What is the capital of France?");
const BYTES = manifestBytes(QUESTION);
const MODEL = parameters.models[0]!;
const execute = promisify(execFile);

/** Another client than elsewhere, another chain id, a public network's parameters: no shortcut that is made for chain 31337 helps here. */
describe("a chain of another id, on Anvil", function () {
  this.timeout(300_000);
  const journal = `rehearsal-${process.pid}-second`;
  const daemons: Daemon[] = [];
  let folder: string;
  let record: string;
  let url: string;
  let env: Record<string, string>;
  let stopChain: () => Promise<void>;
  let endpoint: Endpoint;
  let deployment: Deployment;
  let deployer: Wallet;
  let client: Wallet;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-second-"));
    record = path.join(folder, "deployment.json");
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const args = ["--port", String(port), "--chain-id", String(chainId), "--silent", "--order", "fifo"];
    const chain = spawn("node_modules/.bin/anvil", args, { cwd: ROOT, stdio: "ignore" });
    stopChain = async () => {
      const ended = once(chain, "exit");
      if (chain.exitCode === null && chain.signalCode === null && chain.kill("SIGKILL")) await ended;
    };
    await eventually(async () => Number(await rpcCall(url, "eth_chainId")) === chainId, "anvil", 30_000);
    endpoint = await connect({ url, chainId: BigInt(chainId) });
    [deployer, client] = [0, 1].map((index) => account(index).connect(endpoint.provider) as unknown as Wallet) as [Wallet, Wallet];
    env = { L3_RPC_URL: url, L3_DEPLOYER_KEY: deployer.privateKey };
  });
  after(async () => {
    await Promise.all(daemons.map(async (daemon) => await daemon.end("SIGKILL")));
    endpoint?.close();
    await stopChain?.();
    for (const left of [folder, path.join(ROOT, "ignition/deployments", journal)])
      rmSync(left, { recursive: true, force: true, maxRetries: 5 });
  });

  /** One command, to its end; the JSON that it prints. */
  async function done(program: string, ...args: string[]): Promise<Record<string, unknown>> {
    const { stdout } = await execute(process.execPath, [path.join(ROOT, program), ...args, "--json"], {
      cwd: ROOT,
      env: { ...process.env, ...env },
    });
    return JSON.parse(stdout) as Record<string, unknown>;
  }
  const hardhat = async (line: string) =>
    await done("node_modules/hardhat/dist/src/cli.js", ...line.split(" "), "--network", "l3", "--deployment", record);
  const node = async (verb: string, of: number, ...args: string[]) =>
    await done("offchain/node/cli.ts", verb, "--data", dataOf(of), ...args);
  const dataOf = (of: number) => path.join(folder, `node-${of}`);
  const send = async (from: Wallet, module: ModuleName, method: string, ...args: unknown[]) =>
    (await (await new Contract(deployment.addresses[module], interfaces[module], from).getFunction(method).send(...args)).wait())!.logs;

  it("is deployed to with the network's own parameters, and verified", async () => {
    const deployed = await hardhat(`net deploy --yes --journal ${journal}`);
    expect(deployed).to.include({ network: "l3", chainId });
    expect(await hardhat("net verify")).to.include({ verified: true });
    deployment = readDeployment(record);
    const stranger = await execute(
      process.execPath,
      ["node_modules/hardhat/dist/src/cli.js", "net", "deploy", "--network", "sepolia", "--json"],
      {
        cwd: ROOT,
        env: { ...process.env, SEPOLIA_RPC_URL: url, SEPOLIA_DEPLOYER_KEY: deployer.privateKey },
      },
    ).catch((error: unknown) => error as { stdout: string });
    expect(stranger.stdout).to.match(/found chain 920337/);
  });

  it("admits nodes that enter with keystores, and takes no plain key", async () => {
    for (const of of NODES) {
      const listen = `127.0.0.1:${await freePort()}`;
      const made = await node("init", of, "--network", record, "--rpc", url, "--listen", listen, "--model", MODEL.name);
      await send(deployer, "COR", "transfer", made["owner"], parameters.pool.minStake);
      for (const to of [made["owner"], made["operator"]])
        await (await deployer.sendTransaction({ to: to as string, value: parseEther("1") })).wait();
      expect((await node("register", of))["node"]).to.equal(of);
      await send(deployer, "NodePool", "admit", of, true);
      await (await LocalStore.open(path.join(dataOf(of), "content"))).put(BYTES);
    }
    const plain = run(["start", "--network", record, "--rpc", url, "--data", path.join(folder, "plain"), "--key", client.privateKey]);
    expect(await plain.exited).to.equal(3);
    expect(plain.output()).to.match(/--key .* is accepted on chain 31337 only/);
  });

  it("has a task answered by three of them, settled and paid", async () => {
    for (const of of NODES) daemons.push(run(["start", "--data", dataOf(of)]));
    const views = createViews(endpoint, deployment);
    const windows = { queueWindow: 600, commitWindow: parameters.minWindow, revealWindow: parameters.minWindow };
    const limits = { maxPrompts: 1, maxPromptTokens: 256, maxTokens: 128, priceCeiling: MODEL.price };
    const seats = { redundancy: NODES.length, quorum: 2, leaseNodes: NODES.length, mode: 0, comparison: 1 };
    await send(client, "Session", "open", { model: MODEL.id, ...seats, ...AGREEMENT_ONLY, ...windows, ...limits });
    await send(deployer, "COR", "transfer", client.address, parseEther("1000"));
    await send(client, "COR", "approve", deployment.addresses.SessionPayment, parseEther("1000"));
    await send(client, "SessionPayment", "deposit", 1, parseEther("1000"));
    await send(client, "Session", "reserve", 1, 86_400, 0);
    await rpcCall(url, "evm_setIntervalMining", 1);
    await eventually(async () => (await views.session(1)).lease !== 0, "a lease", 120_000);
    const request = { manifest: digestOf(BYTES), promptTokens: encodePromptTokens(await promptTokens(QUESTION)), maxTokens: 32 };
    const logs = await send(client, "Session", "submit", 1, { ...request, clientReference: id("second") });
    const born = logs.map((log) => interfaces.SessionQueue.parseLog(log)).find((found) => found?.name === "TaskQueued");
    const { task } = taskQueued(born!.args);
    await eventually(async () => (await views.facts(task)).status === Status.Accepted, "a settled task", 120_000);
    expect((await views.facts(task)).revealed).to.equal(0b111);
    for (const of of NODES) expect((await views.owedToNode(of)) > 0n, `node ${of} is owed something`).to.equal(true);
    expect((await node("claim", 1))["claimed"]).to.not.equal("0");
    for (const daemon of daemons) expect(await daemon.end("SIGTERM"), daemon.output().slice(-1_000)).to.equal(0);
  });
});
