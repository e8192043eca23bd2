import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { Contract } from "ethers";
import { interfaces, type ModuleName } from "../../offchain/chain/abis.ts";
import { type Deployment, readDeployment } from "../../offchain/chain/deployment.ts";
import { connect, type Endpoint } from "../../offchain/chain/endpoint.ts";
import { createViews } from "../../offchain/chain/views.ts";
import { Status } from "../../offchain/protocol/types.ts";
import { eventually, freePort, rpcCall } from "../offchain/chain/hardhatNode.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const RECORD = path.join(ROOT, "deployments/localhost/deployment.json");
/** What the lines leave behind in the checkout. */
const LEFT = ["deployments/localhost", ".nodes", "chain.log"];
const NODES = [1, 2, 3];
const TASK = (1n << 32n) | 1n;
const BLOCK_MS = 180_000;

/** The shell lines of the README's section for protocol developers, block by block. */
function blocks(): string[] {
  const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");
  const [, section = ""] = /\*\*Protocol developers\.\*\*(.*?)\n\*\*[A-Z]/s.exec(readme) ?? [];
  return [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, lines]) => lines!);
}

describe("the README's lines for protocol developers", function () {
  this.timeout(600_000);
  const all = blocks();
  let next = 0;
  let folder: string;
  let shell: ChildProcess;
  let output = "";
  let url: string;
  let endpoint: Endpoint;
  /** What is replaced in the lines: ports, so that this runs beside another network. */
  let ports: (lines: string) => string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-readme-"));
    for (const left of LEFT) if (existsSync(path.join(ROOT, left))) renameSync(path.join(ROOT, left), `${path.join(ROOT, left)}.aside`);
    const chain = await freePort();
    const servers = Math.floor((await freePort()) / 10);
    url = `http://127.0.0.1:${chain}`;
    ports = (lines) =>
      lines
        .replaceAll("http://127.0.0.1:8545", url)
        .replaceAll("hardhat node --network live", `hardhat node --network live --port ${chain}`)
        .replaceAll("127.0.0.1:900$n", `127.0.0.1:${servers}$n`);
    const env = { ...process.env, RPC_URL: url, PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}` };
    // A group of its own, so that what it leaves running can be ended with it.
    shell = spawn("bash", ["-ev"], { cwd: ROOT, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    for (const stream of [shell.stdout!, shell.stderr!]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  });
  after(async () => {
    endpoint?.close();
    if (shell?.exitCode === null && shell.signalCode === null) {
      const ended = once(shell, "exit");
      process.kill(-shell.pid!, "SIGKILL");
      await ended;
    } else if (shell !== undefined) {
      // Its background processes may outlive it.
      await Promise.resolve()
        .then(() => process.kill(-shell.pid!, "SIGKILL"))
        .catch(() => undefined);
    }
    rmSync(folder, { recursive: true, force: true });
    for (const left of LEFT) {
      rmSync(path.join(ROOT, left), { recursive: true, force: true, maxRetries: 5 });
      if (existsSync(`${path.join(ROOT, left)}.aside`)) renameSync(`${path.join(ROOT, left)}.aside`, path.join(ROOT, left));
    }
  });

  /** Runs the next block in the shell, which ends at the first line that fails. Returns what it printed. */
  async function runs(what: string): Promise<string> {
    const lines = all[next++];
    if (lines === undefined) throw new Error(`the README has no block of lines for ${what}`);
    const file = path.join(folder, `block-${next}.sh`);
    writeFileSync(file, ports(lines));
    const from = output.length;
    const done = `done: ${what}`;
    shell.stdin!.write(`. ${file} < /dev/null\necho "done:" "${what}"\n`);
    await eventually(() => shell.exitCode !== null || output.slice(from).includes(`${done}\n`), what, BLOCK_MS);
    const printed = output.slice(from);
    expect(printed, printed).to.include(`${done}\n`);
    return printed;
  }

  const deployment = (): Deployment => readDeployment(RECORD);
  const view = async (module: ModuleName, method: string, ...args: unknown[]): Promise<unknown> =>
    (await new Contract(deployment().addresses[module], interfaces[module], endpoint.provider)
      .getFunction(method)
      .staticCall(...args)) as unknown;
  const logOf = (node: number) => readFileSync(path.join(ROOT, `.nodes/${node}.log`), "utf8");
  const pidsOf = (node: number) => [...new Set([...logOf(node).matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid)))];

  it("start a chain", async () => {
    await runs("a chain");
    await eventually(async () => (await rpcCall(url, "eth_chainId")) === "0x7a69", "the chain", 60_000);
    endpoint = await connect({ url });
  });

  it("deploy, verify, and run three nodes", async () => {
    expect(await runs("a network")).to.match(/verified\s+yes/);
    expect(await view("NodePool", "nodeCount")).to.equal(3n);
    await eventually(() => NODES.every((node) => logOf(node).includes("the node runs")), "three nodes", 60_000);
  });

  it("ask a question that three nodes answer", async () => {
    await runs("a question");
    const views = createViews(endpoint, deployment());
    await eventually(async () => (await views.facts(TASK)).status === Status.Accepted, "the answer", 60_000);
    expect((await views.facts(TASK)).revealed).to.equal(0b111);
  });

  it("change a parameter by vote", async () => {
    expect(await runs("a vote")).to.include("session.bounty");
    expect(((await view("Session", "parameters")) as { bounty: bigint }).bounty).to.equal(2_000n);
  });

  it("switch a module by vote; the running nodes follow, and what votes changed before stays", async () => {
    const old = deployment().addresses;
    const pids = NODES.map(pidsOf);
    expect(await runs("a switch")).to.match(/verified\s+yes/);
    const { addresses } = deployment();
    for (const module of ["Judge", "SessionQueue", "NodePool"] as const) expect(addresses[module]).to.not.equal(old[module]);
    for (const module of ["COR", "ModelRegistry", "CorGovernor", "Runtime"] as const) expect(addresses[module]).to.equal(old[module]);
    expect(await view("Runtime", "moduleOf", "Judge")).to.equal(addresses.Judge);
    expect(await view("SessionQueue", "JUDGE")).to.equal(addresses.Judge);
    expect(((await view("Session", "parameters")) as { bounty: bigint }).bounty).to.equal(2_000n);
    expect(await view("NodePool", "nodeCount")).to.equal(3n);
    const follows = "the node follows Runtime to other contracts";
    await eventually(() => NODES.every((node) => logOf(node).includes(follows)), "the nodes to follow", 90_000);
    expect(NODES.map(pidsOf)).to.deep.equal(pids);
    expect(pids.flat().length).to.equal(3);
  });

  it("are all", () => {
    expect(next).to.equal(all.length);
  });
});
