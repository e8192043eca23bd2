// Proves assertions about the libraries for all inputs, with solc's SMTChecker and the solver z3.
//
//   npm run prove -- [--json] [--only NAME] [--timeout SECONDS]
//
// The assertions stand in test/proofs/*.sol, a function each. Exit code 1 where one is violated, or is not proved though
// test/proofs/undecided.json does not say so.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";

type Verdict = "proved" | "violated" | "undecided";
interface Assertion {
  contract: string;
  function: string;
  line: number;
  assertion: string;
  verdict: Verdict;
}
interface Diagnostic {
  severity: string;
  message: string;
  formattedMessage: string;
  sourceLocation?: { file: string; start: number; end: number };
}

const ROOT = path.dirname(import.meta.dirname);
const require = createRequire(import.meta.url);
const { values: options } = parseArgs({
  options: { json: { type: "boolean", default: false }, only: { type: "string" }, timeout: { type: "string", default: "20" } },
});

if (spawnSync("z3", ["--version"]).error !== undefined) {
  console.error(
    "prove: z3 was not found on PATH. Install it (Debian and Ubuntu: apt-get install z3; macOS: brew install z3) and run this again.",
  );
  process.exit(2);
}

/** Answers one query of the compiler. */
function solve(query: string): { contents: string } | { error: string } {
  const { stdout, error } = spawnSync("z3", ["-in", `-T:${options.timeout}`], { input: query, encoding: "utf8", maxBuffer: 1 << 28 });
  return error === undefined ? { contents: stdout } : { error: error.message };
}

function read(name: string): { contents: string } | { error: string } {
  const file = [path.join(ROOT, name), path.join(ROOT, "node_modules", name)].find((place) => existsSync(place));
  return file === undefined ? { error: `${name} was not found` } : { contents: readFileSync(file, "utf8") };
}

function check(file: string): Assertion[] {
  const solc = require("solc") as { compile(input: string, callbacks: object): string };
  const content = readFileSync(path.join(ROOT, file), "utf8");
  const contract = /contract (\w+)/.exec(content)![1]!;
  const settings = {
    evmVersion: "prague",
    outputSelection: { [file]: { [contract]: ["evm.bytecode.object"] } },
    modelChecker: {
      engine: "bmc",
      solvers: ["smtlib2"],
      targets: ["assert"],
      contracts: { [file]: [contract] },
      showProvedSafe: true,
      showUnproved: true,
      bmcLoopIterations: 12,
    },
  };
  const input = { language: "Solidity", sources: { [file]: { content } }, settings };
  const { errors = [] } = JSON.parse(solc.compile(JSON.stringify(input), { import: read, smtSolver: solve })) as { errors?: Diagnostic[] };
  const fatal = errors.filter(({ severity }) => severity === "error");
  if (fatal.length > 0)
    throw new Error(`prove: ${file} does not compile:\n${fatal.map(({ formattedMessage }) => formattedMessage).join("\n")}`);
  const bytes = Buffer.from(content);
  return [...content.matchAll(/\bassert\(/g)].map(({ index }) => {
    const start = Buffer.byteLength(content.slice(0, index));
    const about = errors.filter((found) => found.sourceLocation?.file === file && found.sourceLocation.start === start);
    const says = (text: RegExp): boolean => about.some(({ message }) => text.test(message));
    const verdict: Verdict = says(/violation happens/)
      ? "violated"
      : says(/might happen/)
        ? "undecided"
        : says(/safe/)
          ? "proved"
          : "undecided";
    const end = about[0]?.sourceLocation?.end ?? start;
    const before = content.slice(0, index);
    return {
      contract,
      function: [...before.matchAll(/function (\w+)/g)].at(-1)![1]!,
      line: before.split("\n").length,
      assertion: bytes.subarray(start, end).toString(),
      verdict,
    };
  });
}

const files = globSync("test/proofs/*.sol", { cwd: ROOT }).sort();
const allowedFile = path.join(ROOT, "test", "proofs", "undecided.json");
const allowed = (existsSync(allowedFile) ? JSON.parse(readFileSync(allowedFile, "utf8")) : {}) as Record<string, string>;
const started = Date.now();
const assertions = files.filter((file) => options.only === undefined || file.includes(options.only)).flatMap(check);
const open = assertions.filter(
  (found) => found.verdict === "violated" || (found.verdict === "undecided" && allowed[found.function] === undefined),
);
if (options.json)
  console.log(
    JSON.stringify({ ok: open.length === 0, seconds: Math.round((Date.now() - started) / 1000), undecided: allowed, assertions }, null, 2),
  );
else {
  for (const { contract, function: name, line, verdict } of assertions)
    console.log(`${verdict.padEnd(9)} ${contract}.${name}, line ${line}`);
  const proved = assertions.filter(({ verdict }) => verdict === "proved").length;
  console.log(`${proved} of ${assertions.length} assertions proved in ${Math.round((Date.now() - started) / 1000)} s`);
}
if (open.length > 0) process.exitCode = 1;
