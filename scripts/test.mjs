// All checks and tests, in the order of their price; stops at the first stage that fails. Called by `npm test`.
//
//   npm test                        every stage
//   npm test -- check off-chain     only these
import { spawn, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";

const ROOT = path.dirname(import.meta.dirname);
const STAGE_LIMIT_MS = 30 * 60_000;

const program = (name, ...args) => [path.join(ROOT, "node_modules", ".bin", name), ...args];
const mocha = (folders, suffix) => {
  const files = folders.flatMap((folder) => globSync(`${folder}/**/*${suffix}`, { cwd: ROOT })).sort();
  return program("mocha", ...(files.length > 0 ? files : [`${folders[0]}/**/*${suffix}`]));
};

/** `folders`: a stage is skipped while none of them exists. `counted`: it must have run at least one test. */
const STAGES = [
  { name: "check", folders: ["scripts"], counted: false, command: () => [process.execPath, "scripts/check.mjs"] },
  {
    name: "solidity",
    folders: ["test/contracts"],
    counted: true,
    command: () => program("hardhat", "--network", "default", "test", "solidity"),
  },
  {
    name: "proofs",
    folders: ["test/proofs"],
    counted: false,
    command: () => [process.execPath, "scripts/prove.ts"],
    missing: () => elsewhere(missingSolver),
  },
  { name: "contract", folders: ["test/contract"], counted: true, command: () => program("hardhat", "test", "mocha") },
  offChain("off-chain", ["test/offchain", "test/regression", "test/simulation"], ".test.ts"),
  offChain("integration", ["test/integration"], ".integration.ts"),
  offChain("clients", ["test/clients"], ".clients.ts"),
  { ...offChain("browser", ["test/browser"], ".browser.ts"), missing: () => elsewhere(missingBrowser) },
];

/** CI has to have everything; elsewhere a stage is left out by name where what it needs is missing. */
const elsewhere = (missing) => (process.env.CI === undefined ? missing() : undefined);

function missingSolver() {
  return spawnSync("z3", ["--version"]).status === 0 ? undefined : "found no z3 on PATH; apt-get install z3, or brew install z3";
}

function missingBrowser() {
  const found = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return existsSync(found) ? undefined : `found no Chromium at ${found}; apt-get install chromium, or name one in CHROMIUM`;
}

function offChain(name, folders, suffix) {
  return { name, folders, counted: true, command: () => mocha(folders, suffix) };
}

let running;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // In a terminal Ctrl-C has reached the stage already.
    if (running !== undefined && !(signal === "SIGINT" && process.stdin.isTTY)) running.kill(signal);
    process.exitCode = 130;
    stopped = true;
  });
}
let stopped = false;

/** Runs one stage, shows its output as it comes and keeps a copy to count in. */
function execute([command, ...args]) {
  return new Promise((resolve, reject) => {
    const color = process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: "1" } : {};
    running = spawn(command, args, { cwd: ROOT, stdio: ["inherit", "pipe", "pipe"], env: { ...process.env, ...color } });
    const limit = setTimeout(() => {
      console.log(`The stage ran for ${STAGE_LIMIT_MS / 60_000} minutes and was stopped.`);
      running.kill("SIGKILL");
    }, STAGE_LIMIT_MS);
    let text = "";
    for (const name of ["stdout", "stderr"]) {
      running[name].setEncoding("utf8");
      running[name].on("data", (chunk) => {
        process[name].write(chunk);
        if (name === "stdout") text += chunk;
      });
    }
    running.once("error", reject);
    running.once("close", (code) => {
      clearTimeout(limit);
      running = undefined;
      resolve({ ok: code === 0, text: stripVTControlCharacters(text) });
    });
  });
}

/** Sums the summary lines of mocha and of Hardhat's Solidity runner: "12 passing (3s)", "1 failing". */
function count(text, word) {
  return [...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}\\b`, "gm"))].reduce((sum, match) => sum + Number(match[1]), 0);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !STAGES.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`No stage is called ${unknown.join(", ")}. There are: ${STAGES.map(({ name }) => name).join(", ")}.`);
  process.exit(1);
}

let passed = 0;
let failed = 0;
for (const { name, folders, counted, command, missing } of STAGES) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  if (!folders.some((folder) => existsSync(path.join(ROOT, folder)))) {
    console.log(`\n== ${name}: skipped, there is no ${folders.join(" or ")}`);
    continue;
  }
  const lacking = missing?.();
  if (lacking !== undefined) {
    console.log(`\n== ${name}: left out, ${lacking}`);
    continue;
  }
  console.log(`\n== ${name}`);
  const started = Date.now();
  const { ok, text } = await execute(command());
  const stagePassed = counted ? count(text, "passing") : 0;
  const stageFailed = counted ? count(text, "failing") : 0;
  const empty = counted && stagePassed + stageFailed === 0;
  passed += stagePassed;
  failed += stageFailed;
  // A stage that fails without a failing test (a crash, a check, no test at all) counts as one.
  if ((!ok || empty) && stageFailed === 0) failed += 1;
  const result = ok && !empty && stageFailed === 0 ? "ok" : empty && ok ? "FAILED, it ran no test" : "FAILED";
  console.log(`== ${name}: ${result} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (failed > 0 || stopped) break;
}
console.log(`\n${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode ||= 1;
