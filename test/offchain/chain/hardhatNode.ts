import { randomInt } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A chain in a process of its own. */
export interface HardhatNode {
  url: string;
  /** One JSON-RPC request; throws on an error answer. */
  rpc: (method: string, ...params: unknown[]) => Promise<unknown>;
  stop: () => Promise<void>;
}

/** A port that is free now, below those that the system gives to outgoing connections: one of these may be gone before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue; // Somebody listens there.
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Waits until `probe` gives something other than undefined or false; what it throws counts as not yet. */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  what: string,
  timeoutMs = 20_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    await delay(50);
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: last });
}

export async function rpcCall(url: string, method: string, ...params: unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

/** Starts `hardhat node` (chain 31337, a block for each transaction). */
export async function startHardhatNode(wanted?: number): Promise<HardhatNode> {
  const port = wanted ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const args = ["node_modules/hardhat/dist/src/cli.js", "node", "--hostname", "127.0.0.1", "--port", String(port)];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const ready = eventually(async () => (await rpcCall(url, "eth_chainId")) === "0x7a69", "the hardhat node", 60_000);
  const died = once(child, "exit").then(() => Promise.reject(new Error(`hardhat node ended: ${complaints}`)));
  died.catch(() => {});
  await Promise.race([ready, died]);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  return { url, rpc: async (method, ...params) => await rpcCall(url, method, ...params), stop };
}

/** Starts Anvil, a second implementation of the same chain rules, with its own controls (anvil_reorg, anvil_setNextBlockBaseFeePerGas). */
export async function startAnvil(): Promise<HardhatNode> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn("node_modules/.bin/anvil", ["--port", String(port), "--silent", "--order", "fifo"], { cwd: ROOT, stdio: "ignore" });
  await eventually(async () => (await rpcCall(url, "eth_chainId")) === "0x7a69", "anvil", 30_000);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  return { url, rpc: async (method, ...params) => await rpcCall(url, method, ...params), stop };
}
