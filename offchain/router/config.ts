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
    flag: "--session <numbers>",
    env: "CORROBORATE_SESSION",
    about:
      "the sessions that pay, with commas; the key must be a router of each. Requests go where their requirements and the load send them",
    example: "1,2",
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
  corsOrigin: {
    flag: "--cors-origin <origins>",
    env: "CORROBORATE_CORS_ORIGIN",
    about: "origins of web pages that may call the router, with commas (default none but its own)",
    example: "https://app.example,http://localhost:5173",
  },
  trialPerDay: {
    flag: "--trial-per-day <requests>",
    env: "CORROBORATE_TRIAL_PER_DAY",
    about: "requests that every address has a day without a key, once there are keys (default 0)",
    example: "20",
  },
  x402: {
    flag: "--x402 <percent>",
    env: "CORROBORATE_X402",
    about: "lets whoever has no key pay for each call in COR (x402), this much above what the session pays",
    example: "10",
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
    session: z
      .string("wanted a session's number, or several with commas")
      .transform((text) => text.split(",").map((one) => one.trim()))
      .pipe(
        z
          .array(whole("a session's number", 1, 2 ** 32 - 1))
          .min(1)
          .max(16),
      ),
    leaseSeconds: whole("seconds", 5, 86_400).default(86_400),
    batchWindowMs: whole("milliseconds", 0, 10_000).default(2),
    batchSize: whole("prompts", 1, 1_024).default(16),
    corsOrigin: z
      .string()
      .transform((text) => text.split(",").map((origin) => origin.trim()))
      .pipe(
        z.array(
          z.string().refine((origin) => URL.parse(origin)?.origin === origin, "wanted origins like https://app.example, with commas"),
        ),
      )
      .default([]),
    trialPerDay: whole("requests", 0, 1_000_000).default(0),
    x402: whole("percent", 0, 10_000).optional(),
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
