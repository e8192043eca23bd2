import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "../chain/hardhatNode.ts";
import { type Daemon, MODELS } from "../node/daemon.ts";
import { type LocalNetwork, ROUTER } from "../node/localNetwork.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MAIN = path.join(ROOT, "offchain/router/main.ts");

/** Starts the router's `main.ts` with these arguments. `crashAt`: the step at which it kills itself. */
export function runRouter(args: string[], crashAt?: string): Daemon {
  const env = { ...process.env, ...(crashAt !== undefined && { CORROBORATE_CRASH_AT: crashAt }) };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  return {
    process: child,
    output: () => text,
    url: () => /"url":"(http:[^"]+)"/.exec(text)?.[1],
    end: async (signal = "SIGKILL") => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return await exited;
    },
    exited,
  };
}

/** Flags for the network's router; `changes` replaces or (undefined) removes some. */
export function routerFlags(network: LocalNetwork, port: number, changes: Record<string, string | undefined> = {}): string[] {
  const all: Record<string, string | undefined> = {
    rpc: network.chain.url,
    "chain-id": "31337",
    deployment: network.deploymentFile,
    key: ROUTER.privateKey,
    session: "1",
    data: path.join(network.folder, "router"),
    "models-dir": MODELS,
    model: "toy-world-f16",
    listen: `127.0.0.1:${port}`,
    "poll-ms": "50",
    ...changes,
  };
  return ["start", ...Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))];
}

/** Starts the router and waits until it is well. */
export async function startRouter(
  network: LocalNetwork,
  port: number,
  changes: Record<string, string | undefined> = {},
  crashAt?: string,
): Promise<Daemon> {
  const daemon = runRouter(routerFlags(network, port, changes), crashAt);
  const ended = daemon.exited.then((code) => {
    throw new Error(`the router ended with ${code}: ${daemon.output()}`);
  });
  ended.catch(() => {});
  const well = eventually(async () => (await fetch(`${daemon.url()}/healthz`)).status === 200, "a healthy router", 60_000);
  await Promise.race([well, ended]);
  return daemon;
}
