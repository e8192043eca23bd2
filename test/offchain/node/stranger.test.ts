import { expect } from "chai";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { startLocalnet, type Localnet } from "../../../scripts/localnet/network.ts";
import { ROOT } from "../../../scripts/localnet/processes.ts";
import { contractOf } from "../../../scripts/localnet/setUp.ts";
import { eventually, freePort } from "../chain/hardhatNode.ts";
import { run, type Daemon } from "./daemon.ts";

const CLI = path.join(ROOT, "offchain/node/cli.ts");
const execute = promisify(execFile);

/** One command of the node's command line, to its end. */
async function node(...args: string[]): Promise<{ code: number; json: Record<string, unknown>; text: string }> {
  const outcome = await execute(process.execPath, [CLI, ...args], { cwd: ROOT }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  const json = outcome.stdout.startsWith("{") ? (JSON.parse(outcome.stdout) as Record<string, unknown>) : {};
  return { code: outcome.code, json, text: outcome.stdout + outcome.stderr };
}

describe("a stranger who joins the running local network", function () {
  this.timeout(240_000);
  let net: Localnet;
  let folder: string;
  let data: string[];
  let daemon: Daemon | undefined;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "stranger-"));
    net = await startLocalnet({ folder: path.join(folder, "net"), nodes: 3, rpcPort: await freePort(), routerPort: await freePort() });
    data = ["--data", path.join(folder, "mine")];
  });
  after(async () => {
    await daemon?.end("SIGKILL");
    await net.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("init: makes keys that only the owner can read, settings, and overwrites nothing", async () => {
    const network = path.join(folder, "net", "deployment.json");
    const listen = `127.0.0.1:${await freePort()}`;
    const args = ["init", "--network", network, "--rpc", net.rpc, "--listen", listen, "--model", "toy-world-f16", ...data, "--json"];
    const { code, json, text } = await node(...args);
    expect(code, text).to.equal(0);
    expect(json["owner"]).to.match(/^0x/).and.not.equal(json["operator"]);
    for (const file of ["owner.json", "operator.json", "password", "node.json"])
      expect(statSync(path.join(folder, "mine", file)).mode & 0o077, file).to.equal(0);
    const again = await node(...args);
    expect(again.code).to.equal(3);
    expect(again.json["error"]).to.include("wanted a folder without a node");
  });

  it("doctor before registering: says what is missing and how to get it, exit code 11", async () => {
    const { code, json } = await node("doctor", ...data, "--json");
    expect(code).to.equal(11);
    const findings = json["findings"] as { check: string; state: string; fix?: string }[];
    expect(findings.find(({ check }) => check === "registration")).to.include({ state: "fail", fix: "run register" });
    expect(findings.find(({ check }) => check === "rpc chain id")!.state).to.equal("ok");
    for (const { state, fix } of findings) if (state !== "ok") expect(fix).to.be.a("string").and.not.equal("");
  });

  it("register: a dry run sends nothing; then stakes, accepts, and does nothing twice", async () => {
    const dry = await node("register", ...data, "--dry-run", "--json");
    expect(dry.json).to.include({ dryRun: true, model: "toy-world-f16" });
    const pool = contractOf(net.setting.record, "NodePool", net.provider);
    expect(await pool.getFunction("nodeCount").staticCall()).to.equal(3n);
    const first = await node("register", ...data, "--json");
    expect(first.code, first.text).to.equal(0);
    expect(first.json["node"]).to.equal(4);
    expect(await pool.getFunction("isEligible").staticCall(4)).to.equal(true);
    const second = await node("register", ...data, "--json");
    expect(second.json["node"]).to.equal(4);
    expect(await pool.getFunction("nodeCount").staticCall()).to.equal(4n);
  });

  it("doctor after registering: nothing fails", async () => {
    const { code, text } = await node("doctor", ...data);
    expect(code, text).to.be.oneOf([0, 10]);
    expect(text).to.include("sha256 as registered").and.include("0 failures");
  });

  it("start: the node is leased, answers, and earns, by these three commands alone", async () => {
    daemon = run(["start", ...data]);
    await eventually(async () => (await fetch(`${daemon!.url()}/readyz`)).status === 200, "a ready node", 60_000);
    const payment = contractOf(net.setting.record, "SessionPayment", net.provider);
    const owed = async () => (await payment.getFunction("owedToNode").staticCall(4)) as bigint;
    await eventually(async () => (await owed()) > 0n, "earnings", 90_000);
    const leased = await owed();
    await eventually(async () => (await owed()) > leased, "pay for an answer", 90_000);
    expect(daemon.output()).to.include("reveal:");
  });

  it("status: tells of the process and of the chain", async () => {
    const { json } = await node("status", ...data, "--json");
    expect(json["process"]).to.include({ status: "ok", node: 4 });
    expect(json["chain"]).to.include({ node: 4 });
    expect(BigInt((json["chain"] as { owed: string }).owed) > 0n).to.equal(true);
  });

  it("serves more than 25 numbers for Prometheus, none of them about a task or a client", async () => {
    const text = await (await fetch(`${daemon!.url()}/metrics`)).text();
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(names.length).to.be.greaterThan(25);
    expect(text).to.match(/corroborate_acts_total\{node="4",kind="infer",outcome="done"\} [1-9]/);
    expect(text).to.match(/corroborate_ready\{node="4"\} 1/);
    expect(
      [...text.matchAll(/\{([^}]*)\}/g)].flatMap(([, labels]) => labels!.split(",").map((label) => label.split("=")[0])),
    ).to.not.include.members(["task", "session"]);
  });

  it("claim and exit: the owner gets what is owed once, and the stake thaws", async () => {
    const claimed = await node("claim", ...data, "--json");
    expect(claimed.code, claimed.text).to.equal(0);
    const cor = contractOf(net.setting.record, "COR", net.provider);
    const { address } = JSON.parse(readFileSync(path.join(folder, "mine", "owner.json"), "utf8")) as { address: string };
    expect(
      ((await cor.getFunction("balanceOf").staticCall(`0x${address.replace(/^0x/, "")}`)) as bigint) >=
        BigInt(claimed.json["claimed"] as string),
    ).to.equal(true);
    const left = await node("exit", ...data, "--json");
    expect(left.json, left.text).to.include({ node: 4, withdrawn: false });
    expect((await node("exit", ...data)).text).to.include("thaws until");
  });

  it("SIGTERM: ends in order within 30 s", async () => {
    const began = performance.now();
    expect(await daemon!.end("SIGTERM")).to.equal(0);
    expect(performance.now() - began).to.be.lessThan(35_000);
    expect(existsSync(path.join(folder, "mine", "journal.db"))).to.equal(true);
  });

  it("journal export and import: a machine with an empty journal refuses another commitment for the same seats", async () => {
    const file = path.join(folder, "commitments.json");
    const exported = await node("journal", "export", file, ...data, "--json");
    expect(exported.code, exported.text).to.equal(0);
    expect(exported.json["commitments"]).to.be.greaterThan(0);
    const text = readFileSync(file, "utf8");
    const changed = path.join(folder, "changed.json");
    const { writeFileSync } = await import("node:fs");
    writeFileSync(changed, text.replace(/"commitment": "0x../, '"commitment": "0x00'));
    expect((await node("journal", "import", file, ...data)).code).to.equal(0);
    const conflict = await node("journal", "import", changed, ...data);
    expect(conflict.code, conflict.text).to.equal(6);
    expect(conflict.text).to.include("wanted the same");
  });
});
