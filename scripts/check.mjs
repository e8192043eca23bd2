// Everything that is checked without running the product: format, lint, compiler warnings, types. Called by `npm run check`.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.dirname(import.meta.dirname);
const BIN = path.join(ROOT, "node_modules", ".bin");
const AT_ONCE = 2;

/** Warnings of the Solidity compiler about `contracts/`, as Hardhat stored them. Tests and packages may warn. */
function compilerWarnings() {
  const folder = path.join(ROOT, "artifacts", "build-info");
  const texts = new Set();
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    if (!file.endsWith(".output.json")) continue;
    for (const error of JSON.parse(readFileSync(path.join(folder, file), "utf8")).output.errors ?? []) {
      const source = error.sourceLocation?.file ?? "project/contracts/";
      if (source.startsWith("project/contracts/")) texts.add(error.formattedMessage ?? error.message);
    }
  }
  return { ok: texts.size === 0, output: [...texts].join("\n") };
}

const tool = (command, ...args) => execute(path.join(BIN, command), ...args);
const script = (file, ...args) => execute(process.execPath, path.join(ROOT, file), ...args);

function execute(command, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => resolve({ ok: code === 0, output: Buffer.concat(output).toString() }));
  });
}

/** solhint frames an advertisement below its findings. */
const withoutAdverts = (output) => output.replace(/^[┌│└].*$/gm, "");

// The longest first, so that the others run beside it.
const checks = [
  { name: "eslint", run: () => tool("eslint", ".") },
  { name: "prettier", run: () => tool("prettier", "--check", "--log-level=warn", ".") },
  { name: "tsc", run: () => tool("tsc", "--noEmit") },
  { name: "solhint", run: () => tool("solhint", "--disc", "--max-warnings", "0", "contracts/**/*.sol") },
  { name: "detectors", run: () => script("scripts/detect.ts") },
  { name: "invariants", run: () => script("scripts/invariants.ts", "--quiet") },
  { name: "solc warnings", run: () => compilerWarnings() },
];

let failed = 0;
async function worker() {
  for (let check = checks.shift(); check !== undefined; check = checks.shift()) {
    const started = Date.now();
    const { ok, output } = await check.run();
    if (!ok) failed += 1;
    console.log(`${ok ? "ok    " : "FAILED"} ${check.name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    if (!ok) console.log(withoutAdverts(output).trim().replace(/^/gm, "  "));
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, worker));
if (failed > 0) {
  console.log(`${failed} failed. "npm run format" repairs what a program can repair.`);
  process.exitCode = 1;
}
