// How soon the page is usable with 100,000 tasks indexed: npm run bench:dashboard [-- --write]
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { Command } from "commander";
import type { IndexStore } from "../offchain/indexer/indexStore.ts";
import { launch, missingBrowser } from "../test/browser/browser.ts";
import { serveIndex } from "../test/browser/indexServer.ts";
import { SyntheticChain } from "./syntheticChain.ts";

const RESULTS = new URL("dashboard.json", import.meta.url);
const COPIES = 100;
const RUNS = 7;
/** Chromium runs its main thread as if the processor were so many times slower. */
const SLOWER = 4;

const { write } = new Command("npm run bench:dashboard --")
  .description(
    "Loads the first view in Chromium, with an empty cache and a main thread that is four times slower, from a server whose index holds 100,000\n" +
      "tasks (1,000 that were indexed, and copies of their rows), and measures until its figures, charts and latest tasks are there.",
  )
  .option("--write", "write bench/dashboard.json", false)
  .parse()
  .opts<{ write: boolean }>();

const missing = missingBrowser();
if (missing !== undefined) throw new Error(missing);
if (spawnSync(process.execPath, ["scripts/buildDashboard.mjs"], { stdio: "inherit" }).status !== 0)
  throw new Error("the page could not be built");

/** Multiplies the rows of an index: the same tasks, later and under other numbers. */
function multiply(store: IndexStore, blocks: number): void {
  const { database } = store;
  const columns = (table: string) => (database.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name);
  const seconds = 60 * Math.ceil((blocks * 2) / 60);
  const copy = (table: string, changed: Record<string, string>) => {
    database.exec(`CREATE TEMP TABLE first_${table} AS SELECT * FROM ${table}`);
    const values = columns(table).map((name) => changed[name] ?? name);
    return database.prepare(`INSERT OR IGNORE INTO ${table} SELECT ${values.join(", ")} FROM first_${table} WHERE $k > 0`);
  };
  const id = "CAST(CAST(task AS INTEGER) + $k * 100000 AS TEXT)";
  const statements = [
    copy("tasks", {
      id: id.replaceAll("task", "id"),
      place: "place + $k * 100000",
      queued_block: `queued_block + $k * ${blocks}`,
      queued_at: `queued_at + $k * ${seconds}`,
      settled_at: `settled_at + $k * ${seconds}`,
    }),
    copy("seats", { task: id, ended_at: `ended_at + $k * ${seconds}` }),
    copy("events", {
      task: `CASE WHEN task IS NULL THEN NULL ELSE ${id} END`,
      block: `block + $k * ${blocks}`,
      time: `time + $k * ${seconds}`,
    }),
    copy("minutes", { minute: `minute + $k * ${seconds}` }),
  ];
  database.transaction(() => {
    // As an integer: numbers are bound as reals, which would leave ".0" in names.
    for (let k = 1n; k < COPIES; k++) for (const statement of statements) statement.run({ k });
  })();
}

const chain = new SyntheticChain();
chain.addTasks(1_000);
const { base, queries, close } = await serveIndex({
  endpoint: chain.endpoint,
  deployment: chain.deployment,
  change: (store) => multiply(store, chain.head + 1),
});
const tasks = queries.overview(Number.MAX_SAFE_INTEGER).totals!["queued"];
const browser = await launch();
try {
  const runs: { usableMs: number; scriptBytes: number; allBytes: number }[] = [];
  for (let run = 0; run < RUNS; run++) {
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    const kinds = new Map<string, string>();
    let [scriptBytes, allBytes] = [0, 0];
    devtools.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
    devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      allBytes += encodedDataLength;
      if (kinds.get(requestId) === "Script") scriptBytes += encodedDataLength;
    });
    await page.goto(base, { waitUntil: "commit" });
    const there = [page.locator(".figure").nth(5), page.locator("canvas").nth(3), page.locator("tbody tr").first()];
    await Promise.all(there.map(async (one) => await one.waitFor()));
    const usableMs = await page.evaluate<number>("performance.now()");
    await page.waitForTimeout(300);
    runs.push({ usableMs: Math.round(usableMs), scriptBytes, allBytes });
    await context.close();
  }
  const median = [...runs].sort((a, b) => a.usableMs - b.usableMs)[Math.floor(RUNS / 2)]!;
  const results = {
    tasks,
    slower: SLOWER,
    usableMs: { median: median.usableMs, all: runs.map(({ usableMs }) => usableMs).join(" ") },
    compressedBytes: { scripts: median.scriptBytes, all: median.allBytes },
    node: process.version,
    browser: browser.version(),
    processor: `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`,
  };
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (write) writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await browser.close();
  await close();
}
process.exit();
