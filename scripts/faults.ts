// Which test shows which fault of the environment. A title names the row it shows: it("4b gas spike: ...").
//
//   npm run faults            a table; exit code 1 where a row has no test, or a title names a row that does not exist
//   npm run faults -- --json
import { globSync, readFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.dirname(import.meta.dirname);
const ROWS = JSON.parse(readFileSync(path.join(ROOT, "test", "faults.json"), "utf8")) as Record<string, string>;
const TITLE = /\b(?:it|describe)\(\s*(["'`])(4b (?:\\.|(?!\1)[^\\])*)\1/g;

const shown = new Map<string, string[]>(Object.keys(ROWS).map((row) => [row, []]));
const strangers: string[] = [];
for (const file of globSync("test/**/*.ts", { cwd: ROOT }).sort()) {
  for (const [, , title] of readFileSync(path.join(ROOT, file), "utf8").matchAll(TITLE)) {
    const row = [...shown.keys()].find((one) => title!.startsWith(`4b ${one}`));
    if (row === undefined) strangers.push(`${file}: ${title}`);
    else shown.get(row)!.push(`${file}: ${title}`);
  }
}
const missing = [...shown].filter(([, tests]) => tests.length === 0).map(([row]) => row);
if (process.argv.includes("--json"))
  console.log(
    JSON.stringify({ rows: shown.size, shown: shown.size - missing.length, missing, strangers, tests: Object.fromEntries(shown) }),
  );
else {
  for (const [row, tests] of shown)
    console.log(`${tests.length > 0 ? "✔" : "✖"} ${row}: ${ROWS[row]}\n${tests.map((test) => `    ${test}`).join("\n")}`);
  for (const stranger of strangers) console.log(`✖ no such row: ${stranger}`);
  console.log(`${shown.size - missing.length} of ${shown.size} rows have a test`);
}
process.exitCode = missing.length + strangers.length === 0 ? 0 : 1;
