// How soon the page is usable with 100,000 tasks indexed: npm run bench:dashboard [-- --write]
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import path from "node:path";
import Fastify from "fastify";
import { Command } from "commander";
import { follow } from "../offchain/indexer/follow.ts";
import { IndexStore } from "../offchain/indexer/indexStore.ts";
import { pageRoutes } from "../offchain/indexer/page.ts";
import { IndexQueries } from "../offchain/indexer/queries.ts";
import { indexRoutes } from "../offchain/indexer/routes.ts";
import type { IndexService } from "../offchain/indexer/service.ts";
import { launch, missingBrowser } from "../test/browser/browser.ts";
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
    for (let k = 1; k < COPIES; k++) for (const statement of statements) statement.run({ k });
  })();
}

const folder = mkdtempSync(path.join(tmpdir(), "corroborate-page-"));
const file = path.join(folder, "index.db");
const chain = new SyntheticChain();
chain.addTasks(1_000);
const store = new IndexStore(file, 31_337n, chain.deployment.addresses.SessionQueue);
await follow({ endpoint: chain.endpoint, deployment: chain.deployment, store, pollMs: 0 });
multiply(store, chain.head + 1);
const { tasks } = store.database.prepare("SELECT COUNT(*) AS tasks FROM tasks").get() as { tasks: number };
store.close();

const queries = new IndexQueries(file);
const standing = {
  block: chain.head,
  head: chain.head,
  headTime: 0,
  caughtUp: true,
  events: chain.count,
  reorganisations: 0,
  fault: undefined,
};
const index = { queries, standing, listen: () => () => false } as unknown as IndexService;
const server = Fastify({ forceCloseConnections: true });
await server.register(indexRoutes, { index, deployment: chain.deployment, rpc: "http://127.0.0.1:9" });
await server.register(pageRoutes, { rpc: "http://127.0.0.1:9" });
const base = await server.listen({ host: "127.0.0.1", port: 0 });
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
    usableMs: { median: median.usableMs, all: runs.map(({ usableMs }) => usableMs) },
    compressedBytes: { scripts: median.scriptBytes, all: median.allBytes },
    node: process.version,
    browser: browser.version(),
    processor: `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`,
  };
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (write) writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await browser.close();
  await server.close();
  queries.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
