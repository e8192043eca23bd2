import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { LlamaEngine } from "../../../offchain/inference/llama.ts";
import { loadModels, modelNamed } from "../../../offchain/inference/models.ts";
import type { Manifest } from "../../../offchain/protocol/manifest.ts";
import { eventually } from "../chain/hardhatNode.ts";
import type { LocalNetwork } from "./localNetwork.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CLI = path.join(ROOT, "offchain/node/cli.ts");
export const MODELS = path.join(ROOT, "models");

/** A node process. */
export interface Daemon {
  process: ChildProcess;
  /** Base URL of its server, once it runs. */
  url: () => string | undefined;
  /** Everything it wrote to standard error. */
  output: () => string;
  /** Ends it by a signal; resolves with the exit code (null where the signal ended it). */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code. */
  exited: Promise<number | null>;
}

/** Starts the command line with these arguments. */
export function run(args: string[], env: Record<string, string> = {}): Daemon {
  const child = spawn(process.execPath, [CLI, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
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

/** Flags for a node of the network; `changes` replaces or (undefined) removes some. */
export function flags(network: LocalNetwork, node = 1, changes: Record<string, string | undefined> = {}): string[] {
  const all: Record<string, string | undefined> = {
    rpc: network.chain.url,
    "chain-id": "31337",
    deployment: network.deploymentFile,
    key: network.operators[node - 1]?.privateKey,
    data: path.join(network.folder, `node-${node}`),
    "models-dir": MODELS,
    listen: "127.0.0.1:0",
    "poll-ms": "50",
    ...changes,
  };
  return ["start", ...Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))];
}

/** Starts a node and waits until it is well. */
export async function startNode(
  network: LocalNetwork,
  node = 1,
  changes: Record<string, string | undefined> = {},
  env: Record<string, string> = {},
): Promise<Daemon> {
  const daemon = run(flags(network, node, changes), env);
  const ended = daemon.exited.then((code) => {
    throw new Error(`the node ended with ${code}: ${daemon.output()}`);
  });
  ended.catch(() => {});
  const well = eventually(async () => (await fetch(`${daemon.url()}/healthz`)).status === 200, "a healthy node", 60_000);
  await Promise.race([well, ended]);
  return daemon;
}

/** Puts content into a node's public store, as if somebody had given it. */
export async function give(network: LocalNetwork, node: number, bytes: Uint8Array): Promise<void> {
  const store = await LocalStore.open(path.join(network.folder, `node-${node}`, "content"));
  await store.put(bytes);
}

/** Prompt tokens of each prompt, counted by the model. */
export async function promptTokens({ prompts }: Manifest): Promise<number[]> {
  const list = await loadModels(path.join(MODELS, "registry.json"));
  const engine = await LlamaEngine.start({ model: modelNamed(list), embed: modelNamed(list, "toy-embed-q8_0") });
  try {
    return await Promise.all(prompts.map(async ({ messages }) => await engine.tokenCount(messages)));
  } finally {
    await engine.close();
  }
}
