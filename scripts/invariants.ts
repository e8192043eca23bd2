// Which test shows which invariant. A test carries the ids of the invariants that it shows in its title:
// `function testFuzz_A1_A4_name` in Solidity, `it("A1 A4 name")` in TypeScript.
//
//   npm run invariants            a table; exit code 1 where an id has no test, or a title names an id that does
//                                 not exist, or the threat table of contracts/README.md names a test that does not exist
//   npm run invariants -- --json, or --quiet for the gaps alone
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.dirname(import.meta.dirname);
const IDS = JSON.parse(readFileSync(path.join(ROOT, "test", "invariants.json"), "utf8")) as Record<string, string>;
const THREATS = 45;
const ID = /\b[A-I]\d\b/g;

interface Shown {
  file: string;
  test: string;
}

function testsIn(file: string): string[] {
  const text = readFileSync(path.join(ROOT, file), "utf8");
  if (file.endsWith(".sol")) return [...text.matchAll(/function ((?:test|invariant)\w*)\(/g)].map((match) => match[1]!);
  const title = /\b(?:it|describe)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g;
  return [...text.matchAll(title)].map((match) => match[2]!);
}

/** Ids at the head of a title, or between the underscores of a function's name. */
const idsIn = (test: string): string[] => [...new Set(test.replaceAll("_", " ").match(ID) ?? [])];

const files = ["test/contracts/**/*.sol", "test/**/*.test.ts"].flatMap((pattern) => globSync(pattern, { cwd: ROOT })).sort();
const shown = new Map<string, Shown[]>(Object.keys(IDS).map((id) => [id, []]));
const strangers: Shown[] = [];
for (const file of files.filter((name) => !name.includes(`offchain${path.sep}`))) {
  for (const test of testsIn(file)) {
    for (const id of idsIn(test)) {
      const list = shown.get(id);
      if (list === undefined) strangers.push({ file, test: `${id}: ${test}` });
      else list.push({ file, test });
    }
  }
}

/** Rows of the threat table that name no test, or one that does not exist. */
function threatProblems(): string[] {
  const rows = [...readFileSync(path.join(ROOT, "contracts", "README.md"), "utf8").matchAll(/^\| (\d+) +\|(.*)\|(.*)\|(.*)\|$/gm)];
  const tests = files.map((file) => readFileSync(path.join(ROOT, file), "utf8")).join("\n");
  const problems = Array.from({ length: THREATS }, (_, i) => i + 1)
    .filter((number) => !rows.some(([, found]) => Number(found) === number))
    .map((number) => `the threat table of contracts/README.md has no row ${number}`);
  for (const [, number, , , by = ""] of rows) {
    const ids = by.match(ID) ?? [];
    const names = [...by.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
    const report = (problem: string): void => void problems.push(`row ${number} of the threat table ${problem}`);
    if (ids.length + names.length === 0 && !by.includes("out of scope")) report("names no test");
    for (const id of ids) if ((shown.get(id) ?? []).length === 0) report(`names ${id}, which no test shows`);
    for (const name of names) {
      if (!(name.includes("/") ? existsSync(path.join(ROOT, name)) : tests.includes(name))) report(`names ${name}, which does not exist`);
    }
  }
  return problems;
}

const threats = threatProblems();
const gaps = [...shown].filter(([, tests]) => tests.length === 0).map(([id]) => id);
if (process.argv.includes("--json")) {
  const invariants = [...shown].map(([id, tests]) => ({ id, meaning: IDS[id], tests }));
  console.log(
    JSON.stringify({ ok: gaps.length + strangers.length + threats.length === 0, gaps, threats, unknown: strangers, invariants }, null, 2),
  );
} else if (!process.argv.includes("--quiet")) {
  for (const [id, tests] of shown) {
    const first = tests[0] === undefined ? "NO TEST" : `${tests.length} tests, such as ${tests[0].file}: ${tests[0].test}`;
    console.log(`${id}  ${IDS[id]}\n    ${first}`);
  }
  console.log(`\n${shown.size - gaps.length} of ${shown.size} invariants are shown by tests.`);
}
if (gaps.length > 0) console.error(`No test carries ${gaps.join(", ")} in its title.`);
for (const { file, test } of strangers) console.error(`${file} names an invariant that is not in test/invariants.json, ${test}`);
for (const problem of threats) console.error(problem);
if (gaps.length + strangers.length + threats.length > 0) process.exitCode = 1;
