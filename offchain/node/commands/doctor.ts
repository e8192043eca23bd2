import { readFileSync, statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { freemem } from "node:os";
import path from "node:path";
import { formatEther } from "ethers";
import { deploymentOf } from "../../chain/boot.ts";
import { connect, type Endpoint } from "../../chain/endpoint.ts";
import { createViews, type Views } from "../../chain/views.ts";
import { verifyModelFile } from "../../inference/models.ts";
import { EXIT, oneLine } from "../../runtime/exit.ts";
import { createLog } from "../../runtime/log.ts";
import { LOCAL_CHAIN } from "../../runtime/settings.ts";
import { registeredModels } from "../boot.ts";
import type { NodeConfig } from "../config.ts";
import { operatorWallet } from "./context.ts";
import type { Report } from "./output.ts";

/** One thing that was looked at. */
export interface Finding {
  check: string;
  state: "ok" | "warn" | "fail";
  found: string;
  /** What to do, where something is to be done. */
  fix?: string;
}

type Looked = Omit<Finding, "check">;

const ok = (found: string): Looked => ({ state: "ok", found });
const warn = (found: string, fix: string): Looked => ({ state: "warn", found, fix });
const fail = (found: string, fix: string): Looked => ({ state: "fail", found, fix });

const LAG_BLOCKS = 3;
const OLD_HEAD_S = 180;
const SKEW_S = 30;
const GAS_OF_A_REVEAL = 1_000_000n;
const REVEALS_A_DAY = 100n;
const LEAST_DAYS = 7;
const LEAST_FREE_BYTES = 500 * 1024 * 1024;

/** Looks at everything a node needs, and says what to do about what is not right. Changes nothing. */
export async function doctor(config: NodeConfig): Promise<Report> {
  const findings: Finding[] = [];
  const look = async <T>(check: string, work: () => Promise<{ looked: Looked; value?: T }>): Promise<T | undefined> => {
    const { looked, value } = await work().catch((error: unknown) => ({
      looked: fail(oneLine(error), "see the message"),
      value: undefined,
    }));
    findings.push({ check, ...looked });
    return value;
  };
  await look("node.js", () => Promise.resolve({ looked: nodeVersion() }));
  await look("data folder", () => Promise.resolve({ looked: disk(config.data) }));
  const wallet = await look("operator key", async () => {
    const found = await operatorWallet(config);
    return { looked: ok(found.address), value: found };
  });
  const endpoint = await look("rpc chain id", async () => await reached(config));
  if (endpoint === undefined) return report(findings);
  try {
    await look("rpc agreement", async () => ({ looked: await agreement(config, endpoint) }));
    await look("clock", async () => ({ looked: await clock(endpoint) }));
    const deployment = await look("contracts", async () => {
      const value = await deploymentOf(config, endpoint);
      return { looked: ok(`${Object.keys(value.addresses).length} modules hold code`), value };
    });
    if (wallet !== undefined) await look("gas money", async () => ({ looked: await gasMoney(endpoint, wallet.address) }));
    if (deployment === undefined || wallet === undefined) return report(findings);
    const views = createViews(endpoint, deployment);
    const node = await look("registration", async () => await registration(views, wallet.address));
    if (node !== undefined) {
      await look("pool", async () => ({ looked: await poolState(views, node) }));
      await look("stake", async () => ({ looked: await stake(views, node) }));
      await look("level", async () => ({ looked: await level(views, node) }));
      const models = await look("model", async () => await model(views, config, node));
      if (models !== undefined) await look("memory", () => Promise.resolve({ looked: memory(models) }));
    }
    await look("port", async () => ({ looked: await port(config) }));
    return report(findings);
  } finally {
    endpoint.close();
  }
}

function report(findings: Finding[]): Report {
  const count = (state: Finding["state"]) => findings.filter((finding) => finding.state === state).length;
  const [warnings, failures] = [count("warn"), count("fail")];
  const mark = { ok: "✔", warn: "!", fail: "✖" };
  const lines = findings.flatMap(({ check, state, found, fix }) => [
    `${mark[state]} ${check.padEnd(14)} ${found}`,
    ...(fix === undefined ? [] : [`  ${"".padEnd(14)} → ${fix}`]),
  ]);
  const exitCode = failures > 0 ? EXIT.doctorFailed : warnings > 0 ? EXIT.doctorWarned : EXIT.ok;
  return { data: { findings, warnings, failures }, lines: [...lines, `${warnings} warnings, ${failures} failures`], exitCode };
}

function nodeVersion(): Looked {
  const [major] = process.versions.node.split(".");
  return Number(major) >= 24 ? ok(process.versions.node) : fail(process.versions.node, "install Node.js 24 or later");
}

function disk(folder: string): Looked {
  let place = path.resolve(folder);
  while (statSync(place, { throwIfNoEntry: false }) === undefined) place = path.dirname(place);
  const { bavail, bsize, blocks } = statfsSync(place);
  const free = bavail * bsize;
  const found = `${Math.round(free / 1024 ** 2)} MB free at ${folder}`;
  return free < LEAST_FREE_BYTES || bavail / blocks < 0.05 ? warn(found, "make room: a node takes no work below 500 MB or 5 %") : ok(found);
}

async function reached({ rpc, chainId }: NodeConfig): Promise<{ looked: Looked; value?: Endpoint }> {
  const wanted = chainId === 0n ? undefined : chainId;
  const outcomes = await Promise.all(
    rpc.map(async (url) => await connect({ url, retries: 1, timeoutMs: 5_000 }).catch((error: unknown) => oneLine(error))),
  );
  const reachable = outcomes.filter((one) => typeof one !== "string");
  const [firstError] = outcomes.filter((one) => typeof one === "string");
  const right = reachable.filter(({ chainId: found }) => wanted === undefined || found === wanted);
  for (const one of reachable) if (one !== right[0]) one.close();
  const told = reachable.map(({ url, chainId: found }) => `${url} is chain ${found}`).join(", ");
  if (reachable.length > right.length)
    return { looked: fail(told, `wanted chain ${wanted}; give other --rpc addresses`), ...(right[0] && { value: right[0] }) };
  if (right[0] === undefined) return { looked: fail(firstError ?? "nobody answers", "start the chain, or give another --rpc") };
  if (right.length < rpc.length)
    return { looked: warn(`${right.length} of ${rpc.length} answer: ${told}`, "replace those that do not"), value: right[0] };
  return { looked: ok(told), value: right[0] };
}

async function agreement({ rpc }: NodeConfig, first: Endpoint): Promise<Looked> {
  if (rpc.length === 1) {
    const alone = "one server; nothing checks what it says";
    return first.chainId === LOCAL_CHAIN
      ? ok("one server, on a local chain")
      : warn(alone, "give two or three --rpc addresses with commas");
  }
  const heads = await Promise.all(
    rpc.map(async (url) => {
      const endpoint = await connect({ url, retries: 1, timeoutMs: 5_000 }).catch(() => undefined);
      try {
        return endpoint === undefined ? undefined : await endpoint.provider.getBlock("latest");
      } finally {
        endpoint?.close();
      }
    }),
  );
  const numbers = heads.flatMap((block) => (block === null || block === undefined ? [] : [block.number]));
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  if (high - low > LAG_BLOCKS) return warn(`heads from ${low} to ${high}`, "replace the server that lags");
  const hashes = await Promise.all(
    rpc.map(async (url) => {
      const endpoint = await connect({ url, retries: 1, timeoutMs: 5_000 }).catch(() => undefined);
      try {
        return (await endpoint?.provider.getBlock(low))?.hash;
      } finally {
        endpoint?.close();
      }
    }),
  );
  const known = new Set(hashes.filter((hash) => hash != null));
  return known.size === 1
    ? ok(`${numbers.length} agree on block ${low}`)
    : fail(`they disagree about block ${low}`, "find out which is wrong, and replace it");
}

async function clock(endpoint: Endpoint): Promise<Looked> {
  const block = await endpoint.provider.getBlock("latest");
  const ahead = block!.timestamp - Math.round(Date.now() / 1_000);
  const local = endpoint.chainId === LOCAL_CHAIN;
  if (ahead > SKEW_S && !local)
    return warn(`the chain is ${ahead} s ahead of this clock`, "set this machine's clock (NTP); deadlines follow the chain either way");
  if (-ahead > OLD_HEAD_S && !local) return warn(`the newest block is ${-ahead} s old`, "the RPC server lags, or the chain stands");
  return ok(ahead === 0 ? "as the chain's" : `the newest block's time differs by ${ahead} s`);
}

async function gasMoney(endpoint: Endpoint, operator: string): Promise<Looked> {
  const [balance, fees] = await Promise.all([endpoint.provider.getBalance(operator), endpoint.provider.getFeeData()]);
  const perDay = GAS_OF_A_REVEAL * REVEALS_A_DAY * (fees.maxFeePerGas ?? 1n);
  const days = Number((balance * 10n) / perDay) / 10;
  const found = `${formatEther(balance)} at ${operator}, ${days} days of ${REVEALS_A_DAY} tasks a day at today's fees`;
  if (balance === 0n) return fail(found, `send gas money to ${operator} (register does it on the local chain)`);
  return days < LEAST_DAYS ? warn(found, `send more gas money to ${operator}`) : ok(found);
}

async function registration(views: Views, operator: string): Promise<{ looked: Looked; value?: number }> {
  const node = await views.nodeOfOperator(operator);
  if (node === 0) return { looked: fail(`${operator} operates no node`, "run register") };
  return { looked: ok(`node ${node}`), value: node };
}

async function poolState(views: Views, node: number): Promise<Looked> {
  const { admitted, available, exitAt, lease, jailedUntil, model: id } = await views.node(node);
  if (exitAt !== 0) return fail("the node is leaving the pool", "run exit to withdraw, or register another");
  if (jailedUntil !== 0) return fail(`jailed until ${new Date(jailedUntil * 1_000).toISOString()}`, "wait, then free it (NodePool.free)");
  if (!admitted) return warn("not admitted", "governance must admit it: the pool is permissioned");
  if (!available) return warn("switched off", "switch it on (npx hardhat node serve)");
  const eligible = await views.eligibleCount(id);
  return ok(lease === 0 ? `free, one of ${eligible} that a draw of its model can take` : `in lease ${lease}`);
}

async function stake(views: Views, node: number): Promise<Looked> {
  const { stake: found, minStake } = await views.node(node);
  const text = `${formatEther(found)} COR of at least ${formatEther(minStake)}`;
  return found < minStake ? fail(text, "its owner can add stake (npx hardhat node stake)") : ok(text);
}

async function level(views: Views, node: number): Promise<Looked> {
  const { level: found, roles } = await views.node(node);
  const names = ["miner", "validator"].filter((_, bit) => (roles >> bit) & 1).join(", ");
  return ok(`${found} of 10; roles on chain: ${names || "none"}`);
}

async function model(views: Views, config: NodeConfig, node: number) {
  const models = await registeredModels(views, await views.node(node), config, createLog({ name: "doctor", level: "silent" }));
  await verifyModelFile(models.model);
  await verifyModelFile(models.embed);
  return { looked: ok(`${models.model.id}, sha256 as registered; embedder ${models.embed.id}`), value: models };
}

function memory({ model: entry, embed }: Awaited<ReturnType<typeof registeredModels>>): Looked {
  const bytes = [entry, embed].reduce((sum, { path: file }) => sum + statSync(file).size, 0);
  // Weights, as much again for what runs on them at worst, and the process itself.
  const wanted = bytes * 1.3 + 200 * 1024 ** 2;
  const free = availableMemory();
  const found = `about ${Math.round(wanted / 1024 ** 2)} MB wanted, ${Math.round(free / 1024 ** 2)} MB available`;
  return free < wanted ? fail(found, "stop something, or serve a smaller model") : ok(found);
}

function availableMemory(): number {
  try {
    return Number(/MemAvailable:\s+(\d+) kB/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) * 1024 || freemem();
  } catch {
    return freemem();
  }
}

async function port({ listen: { host, port: number } }: NodeConfig): Promise<Looked> {
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(number, host, () => server.close(() => resolve(true)));
  });
  if (free) return ok(`${host}:${number} is free`);
  const health = await fetch(`http://${host}:${number}/healthz`, { signal: AbortSignal.timeout(2_000) }).then(
    async (answer) => (await answer.json()) as { operator?: string },
    () => undefined,
  );
  if (health?.operator !== undefined) return ok(`${host}:${number}: a node runs there`);
  return fail(`${host}:${number} is in use`, "stop what listens there, or give another --listen");
}
