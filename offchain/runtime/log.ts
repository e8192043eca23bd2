import { pino, type Logger } from "pino";

export type { Logger };
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/**
 * JSON lines on standard error, or in a file. Callers log named fields that they choose one by one, never whole requests, errors' causes or
 * settings, so that no prompt, answer, key or salt gets in.
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
  const destination = pino.destination({ dest: file ?? 2, sync: true, mkdir: true });
  return pino({ level, base: { name, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
