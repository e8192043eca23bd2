import { pino, type Logger } from "pino";
import { PinoPretty } from "pino-pretty";

export type { Logger };
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** Every field that may be logged. None of them ever holds a prompt, an answer, a key, a salt or a password; a field that is not here is not written. */
export const LOG_FIELDS: ReadonlySet<string> = new Set([
  ...[
    "act",
    "afterFailures",
    "againInMs",
    "attempt",
    "chainId",
    "code",
    "depth",
    "digest",
    "eligible",
    "error",
    "exitAt",
    "forced",
    "found",
  ],
  ...["fromBlock", "head", "kind", "lease", "leaseUntil", "model", "moved", "node", "nodePool", "nonce", "openRequests", "operator"],
  ...[
    "prompts",
    "queue",
    "reason",
    "reopened",
    "request",
    "requests",
    "role",
    "roles",
    "rpc",
    "round",
    "seat",
    "seats",
    "session",
    "sink",
    "status",
  ],
  ...["router", "sessions", "task", "tasks", "transaction", "url", "wanted"],
]);

const LONGEST_TEXT = 1_000;

/**
 * JSON lines on standard error, or in a file; on a terminal, lines for people. Callers log named fields that they choose one by one, never whole
 * requests, errors' causes or settings; what LOG_FIELDS does not name is not written.
 */
export function createLog({
  level = "info",
  file,
  name,
}: {
  level?: (typeof LOG_LEVELS)[number];
  file?: string | undefined;
  name: string;
}): Logger {
  const options = {
    level,
    base: { name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: listed },
  };
  if (file === undefined && process.stderr.isTTY) {
    const stream = PinoPretty({ destination: 2, sync: true, ignore: "pid,name", translateTime: "SYS:HH:MM:ss" });
    return pino(options, stream);
  }
  return pino(options, pino.destination({ dest: file ?? 2, sync: true, mkdir: true }));
}

/** The fields that may be written; the others' names remain, so that somebody notices. */
function listed(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (!LOG_FIELDS.has(name)) return [name, "[not listed in LOG_FIELDS]"];
      return [name, typeof value === "string" ? value.slice(0, LONGEST_TEXT) : value];
    }),
  );
}
