import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { type AstNode, typeOf, walk } from "./ast.ts";
import { type Mutant, SwitchedSource } from "./switched.ts";

export const ROOT = path.dirname(path.dirname(import.meta.dirname));
export const CACHE = path.join(ROOT, "cache", "mutation");
/** A copy of the project whose contracts hold all mutants. */
export const PROJECT = path.join(CACHE, "project");

const COPIED = [
  "contracts",
  "offchain",
  "scripts",
  "tasks",
  "models",
  "docs/economy.md",
  "test/contract",
  "test/contracts",
  "test/plain.ts",
  "test/simulation",
  "bench",
  "package.json",
  "remappings.txt",
];
/** What decides how the build looks. */
const BUILDERS = ["ast", "build", "operators", "switched"].map((name) => `scripts/mutation/${name}.ts`);
/** Tests that take too long, or that every mutant would fail: their contracts are built in another way. */
const LEFT_OUT = ["flatCost", "gasTable", "SessionQueue.limits"].map((name) => `test/contract/${name}.test.ts`);

interface CompilerOutput {
  errors?: { severity: string; formattedMessage: string; sourceLocation?: { file: string; start: number; end: number } }[];
  sources: Record<string, { ast: AstNode }>;
}

const require = createRequire(import.meta.url);

/** Lets solc look at sources as far as the types, which takes seconds. */
export function analyse(sources: Record<string, string>): CompilerOutput {
  const solc = require("solc") as { compile(input: string, callbacks: object): string };
  const settings = { evmVersion: "prague", outputSelection: { "*": { "": ["ast"] } } };
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }])),
    settings,
  };
  const read = (name: string): object => {
    const file = path.join(ROOT, "node_modules", name);
    return existsSync(file) ? { contents: readFileSync(file, "utf8") } : { error: `${name} was not found` };
  };
  return JSON.parse(solc.compile(JSON.stringify(input), { import: read })) as CompilerOutput;
}

/** The sources that are mutated: all of contracts/ but the interfaces. */
export function sourcesOf(): Record<string, string> {
  const files = globSync("contracts/**/*.sol", { cwd: ROOT }).sort();
  return Object.fromEntries(files.map((file) => [file.split(path.sep).join("/"), readFileSync(path.join(ROOT, file), "utf8")]));
}

export const isMutated = (file: string): boolean => !file.startsWith("contracts/interfaces/");

const toLatin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const toUtf8 = (text: string): string => Buffer.from(text, "latin1").toString("utf8");

/** Contracts with all mutants behind switches; the mutants that solc refuses are left out. */
export function switchAll(say: (text: string) => void): { sources: Record<string, string>; mutants: Mutant[] } {
  const originals = sourcesOf();
  const { sources: parsed } = analyse(originals);
  const constants = new Set<number>();
  for (const { ast } of Object.values(parsed)) {
    walk(ast, (node) => {
      if (node.nodeType === "VariableDeclaration" && node["constant"] === true && /^uint/.test(typeOf(node))) constants.add(node.id);
    });
  }
  const refused = new Set<string>();
  for (;;) {
    const mutants: Mutant[] = [];
    const sources = { ...originals };
    for (const [file, text] of Object.entries(originals)) {
      if (!isMutated(file)) continue;
      const switched = new SwitchedSource(file, toLatin1(text), parsed[file]!.ast, constants, refused, mutants.length + 1);
      sources[file] = toUtf8(switched.text);
      mutants.push(...switched.mutants);
    }
    const errors = (analyse(sources).errors ?? []).filter(({ severity }) => severity === "error");
    if (errors.length === 0) return { sources, mutants };
    const before = refused.size;
    for (const { sourceLocation, formattedMessage } of errors) {
      const text = sourceLocation === undefined ? undefined : toLatin1(sources[sourceLocation.file] ?? "");
      const found = text === undefined ? [] : culprits(text, sourceLocation!, mutants);
      if (found.length === 0)
        throw new Error(`mutation: the switched contracts do not compile, and no mutant is to blame:\n${formattedMessage}`);
      for (const id of found) refused.add(mutants[id - 1]!.key);
    }
    say(`solc refuses ${refused.size - before} mutants; they are left out`);
  }
}

/** Numbers of the mutants that an error is about: those in its stretch of text, else the last one right before it. */
function culprits(text: string, { start, end }: { start: number; end: number }, mutants: readonly Mutant[]): number[] {
  const numbers = (part: string): number[] => [...part.matchAll(/mutant__y?\((\d+)\)/g)].map((match) => Number(match[1]));
  const inside = numbers(text.slice(start, end));
  if (inside.length > 0) return inside;
  const before = numbers(text.slice(Math.max(0, start - 400), start)).slice(-1);
  if (before.length > 0) return before;
  // A storage pointer that is returned must be set on every path: the error names the declaration, the removed statement comes later.
  const after = numbers(text.slice(end, text.indexOf("\n    }\n", end)));
  return after.filter((id) => mutants[id - 1]!.operator === "statement" && mutants[id - 1]!.before.includes("="));
}

/** What the build depends on. */
export function fingerprint(): string {
  const hash = createHash("sha256");
  const files = [...globSync("contracts/**/*.sol", { cwd: ROOT }), ...globSync("test/contracts/**/*.sol", { cwd: ROOT })];
  for (const file of [...files, ...BUILDERS].sort()) {
    hash.update(file).update(readFileSync(path.join(ROOT, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

const CONFIG = `// Written by scripts/mutation: the project's own configuration, for contracts of any size that compile fast.
import base from "./hardhat.config.base.ts";

const small = { allowUnlimitedContractSize: true, blockGasLimit: 500_000_000 };
const profiles = (base.solidity as { profiles: { default: { compilers: { settings: object }[]; overrides: Record<string, { settings: object }> } } }).profiles;
const { compilers, overrides } = profiles.default;
const optimizer = { enabled: true, details: { yul: true, inliner: false, cse: false, constantOptimizer: false, yulDetails: { stackAllocation: true, optimizerSteps: ":" } } };
export default {
  ...base,
  solidity: {
    ...(base.solidity as object),
    profiles: {
      default: {
        compilers: compilers.map((compiler) => ({ ...compiler, settings: { ...compiler.settings, viaIR: true, optimizer } })),
        overrides,
      },
    },
  },
  networks: {
    ...base.networks,
    default: { ...base.networks!["default"], ...small },
    node: { ...base.networks!["node"], ...small },
  },
};
`;

/** Writes and compiles the project with all mutants, unless it stands there already. */
export function build(say: (text: string) => void): Mutant[] {
  const stamp = path.join(PROJECT, ".fingerprint");
  const list = path.join(PROJECT, "mutants.json");
  const wanted = fingerprint();
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    rmSync(stamp, { force: true });
    say("writing the contracts with all mutants behind switches ...");
    const { sources, mutants } = switchAll(say);
    mkdirSync(PROJECT, { recursive: true });
    copyProject();
    for (const [file, text] of Object.entries(sources)) writeFileSync(path.join(PROJECT, file), text);
    writeFileSync(list, JSON.stringify(mutants));
    say(`compiling ${mutants.length} mutants in one build ...`);
    const started = Date.now();
    execFileSync(process.execPath, ["node_modules/hardhat/dist/src/cli.js", "build"], {
      cwd: PROJECT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    rmSync(path.join(PROJECT, "reach.json"), { force: true });
    writeFileSync(stamp, wanted);
    say(`compiled in ${Math.round((Date.now() - started) / 1000)} s`);
  } else {
    copyProject({ testsOnly: true });
  }
  return JSON.parse(readFileSync(list, "utf8")) as Mutant[];
}

function copyProject({ testsOnly = false } = {}): void {
  for (const name of testsOnly ? ["test/contract", "test/simulation", "bench", "offchain", "scripts"] : COPIED) {
    rmSync(path.join(PROJECT, name), { recursive: true, force: true });
    cpSync(path.join(ROOT, name), path.join(PROJECT, name), { recursive: true });
  }
  for (const name of LEFT_OUT) rmSync(path.join(PROJECT, name), { force: true });
  if (testsOnly) return;
  cpSync(path.join(ROOT, "hardhat.config.ts"), path.join(PROJECT, "hardhat.config.base.ts"));
  writeFileSync(path.join(PROJECT, "hardhat.config.ts"), CONFIG);
  const modules = path.join(PROJECT, "node_modules");
  if (!existsSync(modules)) symlinkSync(path.join(ROOT, "node_modules"), modules);
}
