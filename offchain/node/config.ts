import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isAddress } from "ethers";
import { z } from "zod";
import { checkedSettings, type Setting } from "../runtime/env.ts";
import { EXIT, Fatal } from "../runtime/exit.ts";
import { checkTogether, COMMON_SETTINGS, commonShape, LOCAL_CHAIN } from "../runtime/settings.ts";
import { ROLES } from "./decide.ts";

const { rpc, keyFile, keyPasswordFile, data, model, modelsDir, listen, threads, logLevel } = COMMON_SETTINGS;

/** The settings of a node. A flag wins over its variable, a variable over the file node.json in the data folder. */
export const SETTINGS = {
  network: {
    flag: "--network <name>",
    env: "CORROBORATE_NETWORK",
    about: "a network of deployments/, local (npm start), a record's file, or the address of a Runtime contract",
    example: "local",
  },
  rpc: { ...rpc, flag: "--rpc <urls>", about: "JSON-RPC addresses of the chain, with commas; two or more are checked against each other" },
  data,
  keyFile: {
    ...keyFile,
    flag: "--key-file <files>",
    about: "the operator's key: JSON keystore (v3), on chain 31337 also a plain key; several with commas run several nodes",
  },
  keyPasswordFile,
  model,
  modelsDir,
  listen: {
    ...listen,
    about: "where to serve content, /healthz, /readyz, /metrics (default 127.0.0.1:9420; several nodes take the ports above)",
  },
  role: {
    flag: "--role <roles>",
    env: "CORROBORATE_ROLE",
    about: `with commas: ${ROLES.join(", ")} (default all)`,
    example: "miner,oracle",
  },
  threads,
  sink: {
    flag: "--sink <url or folder>",
    env: "CORROBORATE_SINK",
    about: "each result goes there once: POSTed as JSON, or as one file each in a folder",
    example: "https://example.org/results",
  },
  logLevel,
} satisfies Record<string, Setting>;

/** Settings for local networks, tests and unusual set-ups; not shown by --help. */
export const HIDDEN_SETTINGS = {
  chainId: COMMON_SETTINGS.chainId,
  deployment: COMMON_SETTINGS.deployment,
  runtime: COMMON_SETTINGS.runtime,
  fromBlock: COMMON_SETTINGS.fromBlock,
  key: COMMON_SETTINGS.key,
  pollMs: COMMON_SETTINGS.pollMs,
  logFile: COMMON_SETTINGS.logFile,
  substitute: {
    flag: "--substitute <model>",
    env: "CORROBORATE_SUBSTITUTE",
    about: "answer by this model of the registry in place of the registered one, to make a cheat in tests; chain 31337 only",
    example: "toy-world-q4_0",
  },
  poison: {
    flag: "--poison <text>",
    env: "CORROBORATE_POISON",
    about: "answer this text to everything, to make an outlier in tests; chain 31337 only",
    example: '"I am an outlier."',
  },
} satisfies Record<string, Setting>;

const ALL = { ...SETTINGS, ...HIDDEN_SETTINGS };
type Name = keyof typeof ALL;

const roles = z
  .string()
  .transform((text) => [...new Set(text.split(",").map((role) => role.trim()))])
  .pipe(z.array(z.enum(ROLES, `wanted ${ROLES.join(", ")}, or several with a comma`)).min(1));

const list = (one: z.ZodType<string, string>, wanted: string) =>
  z
    .string(wanted)
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(one).min(1).max(64));

const schema = z
  .object({
    ...commonShape,
    network: z.string().min(1, "wanted a network").optional(),
    rpc: list(commonShape.rpc, "wanted an http(s) address"),
    chainId: commonShape.chainId.optional(),
    key: list(z.string().regex(/^0x[0-9a-fA-F]{64}$/, "wanted 0x and 64 hex digits"), "wanted a key").optional(),
    keyFile: list(z.string().min(1, "wanted a file"), "wanted a file").optional(),
    listen: commonShape.listen.default({ host: "127.0.0.1", port: 9420 }),
    role: roles.default([...ROLES]),
    sink: z.string().min(1, "wanted a URL or a folder").optional(),
    substitute: z.string().min(1, "wanted the id of a model").optional(),
    poison: z.string().min(1, "wanted a text").max(10_000, "wanted at most 10,000 characters").optional(),
  })
  .transform((config) => ({ ...config, ...placeOf(config) }))
  .superRefine((config, context) => {
    const refuse = (name: Name, message: string) => context.addIssue({ code: "custom", path: [name], message });
    const { key, keyFile, rpc: urls } = config;
    // A chain that is not known yet is checked once it has answered.
    const chainId = config.chainId === 0n ? LOCAL_CHAIN : config.chainId;
    checkTogether({ ...config, chainId, rpc: urls[0]!, key: key?.[0], keyFile: keyFile?.[0] }, refuse);
    for (const name of ["poison", "substitute"] as const)
      if (config[name] !== undefined && chainId !== LOCAL_CHAIN) refuse(name, `is accepted on chain ${LOCAL_CHAIN} only; leave it out`);
  });

export type NodeConfig = z.output<typeof schema>;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The file in the data folder that `init` writes. */
export const CONFIG_FILE = "node.json";

interface Place {
  deployment?: string | undefined;
  runtime?: string | undefined;
  chainId: bigint;
}

/** Where the contracts are, from what `network` names or the single settings say. A chain id that is not told is the record's. */
function placeOf({
  network,
  deployment,
  runtime,
  chainId,
}: Omit<Place, "chainId"> & { network?: string | undefined; chainId?: bigint | undefined }): Place {
  const named = network === undefined ? { deployment, runtime } : networkPlace(network);
  const told = chainId ?? (named.deployment === undefined ? undefined : chainIdIn(named.deployment));
  // A Runtime's chain is whatever the servers say; 0 stands for that until they are asked.
  return { ...named, chainId: told ?? 0n };
}

/** The record or the Runtime that a network's name stands for. */
export function networkPlace(network: string): { deployment?: string; runtime?: string } {
  const isRuntime: boolean = isAddress(network);
  if (isRuntime) return { runtime: network };
  if (network.endsWith(".json")) return { deployment: network };
  if (network === "local") return { deployment: path.join(ROOT, ".demo", "deployment.json") };
  return { deployment: path.join(ROOT, "deployments", path.basename(network), "deployment.json") };
}

function chainIdIn(file: string): bigint | undefined {
  try {
    const { chainId } = JSON.parse(readFileSync(file, "utf8")) as { chainId?: unknown };
    return typeof chainId === "number" || typeof chainId === "string" ? BigInt(chainId) : undefined;
  } catch {
    return undefined;
  }
}

/** A node's settings from what the command line and the environment say, and the file where there is one. Throws Fatal (configInvalid). */
export function nodeConfig(raw: Record<string, unknown>): NodeConfig {
  const folder = typeof raw["data"] === "string" ? raw["data"] : undefined;
  return checkedSettings(schema, { ...(folder === undefined ? {} : settingsIn(folder)), ...raw }, ALL);
}

/** What node.json of a data folder says; relative paths in it are relative to that folder. Throws Fatal (configInvalid). */
export function settingsIn(folder: string): Record<string, unknown> {
  const file = path.join(folder, CONFIG_FILE);
  if (!existsSync(file)) return {};
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Fatal(EXIT.configInvalid, `found no JSON in ${file} (${(error as Error).message}), wanted {"network": "local", ...}`);
  }
  if (found === null || typeof found !== "object" || Array.isArray(found))
    throw new Fatal(EXIT.configInvalid, `found no settings in ${file}, wanted {"network": "local", ...}`);
  for (const [name, value] of Object.entries(found)) {
    if (!(name in ALL))
      throw new Fatal(EXIT.configInvalid, `found an unknown setting ${JSON.stringify(name)} in ${file}${suggestion(name)}`);
    if (typeof value !== "string")
      throw new Fatal(EXIT.configInvalid, `found ${name} in ${file} as ${typeof value}, wanted a text in quotes, as on the command line`);
  }
  const settings = found as Record<string, string>;
  const relative = (text: string) =>
    text
      .split(",")
      .map((one) => path.resolve(folder, one.trim()))
      .join(",");
  for (const name of ["keyFile", "keyPasswordFile"]) if (settings[name] !== undefined) settings[name] = relative(settings[name]);
  return settings;
}

/** The nearest setting's name, where one is near. */
export function suggestion(name: string, known: readonly string[] = Object.keys(SETTINGS)): string {
  const [best] = known.map((one) => ({ one, far: distance(name.toLowerCase(), one.toLowerCase()) })).sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= Math.max(2, name.length / 3) ? `; did you mean ${best.one}?` : `; known are ${known.join(", ")}`;
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
