import { isAddress } from "ethers";
import { z } from "zod";
import type { Setting } from "./env.ts";
import { LOG_LEVELS } from "./log.ts";

/** The chain of local networks: keys on the command line, private addresses and --poison are accepted on it alone. */
export const LOCAL_CHAIN = 31337n;

/** The settings that every long-running program has. A flag wins over its variable. */
export const COMMON_SETTINGS = {
  rpc: { flag: "--rpc <url>", env: "CORROBORATE_RPC", about: "JSON-RPC address of the chain", example: "http://127.0.0.1:8545" },
  chainId: { flag: "--chain-id <number>", env: "CORROBORATE_CHAIN_ID", about: "id that the chain must have", example: "31337" },
  deployment: {
    flag: "--deployment <file>",
    env: "CORROBORATE_DEPLOYMENT",
    about: "deployment record with the addresses of the contracts",
    example: "deployments/sepolia/deployment.json",
  },
  runtime: {
    flag: "--runtime <address>",
    env: "CORROBORATE_RUNTIME",
    about: "address of the Runtime contract, instead of --deployment",
    example: "0x5FbDB2315678afecb367f032d93F642f64180aa3",
  },
  fromBlock: {
    flag: "--from-block <number>",
    env: "CORROBORATE_FROM_BLOCK",
    about: "with --runtime: first block to read (default 0)",
    example: "0",
  },
  keyFile: {
    flag: "--key-file <file>",
    env: "CORROBORATE_KEY_FILE",
    about: "the operator's key: JSON keystore (v3); on chain 31337 also a plain private key",
    example: "operator.json",
  },
  keyPasswordFile: {
    flag: "--key-password-file <file>",
    env: "CORROBORATE_KEY_PASSWORD_FILE",
    about: "file with the keystore's password",
    example: "/run/credentials/node/password",
  },
  key: {
    flag: "--key <hex>",
    env: "CORROBORATE_KEY",
    about: "the operator's private key; chain 31337 only",
    example: "0x and 64 hex digits",
  },
  data: {
    flag: "--data <folder>",
    env: "CORROBORATE_DATA",
    about: "journal, results and content; one node each",
    example: "./data/node-1",
  },
  modelsDir: {
    flag: "--models-dir <folder>",
    env: "CORROBORATE_MODELS_DIR",
    about: "folder with registry.json and the model files (default models)",
    example: "models",
  },
  model: {
    flag: "--model <id or file>",
    env: "CORROBORATE_MODEL",
    about: "the model that the node is registered with (default: the registry's)",
    example: "toy-world-f16",
  },
  listen: {
    flag: "--listen <host:port>",
    env: "CORROBORATE_LISTEN",
    about: "where to serve /healthz and content (default 127.0.0.1:9420; port 0: any free one)",
    example: "127.0.0.1:9420",
  },
  pollMs: {
    flag: "--poll-ms <ms>",
    env: "CORROBORATE_POLL_MS",
    about: "pause between looks at the chain, shorter where the server announces a block (default 250)",
    example: "250",
  },
  threads: { flag: "--threads <count>", env: "CORROBORATE_THREADS", about: "threads of the engine (default 1)", example: "4" },
  logLevel: {
    flag: "--log-level <level>",
    env: "CORROBORATE_LOG_LEVEL",
    about: `${LOG_LEVELS.join(", ")} (default info)`,
    example: "info",
  },
  logFile: {
    flag: "--log-file <file>",
    env: "CORROBORATE_LOG_FILE",
    about: "write the log there instead of standard error",
    example: "node.log",
  },
} satisfies Record<string, Setting>;

/** A whole number in a range, from text. */
export const whole = (what: string, least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `wanted ${what}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `wanted ${what} from ${least} to ${most}`);

const listen = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, "wanted host:port")
  .transform((text) => ({
    host: text.slice(0, text.lastIndexOf(":")).replace(/^\[|\]$/g, ""),
    port: Number(text.slice(text.lastIndexOf(":") + 1)),
  }))
  .refine(({ port }) => port <= 65_535, "wanted a port up to 65535");

/** What the common settings must look like. */
export const commonShape = {
  rpc: z
    .string("wanted an http(s) address")
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "wanted an http(s) address"),
  chainId: z
    .string("wanted a chain id")
    .regex(/^[1-9]\d{0,18}$/, "wanted a chain id")
    .transform(BigInt),
  deployment: z.string().min(1, "wanted a file").optional(),
  runtime: z.string().refine(isAddress, "wanted an address").optional(),
  fromBlock: whole("a block number", 0, 1e15).default(0),
  keyFile: z.string().min(1, "wanted a file").optional(),
  keyPasswordFile: z.string().min(1, "wanted a file").optional(),
  key: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, "wanted 0x and 64 hex digits")
    .optional(),
  data: z.string("wanted a folder").min(1, "wanted a folder"),
  modelsDir: z.string().min(1, "wanted a folder").default("models"),
  model: z.string().min(1, "wanted a model's id or file").optional(),
  listen,
  pollMs: whole("milliseconds", 10, 60_000).default(250),
  threads: whole("a number of threads", 1, 1_024).default(1),
  logLevel: z.enum(LOG_LEVELS, `wanted one of ${LOG_LEVELS.join(", ")}`).default("info"),
  logFile: z.string().min(1, "wanted a file").optional(),
};

/** Common settings that were read. */
export type CommonSettings = z.output<z.ZodObject<typeof commonShape>>;

/** What one setting alone cannot say. `refuse` is told the setting and the reason. */
export function checkTogether(
  { chainId, deployment, runtime, key, keyFile }: CommonSettings,
  refuse: (name: keyof typeof COMMON_SETTINGS, reason: string) => void,
): void {
  if ((deployment === undefined) === (runtime === undefined)) refuse("deployment", "wanted either a record or --runtime");
  if ((key === undefined) === (keyFile === undefined)) refuse("keyFile", "wanted exactly one key");
  if (key !== undefined && chainId !== LOCAL_CHAIN) refuse("key", `is accepted on chain ${LOCAL_CHAIN} only; use --key-file`);
}
