import { isIPv4 } from "node:net";
import { z } from "zod";
import { checkedSettings, type Setting } from "../runtime/env.ts";
import { EXIT, Fatal } from "../runtime/exit.ts";
import { checkTogether, COMMON_SETTINGS, commonShape, whole } from "../runtime/settings.ts";

const { keyFile, key, data, model, listen, threads } = COMMON_SETTINGS;

const LISTEN = { ...listen, about: "where to serve (default 127.0.0.1:8080; port 0: any free one)", example: "127.0.0.1:8080" };

/** Every setting of a router. A flag wins over its variable. What a node has too has the same flag, variable and rules. */
export const SETTINGS = {
  ...COMMON_SETTINGS,
  keyFile: { ...keyFile, about: "the router's key: JSON keystore (v3); on chain 31337 also a plain private key" },
  key: { ...key, about: "the router's private key; chain 31337 only" },
  session: {
    flag: "--session <number>",
    env: "CORROBORATE_SESSION",
    about: "the session that pays; the key must be one of its routers",
    example: "1",
  },
  leaseSeconds: {
    flag: "--lease-seconds <seconds>",
    env: "CORROBORATE_LEASE_SECONDS",
    about: "length of the leases that the router reserves, up to one day (default 86400)",
    example: "86400",
  },
  data: { ...data, about: "journal, carried items and content; one router each", example: "./data/router" },
  model: { ...model, flag: "--model <id>", about: "the session's model, as the registry names it (default: found by its sha256)" },
  listen: LISTEN,
  allowRemote: {
    flag: "--allow-remote",
    env: "CORROBORATE_ALLOW_REMOTE",
    about:
      "listen on addresses other machines can reach; wants at least one API key, because whoever reaches the port spends the session's money",
    example: "--allow-remote",
  },
  batchWindowMs: {
    flag: "--batch-window-ms <ms>",
    env: "CORROBORATE_BATCH_WINDOW_MS",
    about: "requests that come within this time ride in one task (default 2)",
    example: "2",
  },
  batchSize: {
    flag: "--batch-size <prompts>",
    env: "CORROBORATE_BATCH_SIZE",
    about: "most prompts in one task; the session's own limit holds as well (default 16)",
    example: "16",
  },
  dashboard: {
    flag: "--dashboard",
    env: "CORROBORATE_DASHBOARD",
    about: "index the network's events and serve the dashboard under /",
    example: "--dashboard",
  },
  threads: { ...threads, about: "threads of the engine that counts tokens (default 1)" },
  jsonLogs: {
    flag: "--json-logs",
    env: "CORROBORATE_JSON_LOGS",
    about: "JSON lines also on a terminal (elsewhere they are JSON anyway)",
    example: "--json-logs",
  },
} satisfies Record<string, Setting>;

const schema = z
  .object({
    ...commonShape,
    listen: commonShape.listen.default({ host: "127.0.0.1", port: 8080 }),
    session: whole("a session's number", 1, 2 ** 32 - 1),
    leaseSeconds: whole("seconds", 5, 86_400).default(86_400),
    batchWindowMs: whole("milliseconds", 0, 10_000).default(2),
    batchSize: whole("prompts", 1, 1_024).default(16),
    allowRemote: z.literal(true).optional(),
    dashboard: z.literal(true).optional(),
    jsonLogs: z.literal(true).optional(),
  })
  .superRefine((config, context) => {
    checkTogether(config, (name, message) => context.addIssue({ code: "custom", path: [name], message }));
  });

export type RouterConfig = z.output<typeof schema>;

/** A router's settings from what the command line and the environment say. Throws Fatal (configInvalid). */
export function routerConfig(raw: unknown): RouterConfig {
  const config = checkedSettings(schema, raw, SETTINGS);
  const { host } = config.listen;
  if (config.allowRemote || isLoopback(host)) return config;
  const found = `--listen (${LISTEN.env}): ${host} can be reached from other machines`;
  throw new Fatal(EXIT.configInvalid, `${found}; wanted a loopback address, for example ${LISTEN.example}, or --allow-remote as well`);
}

/** Whether a host name or address is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
