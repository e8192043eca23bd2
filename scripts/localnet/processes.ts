import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** One program of the local network, in a process of its own. */
export interface Program {
  name: string;
  pid: number;
  logFile: string;
  /** Resolves with the exit code (null after a signal). */
  exited: Promise<number | null>;
  /** Asks it to end; after `graceMs` it is killed. */
  stop(graceMs?: number): Promise<void>;
}

/** A program ended that should run. */
export class ProgramEnded extends Error {
  constructor(program: string, code: number | null, logFile: string) {
    super(`${program} ended with code ${code}; it says: ${lastLine(logFile)} (log: ${path.relative(ROOT, logFile)})`);
    this.name = "ProgramEnded";
  }
}

/** Starts a Node.js program of this repository; what it prints goes to `logFile`. */
export function startProgram(name: string, args: string[], logFile: string): Program {
  const output = openSync(logFile, "w");
  // A group of its own: Ctrl-C in the terminal reaches this script alone, which then ends the others in order.
  const child: ChildProcess = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", output, output], detached: true });
  closeSync(output);
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    exited,
    stop: async (graceMs = 35_000) => {
      if (!running()) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Waits until `ready` says so. Fails when the program ends first or after `limitMs`. */
export async function untilReady(program: Program, ready: () => Promise<boolean>, limitMs = 120_000): Promise<void> {
  const started = performance.now();
  let ended: { code: number | null } | undefined;
  void program.exited.then((code) => (ended = { code }));
  while (performance.now() - started < limitMs) {
    if (ended !== undefined) throw new ProgramEnded(program.name, ended.code, program.logFile);
    if (await ready().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `${program.name} was not ready after ${limitMs / 1_000} s; it says: ${lastLine(program.logFile)} (log: ${program.logFile})`,
  );
}

/** The wanted port where it is free, else the next free one. */
export async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 200; port++) if (await isFree(port)) return port;
  throw new Error(`found no free port from ${wanted} to ${wanted + 199}; stop what listens there`);
}

/** Whether nothing listens on the loopback port. */
export async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function lastLine(file: string): string {
  try {
    return readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "nothing";
  } catch {
    return "nothing";
  }
}
