// Compares the contracts with their TypeScript twin on many random cases, and writes down what came of it.
//
//   npm run differential -- [--count N]     default 10,000; result in test/differential.json
//
// The ordinary tests do the same with 1,000 cases each.
import { spawn } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs, stripVTControlCharacters } from "node:util";

const ROOT = path.dirname(import.meta.dirname);
const { values: options } = parseArgs({ options: { count: { type: "string", default: "10000" } } });
const count = Number(options.count);
// Lists go to the chain in pieces of up to a hundred.
if (!Number.isInteger(count) || count < 1_000 || count % 100 !== 0) {
  console.error(`differential: --count is ${options.count}, wanted a multiple of 100 that is at least 1000`);
  process.exit(1);
}

const files = [...globSync("test/contract/parity.*.test.ts", { cwd: ROOT }), "test/contract/NodePool.draw.test.ts"].sort();
const child = spawn(path.join(ROOT, "node_modules", ".bin", "hardhat"), ["test", "mocha", ...files], {
  cwd: ROOT,
  env: { ...process.env, COUNT: String(count), NO_COLOR: "1" },
  stdio: ["ignore", "pipe", "inherit"],
});
let text = "";
child.stdout.setEncoding("utf8");
child.stdout.on("data", (piece: string) => {
  process.stdout.write(piece);
  text += piece;
});
const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
const lines = stripVTControlCharacters(text).split("\n");
const agreed = lines.flatMap((line) => /^\s+✔ (.*?)(?: \(\d+ms\))?$/.exec(line)?.[1] ?? []);
const failed = Number(/^\s*(\d+) failing/m.exec(text)?.[1] ?? 0);
if (code === 0 && agreed.length > 0) {
  writeFileSync(path.join(ROOT, "test", "differential.json"), `${JSON.stringify({ count, failed, agreed }, null, 2)}\n`);
} else {
  console.error(`differential: ${failed} comparisons failed; test/differential.json stays as it was`);
  process.exitCode = 1;
}
