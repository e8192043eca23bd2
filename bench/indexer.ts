// How fast the index is built from genesis: npm run bench:indexer [-- --tasks 100000] [--least 5000] [--keep FILE] [--write]
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { Command } from "commander";
import { follow } from "../offchain/indexer/follow.ts";
import { IndexStore } from "../offchain/indexer/indexStore.ts";
import { IndexQueries } from "../offchain/indexer/queries.ts";
import { Status } from "../offchain/protocol/types.ts";
import { SyntheticChain } from "./syntheticChain.ts";

const RESULTS = new URL("indexer.json", import.meta.url);
/** Tasks that are made at once: the events of all of them would fill the memory. */
const PORTION = 5_000;

const { tasks, least, write, keep } = new Command("npm run bench:indexer --")
  .description(
    "Builds an index from genesis and measures it. The chain is synthetic: every log is encoded by the contracts' ABIs, in the order in which the\n" +
      "contracts log, and served from memory by the two calls that the cursor makes (blocks, logs). What is measured is the path of production:\n" +
      "cursor, decoding, fold, SQLite on disk. Making the logs is not measured.",
  )
  .option("--tasks <count>", "tasks, each of three or four events", "100000")
  .option("--least <events>", "exit with 1 where fewer events were indexed in a second", "0")
  .option("--keep <file>", "leave the index there")
  .option("--write", "write bench/indexer.json", false)
  .parse()
  .opts<{ tasks: string; least: string; write: boolean; keep?: string }>();

async function build(chain: SyntheticChain, file: string, maxRange: number): Promise<{ store: IndexStore; seconds: number; cpu: number }> {
  const store = new IndexStore(file, chain.deployment.chainId, chain.deployment.addresses.SessionQueue);
  let seconds = 0;
  let cpu = 0;
  for (let made = 0; made < Number(tasks); made += PORTION) {
    // Everything else here runs in one turn of the event loop: without this no signal would be heard.
    await turn();
    chain.addTasks(Math.min(PORTION, Number(tasks) - made));
    const [started, used] = [performance.now(), process.cpuUsage()];
    await follow({ endpoint: chain.endpoint, deployment: chain.deployment, store, pollMs: 0, maxRange });
    seconds += (performance.now() - started) / 1_000;
    const { user, system } = process.cpuUsage(used);
    cpu += (user + system) / 1e6;
    // What is indexed need not be kept: nobody reads it again.
    for (let block = 0; block < chain.head - 64; block++) chain.logs[block] = [];
    process.stderr.write(`\r${Math.min(made + PORTION, Number(tasks))} tasks, ${chain.count} events, ${seconds.toFixed(1)} s`);
  }
  process.stderr.write("\n");
  return { store, seconds, cpu };
}

const folder = mkdtempSync(path.join(tmpdir(), "corroborate-index-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
const file = keep ?? path.join(folder, "index.db");
const chain = new SyntheticChain();
const { store, seconds, cpu } = await build(chain, file, 2_000);
const digest = store.digest();
const queries = new IndexQueries(file);
const timed = (ask: () => unknown): number => {
  const runs = Array.from({ length: 20 }, () => {
    const started = performance.now();
    ask();
    return performance.now() - started;
  });
  return Number(runs.sort((a, b) => a - b)[10]!.toFixed(2));
};
const medianMs = {
  overview: timed(() => queries.overview(Number.MAX_SAFE_INTEGER)),
  tasks: timed(() => queries.tasks({ limit: 50 })),
  tasksOfRareStatus: timed(() => queries.tasks({ limit: 50, status: Status.Cancelled })),
  nodes: timed(() => queries.nodes()),
  leaderboard: timed(() => queries.leaderboard()),
  node: timed(() => queries.node(1)),
};
queries.close();
store.close();
const again = await build(new SyntheticChain(), path.join(folder, "again.db"), 777);
const second = again.store.digest();
again.store.close();
const results = {
  tasks: chain.tasks,
  events: chain.count,
  blocks: chain.head,
  seconds: Number(seconds.toFixed(2)),
  cpuSeconds: Number(cpu.toFixed(2)),
  eventsPerSecond: Math.round(chain.count / seconds),
  eventsPerCpuSecond: Math.round(chain.count / cpu),
  megabytes: Number((statSync(file).size / 1e6).toFixed(1)),
  dump: digest,
  secondBuild: { seconds: Number(again.seconds.toFixed(2)), sameDump: digest === second, blocksARequest: 777 },
  medianMs,
  node: process.version,
  processor: `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`,
};
process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
if (write) writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
if (digest !== second) throw new Error("two builds of one chain gave different dumps");
if (results.eventsPerSecond < Number(least)) throw new Error(`found ${results.eventsPerSecond} events a second, wanted ${least}`);
