import { type ChildProcess, fork } from "node:child_process";
import { appendFileSync, existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { STILL_MS } from "./budget.ts";
import { PROJECT, ROOT } from "./build.ts";
import type { Mutant } from "./switched.ts";
import type { Answer, Outcome } from "./worker.ts";

/** What is known of a mutant. `source`: hash of the file that it changes, so that a result of another version does not count. */
export interface Result {
  key: string;
  source: string;
  outcome: Outcome["outcome"];
}

/** Committed, because a run of all mutants takes hours: whoever goes on need not begin anew. */
export const RESULTS = path.join(ROOT, "test", "mutation", "results.jsonl");
const TRACE_LIMIT_MS = 40 * 60_000;

export const sourceHash = (file: string): string =>
  createHash("sha256")
    .update(readFileSync(path.join(ROOT, file)))
    .digest("hex")
    .slice(0, 12);

/** The last result of each mutant, by key, of the sources as they are. */
export function readResults(): Map<string, Result> {
  const found = new Map<string, Result>();
  if (!existsSync(RESULTS)) return found;
  for (const line of readFileSync(RESULTS, "utf8").split("\n").filter(Boolean)) {
    const result = JSON.parse(line) as Result;
    found.set(`${result.key}|${result.source}`, result);
  }
  return found;
}

function start(...args: string[]): ChildProcess {
  const file = path.join(PROJECT, "scripts", "mutation", "worker.ts");
  return fork(file, args, { cwd: PROJECT, stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: ["--max-old-space-size=4096"] });
}

/** The next thing that a worker says; undefined where it says nothing in time, or ends. */
function next(worker: ChildProcess, limit: number): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(undefined), limit);
    const settle = (answer: Answer | undefined): void => {
      clearTimeout(timer);
      worker.off("message", settle as never);
      worker.off("exit", ended);
      resolve(answer);
    };
    const ended = (): void => settle(undefined);
    worker.once("message", settle as never);
    worker.once("exit", ended);
  });
}

/** Finds out which mutants each test reaches, for the tests of which it is not known yet. */
export async function trace(pattern: RegExp, say: (text: string) => void): Promise<void> {
  const record = path.join(PROJECT, "reach.json");
  const known = existsSync(record) ? (JSON.parse(readFileSync(record, "utf8")) as { files: string[] }).files : [];
  const all = ["solidity", ...globSync("*.test.ts", { cwd: path.join(PROJECT, "test", "contract") }).sort()];
  const open = all.filter((name) => pattern.test(name) && !known.includes(name));
  if (open.length === 0) return;
  say(`finding out which mutants the tests reach: ${open.join(", ")} ...`);
  const worker = start("trace", ...open);
  for (;;) {
    const answer = await next(worker, TRACE_LIMIT_MS);
    if (answer === undefined) throw new Error("mutation: the tests could not be traced; what the worker said is above");
    if ("said" in answer) say(answer.said);
    if ("traced" in answer) return say(`${answer.traced} tests traced`);
  }
}

/** Runs mutants one after the other and writes each result down at once. */
export async function run(mutants: Mutant[], say: (text: string) => void): Promise<void> {
  let worker: ChildProcess | undefined;
  const counts = { killed: 0, survived: 0, unreached: 0, timeout: 0 };
  const started = Date.now();
  for (const [i, mutant] of mutants.entries()) {
    if (worker === undefined) {
      worker = start();
      if ((await next(worker, TRACE_LIMIT_MS)) === undefined) throw new Error("mutation: the worker did not start; what it said is above");
    }
    worker.send({ id: mutant.id });
    let answer = await next(worker, STILL_MS);
    while (answer !== undefined && "alive" in answer) answer = await next(worker, STILL_MS);
    if (answer === undefined) {
      worker.kill("SIGKILL");
      worker = undefined;
    }
    const outcome = (answer as Outcome | undefined)?.outcome ?? "timeout";
    counts[outcome]++;
    const result: Result = { key: mutant.key, source: sourceHash(mutant.file), outcome };
    appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
    const left = ((Date.now() - started) / (i + 1)) * (mutants.length - i - 1);
    const sum = `${counts.killed + counts.timeout} killed, ${counts.survived + counts.unreached} survived`;
    if (outcome !== "killed" || i % 25 === 0)
      say(
        `${i + 1}/${mutants.length} ${outcome} ${mutant.file}:${mutant.line} ${mutant.operator} (${sum}, ${Math.ceil(left / 60_000)} min left)`,
      );
  }
  worker?.disconnect();
}
