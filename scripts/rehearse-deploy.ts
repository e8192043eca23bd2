// Rehearses a deployment on fresh Anvil chains: kills it at every tenth transaction, resumes, verifies, and compares the record with that
// of an undisturbed run; then tampers with the chain and sees that the verification names it.
//
//   npm run rehearse:deploy [-- --every N] [--json]
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Interface } from "ethers";
import { artifactOf, planOf } from "./deploy.ts";
import type { FullRecord } from "./deployment/record.ts";
import { freePort } from "./localnet/processes.ts";
import { localParameters } from "./parameters.ts";

const ROOT = path.dirname(import.meta.dirname);
const ANVIL = path.join(ROOT, "node_modules/.bin/anvil");
const DEPLOYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const LIMIT_MS = 300_000;

const { values } = parseArgs({
  options: {
    every: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("npm run rehearse:deploy [-- --every N (10)] [--json]");
  process.exit(0);
}
const every = Number(values.every);
if (!Number.isInteger(every) || every < 1) {
  console.error(`--every: found ${values.every}, wanted a whole number of transactions from 1 on`);
  process.exit(1);
}
const say = (text: string) => void (values.json || console.log(text));

interface Chain {
  url: string;
  rpc: (method: string, ...params: unknown[]) => Promise<unknown>;
  sent: () => Promise<number>;
  stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill("SIGKILL");
    process.exit(130);
  });
}

async function startAnvil(): Promise<Chain> {
  const port = await freePort(18_545);
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(ANVIL, ["--port", `${port}`, "--silent", "--timestamp", "1700000000"], { stdio: "ignore" });
  running.add(child);
  const rpc = async (method: string, ...params: unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const response = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };
  for (const end = performance.now() + 30_000; ; await delay(50)) {
    if (
      await rpc("eth_chainId").then(
        () => true,
        () => false,
      )
    )
      break;
    if (performance.now() > end) throw new Error("anvil did not start within 30 s");
  }
  // Both chains count time alike, so that what the contracts noted of it is the same too.
  await rpc("anvil_setBlockTimestampInterval", 1);
  const stop = async () => {
    running.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  return { url, rpc, sent: async () => Number(await rpc("eth_getTransactionCount", DEPLOYER, "latest")), stop };
}

/** `hardhat net VERB`, to its end or until `killAt` transactions are mined or (`pending`) the next one waits to be. */
async function net(verb: string, chain: Chain, record: string, journal: string, killAt?: number, pending = false) {
  const own = verb === "deploy" ? ["--journal", journal] : [];
  const args = ["node_modules/hardhat/dist/src/cli.js", "net", verb, "--deployment", record, "--json", ...own];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, RPC_URL: chain.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  let ended = false;
  const exit = once(child, "exit").then(([code]) => {
    ended = true;
    running.delete(child);
    return code as number | null;
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  if (killAt !== undefined) {
    while (!ended && (await chain.sent()) < killAt) await delay(5);
    if (pending) {
      await chain.rpc("evm_setAutomine", false);
      while (!ended && Number(await chain.rpc("eth_getTransactionCount", DEPLOYER, "pending")) === (await chain.sent())) await delay(5);
    }
    child.kill("SIGKILL");
    await exit;
    if (pending) {
      await chain.rpc("evm_mine");
      await chain.rpc("evm_setAutomine", true);
    }
    clearTimeout(limit);
    return { killed: !ended || child.signalCode === "SIGKILL", code: null, report: {} as Record<string, unknown>, text };
  }
  const code = await exit;
  clearTimeout(limit);
  const report = text.trim() === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { killed: false, code, report, text };
}

function need(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const folder = mkdtempSync(path.join(tmpdir(), "rehearsal-"));
const journals = [`rehearsal-${process.pid}-plain`, `rehearsal-${process.pid}-killed`] as const;
const chains: Chain[] = [];
try {
  const steps = planOf(DEPLOYER, 0, localParameters()).steps.length;
  say(`the plan has ${steps} transactions`);
  const undisturbed = await startAnvil();
  const disturbed = await startAnvil();
  chains.push(undisturbed, disturbed);
  const files = [path.join(folder, "plain.json"), path.join(folder, "killed.json")] as const;

  const plain = await net("deploy", undisturbed, files[0], journals[0]);
  need(plain.code === 0, `the undisturbed deployment failed: ${JSON.stringify(plain.report)}`);
  say("undisturbed run: deployed");

  const interruptions: { after: number; pending: boolean }[] = [];
  for (let at = every, pending = false; at < steps; at += every, pending = !pending) {
    const { killed, text } = await net("deploy", disturbed, files[1], journals[1], at, pending);
    need(killed, `the deployment ended before it could be killed at transaction ${at}: ${text}`);
    const after = await disturbed.sent();
    interruptions.push({ after, pending });
    say(`killed with ${after} of ${steps} transactions mined${pending ? ", one of them only after the end of the process" : ""}`);
  }
  const resumed = await net("deploy", disturbed, files[1], journals[1]);
  need(resumed.code === 0, `the resumed deployment failed: ${JSON.stringify(resumed.report)}`);
  need((await disturbed.sent()) === steps, `${await disturbed.sent()} transactions were sent, wanted ${steps}: one was sent twice`);
  const same = deploymentIn(files[0]) === deploymentIn(files[1]);
  need(same, `the records differ: compare ${files[0]} with ${files[1]}`);
  say("resumed: the record is that of the undisturbed run, byte for byte but for the commit of the sources");

  const verified = await net("verify", disturbed, files[1], journals[1]);
  need(verified.code === 0 && verified.report.verified === true, `verification failed: ${JSON.stringify(verified.report)}`);
  say("verified against chain and build");

  const record = JSON.parse(readFileSync(files[1], "utf8")) as FullRecord;
  const tampered = await tamperings(disturbed, record, files[1]);
  const result = { steps, interruptions, identicalRecord: same, verified: verified.report.checked, tampered };
  console.log(values.json ? JSON.stringify(result) : "rehearsed: ok");
} catch (error) {
  console.error(`rehearsal failed: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  for (const child of running) child.kill("SIGKILL");
  for (const chain of chains) await chain.stop();
  for (const journal of journals) rmSync(path.join(ROOT, "ignition/deployments", journal), { recursive: true, force: true, maxRetries: 5 });
  if (process.exitCode !== 1) rmSync(folder, { recursive: true, force: true });
}

/** A changed parameter, a changed role, a changed byte: each must make the verification fail with its name. */
async function tamperings(chain: Chain, record: FullRecord, file: string): Promise<Record<string, string>> {
  const { NodePool, AccessManager, SessionPayment, Runtime } = record.addresses;
  const call = async (to: string, abi: ReturnType<typeof artifactOf>["abi"], method: string, args: unknown[]) =>
    await chain.rpc("eth_sendTransaction", { from: DEPLOYER, to, data: new Interface(abi).encodeFunctionData(method, args) });
  const code = (await chain.rpc("eth_getCode", SessionPayment, "latest")) as string;
  const pool = localParameters().pool;
  const cases: Record<string, { act: () => Promise<unknown>; named: string }> = {
    parameter: {
      act: async () => await call(NodePool, artifactOf("NodePool").abi, "setParameters", [{ ...pool, minStake: pool.minStake + 1n }]),
      named: "NodePool.parameters.minStake",
    },
    role: {
      act: async () => await call(AccessManager, artifactOf("AccessManager").abi, "grantRole", [0n, `0x${"77".repeat(20)}`, 0]),
      named: "roles.members.0.0x7777777777777777777777777777777777777777",
    },
    code: {
      act: async () =>
        await chain.rpc("anvil_setCode", SessionPayment, `${code.slice(0, 100)}${flipped(code.slice(100, 102))}${code.slice(102)}`),
      named: "SessionPayment.code",
    },
    wiring: {
      act: async () => await call(Runtime, artifactOf("Runtime").abi, "setModules", [["NodePool"], [AccessManager]]),
      named: "wiring.NodePool",
    },
  };
  const told: Record<string, string> = {};
  for (const [kind, { act, named }] of Object.entries(cases)) {
    const snapshot = await chain.rpc("evm_snapshot");
    await act();
    const { code: exit, report } = await net("verify", chain, file, "");
    const message = (report.error as { message?: string } | undefined)?.message ?? "";
    need(exit === 1 && message.includes(`${named}:`), `a tampered ${kind} was not named as ${named}: ${JSON.stringify(report)}`);
    told[kind] = message.split("; ")[0]!;
    say(`tampered ${kind}: refused, ${told[kind]}`);
    await chain.rpc("evm_revert", snapshot);
  }
  return told;
}

/** A record without the commit of the sources, which may change while this runs and is no outcome of the deployment. */
function deploymentIn(file: string): string {
  return readFileSync(file, "utf8").replace(/^ {2}"commit": .*\n/m, "");
}

function flipped(byte: string): string {
  return (Number.parseInt(byte, 16) ^ 1).toString(16).padStart(2, "0");
}
