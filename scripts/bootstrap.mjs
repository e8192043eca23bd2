// Prepares the checkout, then runs the command given as arguments:
//
//   node scripts/bootstrap.mjs node scripts/localnet.ts --once
//
// 1. Node.js: where the running one is too old, the one pinned in tools/node goes first on PATH.
// 2. Packages: `npm ci`, only where node_modules is not what package-lock.json says.
// 3. Contracts: `hardhat build`, only where a source changed.
//
// Plain JavaScript without dependencies: this file has to run on an old Node.js with nothing installed.
// Progress goes to stderr, so that stdout belongs to the command.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const RUNTIME = path.join(ROOT, "tools", "node");
const RUNTIME_BIN = path.join(RUNTIME, "node_modules", ".bin");
const PACKAGE_BIN = path.join(ROOT, "node_modules", ".bin");
const PLATFORM = `${process.platform}-${process.arch}`;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

class BootstrapError extends Error {}

const say = (text) => process.stderr.write(`${text}\n`);
const json = (file) => JSON.parse(readFileSync(file, "utf8"));

function requiredMajor() {
  return Number(/\d+/.exec(json(path.join(ROOT, "package.json")).engines.node)[0]);
}

/** The environment of everything started from here. `npm start` under an old Node.js names that one in two variables. */
function environment(folders) {
  const env = { ...process.env };
  delete env.NODE;
  delete env.npm_node_execpath;
  env.PATH = [...folders, env.PATH].filter(Boolean).join(path.delimiter);
  return env;
}

function collect(child, output) {
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(chunk));
}

/**
 * Runs a command and returns how it ended: `{ code, signal }`. Signals sent to this process reach it.
 * In a terminal Ctrl-C goes to the whole foreground group, this process and the command alike: passing it on would
 * deliver it twice, which many programs take for "stop at once".
 */
function run(command, args, { env, cwd = ROOT, stdio, output }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio });
    if (child.stdout !== null) collect(child, output);
    const forward = (signal) => {
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, forward);
    const settled = () => {
      for (const signal of SIGNALS) process.off(signal, forward);
    };
    child.once("error", (error) => {
      settled();
      reject(
        error.code === "ENOENT"
          ? new BootstrapError(`${command} was not found on PATH. Install it and run this again.`)
          : new BootstrapError(`${command} could not be started: ${error.message}`),
      );
    });
    child.once("close", (code, signal) => {
      settled();
      resolve({ code, signal });
    });
  });
}

/** Ends this process the way the command ended: by the same signal, or with the same code. */
function endLike({ code, signal }) {
  if (signal !== null) process.kill(process.pid, signal);
  else process.exit(code);
}

/** One piece of preparation. What the command prints is shown only if it fails. */
async function step(text, command, args, env) {
  const started = Date.now();
  say(text);
  const output = [];
  const end = await run(command, args, { env, stdio: ["ignore", "pipe", "pipe"], output });
  if (end.signal !== null) return endLike(end);
  if (end.code !== 0) {
    process.stderr.write(Buffer.concat(output));
    throw new BootstrapError(`"${[command, ...args].join(" ")}" failed with exit code ${end.code}; its output is above.`);
  }
  say(`${text} done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** npm's own record of what it installed, compared with the lockfile. A folder from another platform does not count. */
function isInstalled(folder) {
  const record = path.join(folder, "node_modules", ".package-lock.json");
  const stamp = path.join(folder, "node_modules", ".platform");
  if (!existsSync(record)) return false;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") !== PLATFORM) return false;
  const wanted = json(path.join(folder, "package-lock.json")).packages;
  const found = json(record).packages;
  const same = (a, b) => a.version === b.version && a.integrity === b.integrity;
  for (const [name, entry] of Object.entries(wanted)) {
    if (name === "") continue;
    if (found[name] === undefined ? !(entry.optional || entry.devOptional) : !same(entry, found[name])) return false;
  }
  return Object.keys(found).every((name) => name in wanted);
}

async function install(folder, text, env) {
  if (isInstalled(folder)) return;
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await step(text, "npm", folder === ROOT ? args : [...args, "--prefix", path.relative(ROOT, folder)], env);
  mkdirSync(path.join(folder, "node_modules"), { recursive: true });
  writeFileSync(path.join(folder, "node_modules", ".platform"), PLATFORM);
}

/** Lets `npm run` and `npx` in a shell with an old Node.js find the pinned one. */
function linkRuntime() {
  const link = path.join(PACKAGE_BIN, "node");
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return;
  symlinkSync(path.relative(PACKAGE_BIN, path.join(RUNTIME_BIN, "node")), link);
}

async function prepareRuntime(major) {
  if (Number(process.versions.node.split(".")[0]) >= major) return [];
  await install(RUNTIME, `This is Node.js ${process.versions.node}; installing Node.js ${major} into tools/node ...`, environment([]));
  if (!existsSync(path.join(RUNTIME_BIN, "node"))) {
    rmSync(path.join(RUNTIME, "node_modules"), { recursive: true, force: true });
    const packages = Object.values(json(path.join(RUNTIME, "package-lock.json")).packages);
    const known = packages.some(({ os, cpu }) => [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch));
    throw new BootstrapError(
      `Node.js ${major} or newer is needed, this is ${process.versions.node}, and ` +
        (known ? "npm could not fetch the packaged one" : `there is no packaged one for ${PLATFORM}`) +
        ". Install it from https://nodejs.org and run this again.",
    );
  }
  return [RUNTIME_BIN];
}

function solidityFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) return solidityFiles(file);
      return entry.name.endsWith(".sol") ? [file] : [];
    })
    .sort();
}

/** Hardhat's own no-op build takes two seconds; a hash of its inputs answers in milliseconds. */
async function compile(env) {
  const stamp = path.join(ROOT, "cache", "sources.sha256");
  const sources = [...solidityFiles(path.join(ROOT, "contracts")), ...solidityFiles(path.join(ROOT, "test", "contracts"))];
  if (sources.length === 0) return;
  const hash = createHash("sha256");
  for (const file of [...sources, ...["hardhat.config.ts", "remappings.txt", "package-lock.json"].map((name) => path.join(ROOT, name))]) {
    hash
      .update(`${path.relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  const digest = hash.digest("hex");
  const built = existsSync(path.join(ROOT, "artifacts", "build-info")) && existsSync(path.join(ROOT, "types", "ethers-contracts"));
  if (built && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  await step("Compiling contracts ...", "hardhat", ["build"], env);
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

async function main([command, ...args]) {
  if (process.platform === "win32") throw new BootstrapError("Windows is not supported. Run this inside WSL.");
  if (command === undefined) throw new BootstrapError("Usage: node scripts/bootstrap.mjs COMMAND [ARGUMENT ...]");
  const runtime = await prepareRuntime(requiredMajor());
  await install(ROOT, "Installing packages ...", environment(runtime));
  if (runtime.length > 0) linkRuntime();
  const env = environment([...runtime, PACKAGE_BIN]);
  await compile(env);
  endLike(await run(command, args, { env, cwd: process.cwd(), stdio: "inherit" }));
}

main(process.argv.slice(2)).catch((error) => {
  say(error instanceof BootstrapError ? error.message : error.stack);
  process.exit(1);
});
