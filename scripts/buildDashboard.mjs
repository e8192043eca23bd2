// Builds the page into cache/dashboard, only where a source changed: npm run dashboard [-- --force]
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { constants, brotliCompressSync, gzipSync } from "node:zlib";

const ROOT = path.dirname(import.meta.dirname);
const OUT = path.join(ROOT, "cache", "dashboard");
const STAMP = path.join(ROOT, "cache", "dashboard.sha256");
/** Folders of offchain/ whose files can end up in the page. */
const SOURCES = ["dashboard", "sdk", "protocol", "chain"].map((name) => path.join(ROOT, "offchain", name));
const ABIS = [
  "economy/COR",
  "identity/ModelRegistry",
  "identity/NodePool",
  "assurance/Validation",
  "service/Session",
  "service/SessionPayment",
  "service/SessionQueue",
];

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function sourcesHash() {
  const hash = createHash("sha256");
  const abis = ABIS.map((name) => path.join(ROOT, "artifacts", "contracts", `${name}.sol`, `${path.basename(name)}.json`));
  for (const file of [...SOURCES.flatMap(filesIn), ...abis, path.join(ROOT, "package-lock.json")])
    hash
      .update(`${path.relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex");
}

/** Compresses beside each file, so that the server sends small ones without work. */
function compress() {
  for (const file of filesIn(path.join(OUT, "assets"))) {
    if (!/\.(js|css|svg)$/.test(file)) continue;
    const bytes = readFileSync(file);
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

const say = (text) => process.stderr.write(`${text}\n`);

const wanted = sourcesHash();
const known = existsSync(STAMP) && existsSync(path.join(OUT, "index.html")) ? readFileSync(STAMP, "utf8") : "";
if (known === wanted && !process.argv.includes("--force")) {
  if (process.stderr.isTTY) say("The page is up to date.");
} else {
  let build;
  try {
    ({ build } = await import("vite"));
  } catch {
    say("The page cannot be built: the package vite is missing. Run npm ci without --omit=dev, then npm run dashboard.");
    process.exit(1);
  }
  const started = performance.now();
  await build({ configFile: path.join(ROOT, "offchain", "dashboard", "vite.config.ts") });
  compress();
  mkdirSync(path.dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, wanted);
  say(`The page was built in ${((performance.now() - started) / 1_000).toFixed(1)} s.`);
}
