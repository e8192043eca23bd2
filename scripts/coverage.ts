// Which lines of contracts/ the Solidity tests and the contract tests run, by Hardhat's own instrumentation.
//
//   npm run coverage -- [--report]     --report: only read coverage/lcov.info of an earlier run
//
// Writes test/coverage/summary.json. A line that no test runs has to stand in test/coverage/missing.json with its reason, by
// file and text of the line; exit code 1 where one does not, or where a reason is left over. Hardhat counts lines and statements;
// what happens on each side of a condition is what `npm run mutate` asks.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

interface FileCoverage {
  lines: number;
  covered: number;
  missing: { line: number; text: string; reason: string | null }[];
}

const ROOT = path.dirname(import.meta.dirname);
const LCOV = path.join(ROOT, "coverage", "lcov.info");
const FOLDER = path.join(ROOT, "test", "coverage");
const REASONS = path.join(FOLDER, "missing.json");

if (!process.argv.includes("--report")) {
  // Tests of gas fail under instrumentation: what they measure is the instruments. Whether tests pass is not asked here.
  for (const kind of ["solidity", "mocha"]) {
    const command = path.join(ROOT, "node_modules", ".bin", "hardhat");
    spawnSync(command, ["--coverage", "--network", "default", "test", kind], {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, FORCE_COLOR: "0" },
    });
    if (existsSync(LCOV)) writeFileSync(path.join(ROOT, "coverage", `${kind}.info`), readFileSync(LCOV));
  }
}

/** Hits by file and line, of all runs together. */
function hits(): Map<string, Map<number, number>> {
  const found = new Map<string, Map<number, number>>();
  for (const kind of ["solidity", "mocha"]) {
    const file = path.join(ROOT, "coverage", `${kind}.info`);
    if (!existsSync(file)) throw new Error(`coverage: ${file} is not there: run npm run coverage without --report`);
    let at = new Map<number, number>();
    for (const line of readFileSync(file, "utf8").split("\n")) {
      const source = /^SF:(.*)/.exec(line)?.[1];
      if (source !== undefined) {
        const name = path.relative(ROOT, path.resolve(ROOT, source));
        at = found.get(name) ?? new Map<number, number>();
        found.set(name, at);
      }
      const [, number, count] = /^DA:(\d+),(\d+)/.exec(line) ?? [];
      if (number !== undefined) at.set(Number(number), (at.get(Number(number)) ?? 0) + Number(count));
    }
  }
  return found;
}

const reasons = (existsSync(REASONS) ? JSON.parse(readFileSync(REASONS, "utf8")) : {}) as Record<string, Record<string, string>>;
const files: Record<string, FileCoverage> = {};
const used = new Set<string>();
for (const [file, lines] of [...hits()].sort()) {
  if (!file.startsWith("contracts/")) continue;
  const text = readFileSync(path.join(ROOT, file), "utf8").split("\n");
  const missing = [...lines]
    .filter(([, count]) => count === 0)
    .map(([line]) => {
      const content = text[line - 1]!.trim();
      const reason = reasons[file]?.[content] ?? null;
      if (reason !== null) used.add(`${file}|${content}`);
      return { line, text: content, reason };
    });
  files[file] = { lines: lines.size, covered: lines.size - missing.length, missing };
}
const stale = Object.entries(reasons).flatMap(([file, lines]) =>
  Object.keys(lines)
    .filter((line) => !used.has(`${file}|${line}`))
    .map((line) => `${file}: ${line}`),
);
const total = Object.values(files).reduce((sum, { lines, covered }) => ({ lines: sum.lines + lines, covered: sum.covered + covered }), {
  lines: 0,
  covered: 0,
});
const summary = { ...total, share: Math.round((total.covered / total.lines) * 10_000) / 10_000, files };
writeFileSync(path.join(FOLDER, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
const open = Object.entries(files).flatMap(([file, { missing }]) =>
  missing.filter(({ reason }) => reason === null).map(({ line, text }) => `${file}:${line} ${text}`),
);
console.log(`${total.covered} of ${total.lines} lines of contracts/ are run by tests (${(summary.share * 100).toFixed(2)} %)`);
for (const line of open) console.error(`no test runs ${line}`);
for (const line of stale) console.error(`test/coverage/missing.json explains a line that is run now: ${line}`);
if (open.length + stale.length > 0) process.exitCode = 1;
