// Kills a node at every step of a task's life and starts it again: npm run kill-matrix [-- --json]
//
// A real chain process, a real node process, real inference. Each kill is SIGKILL, at a point that the node itself reaches
// (offchain/runtime/crashPoint.ts). A step is survived if the seat is revealed in time, or was never committed, and nothing was
// committed twice.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { formatEther } from "ethers";
import { Status } from "../offchain/protocol/types.ts";
import { eventually } from "../test/offchain/chain/hardhatNode.ts";
import { run, flags } from "../test/offchain/node/daemon.ts";
import { OneSeat } from "../test/offchain/node/oneSeat.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The steps of RELIABILITY's table, and the points at which each is cut. There is no acknowledgement transaction: S2 is the decision to answer. */
const STEPS: { step: string; what: string; points: string[] }[] = [
  { step: "S0", what: "boot", points: ["boot"] },
  { step: "S1", what: "task seen", points: ["seen"] },
  { step: "S2", what: "decided to answer", points: ["decided"] },
  { step: "S3", what: "prompt fetched", points: ["fetched"] },
  { step: "S4", what: "inference", points: ["token"] },
  { step: "S5", what: "results on disk", points: ["answered"] },
  { step: "S6", what: "commitment made", points: ["committing", "saved"] },
  { step: "S7", what: "commit signed", points: ["stored:commit"] },
  { step: "S8", what: "commit pending", points: ["broadcast:commit"] },
  { step: "S9", what: "commit mined", points: ["mined:commit"] },
  { step: "S10", what: "results published", points: ["released"] },
  { step: "S11", what: "reveal signed, and pending", points: ["stored:reveal", "broadcast:reveal"] },
  { step: "S12", what: "reveal mined", points: ["mined:reveal"] },
  { step: "S13", what: "claim", points: ["claiming", "stored:claim", "broadcast:claim", "mined:claim"] },
];

interface Row {
  step: string;
  point: string;
  what: string;
  killed: boolean;
  commitments: number;
  outcome: "revealed" | "never committed" | "claimed once" | "lost";
  seconds: number;
  survived: boolean;
}

const options = new Command("npm run kill-matrix --")
  .description("Kills a node with SIGKILL at each step of a task's life, starts it again, and looks at what became of its seat.")
  .option("--json", "one JSON object on standard output", false)
  .option("--out <file>", "also write the result there", path.join(ROOT, "bench", "kill-matrix.json"))
  .option("--step <step>", "only this step, for example S7")
  .parse()
  .opts<{ json: boolean; out: string; step?: string }>();

const say = (text: string) => process.stderr.write(`${text}\n`);

async function killedAt(point: string, args: string[]): Promise<boolean> {
  const daemon = run(args, { CORROBORATE_CRASH_AT: point });
  const limit = setTimeout(() => daemon.process.kill("SIGTERM"), 60_000);
  await daemon.exited;
  clearTimeout(limit);
  return daemon.process.signalCode === "SIGKILL";
}

/** Mines what waits, and a block a second, until told to stop. */
function mining(bench: OneSeat): () => Promise<void> {
  let on = true;
  const done = (async () => {
    for (let minedAt = performance.now(); on;) {
      if ((await bench.pool()).length > 0 || performance.now() - minedAt > 1_000) {
        await bench.mine(1);
        minedAt = performance.now();
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return async () => {
    on = false;
    await done;
  };
}

async function seatRow(bench: OneSeat, step: string, what: string, point: string): Promise<Row> {
  const started = performance.now();
  bench.begin("refuses");
  const args = flags(bench.network, 1);
  const task = await bench.submit();
  const stop = mining(bench);
  try {
    const killed = await killedAt(point, args);
    await bench.start();
    await eventually(async () => (await bench.facts(task)).status === Status.Accepted, `the end of the task cut at ${point}`, 60_000);
    const commitments = await bench.commitments(task);
    const { revealed } = await bench.facts(task);
    const outcome = revealed === 1 ? "revealed" : commitments.length === 0 ? "never committed" : "lost";
    const survived = killed && outcome !== "lost" && new Set(commitments).size === commitments.length && commitments.length <= 1;
    const seconds = Number(((performance.now() - started) / 1_000).toFixed(1));
    return { step, point, what, killed, commitments: commitments.length, outcome, seconds, survived };
  } finally {
    await stop();
    await bench.end();
  }
}

/** The owner's withdrawal, cut off and asked for again: what is owed is paid once. */
async function claimRow(bench: OneSeat, step: string, what: string, point: string): Promise<Row> {
  const started = performance.now();
  bench.begin("refuses");
  await bench.start();
  const task = await bench.submit();
  await bench.settled(task);
  await bench.kill();
  await bench.automatic(true);
  const { network } = bench;
  const owner = network.operators[0]!.address;
  const [before, owed] = await Promise.all([network.views.corBalance(owner), network.views.owedToNode(1)]);
  const keyFile = path.join(network.folder, "owner.key");
  writeFileSync(keyFile, network.operators[0]!.privateKey, { mode: 0o600 });
  const [, ...rest] = flags(network, 1);
  const args = ["claim", ...rest, "--owner-key-file", keyFile, "--json"];
  const killed = await killedAt(point, args);
  const again = spawn(process.execPath, [path.join(ROOT, "offchain/node/cli.ts"), ...args], { cwd: ROOT, stdio: "ignore" });
  await once(again, "exit");
  const after = await network.views.corBalance(owner);
  await bench.automatic(false);
  await bench.end();
  const commitments = (await bench.commitments(task)).length;
  const paidOnce = owed > 0n && after - before === owed && (await network.views.owedToNode(1)) === 0n;
  if (!paidOnce) say(`  owed ${formatEther(owed)}, paid ${formatEther(after - before)}`);
  const seconds = Number(((performance.now() - started) / 1_000).toFixed(1));
  return { step, point, what, killed, commitments, outcome: paidOnce ? "claimed once" : "lost", seconds, survived: killed && paidOnce };
}

const bench = await OneSeat.open();
const rows: Row[] = [];
try {
  for (const { step, what, points } of STEPS.filter(({ step: one }) => options.step === undefined || one === options.step)) {
    for (const point of points) {
      const one = step === "S13" ? claimRow : seatRow;
      const row = await one(bench, step, what, point).catch((error: unknown): Row => {
        say(`  ${error instanceof Error ? error.message : String(error)}`);
        return { step, point, what, killed: false, commitments: -1, outcome: "lost", seconds: 0, survived: false };
      });
      rows.push(row);
      say(
        `${row.survived ? "✔" : "✖"} ${step.padEnd(4)} ${what}, killed at ${point}: ${row.outcome}, ${row.commitments} commitment (${row.seconds} s)`,
      );
    }
  }
} finally {
  await bench.close();
}
const steps = new Set(rows.map(({ step }) => step));
const lost = new Set(rows.filter(({ survived }) => !survived).map(({ step }) => step));
const result = { steps: steps.size, survived: steps.size - lost.size, kills: rows.length, rows };
if (options.step === undefined) writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else say(`${result.survived} of ${result.steps} steps survived`);
process.exit(lost.size === 0 ? 0 : 1);
