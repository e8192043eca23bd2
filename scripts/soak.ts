// Many nodes, continuous load and faults on a real local network: npm run soak -- --minutes M [--nodes N] [--json]
//
// Real chain, router, nodes and inference. While questions come in, nodes are killed and started again as a service manager would. Counted are
// tasks that were lost, penalties of honest nodes, and how memory and journals grew. Ends with 1 where a task was lost or a node penalised.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { interfaces } from "../offchain/chain/abis.ts";
import { taskSettled } from "../offchain/protocol/events.ts";
import { Status } from "../offchain/protocol/types.ts";
import { startLocalnet } from "./localnet/network.ts";
import { freePort, type Program, startProgram } from "./localnet/processes.ts";

const options = new Command("npm run soak --")
  .option("--minutes <minutes>", "how long", "5")
  .option("--nodes <count>", "how many nodes, 3 to 8", "8")
  .option("--every <seconds>", "seconds between kills of a node", "45")
  .option("--json", "one JSON object on standard output", false)
  .option("--out <file>", "also write the result there")
  .parse()
  .opts<{ minutes: string; nodes: string; every: string; json: boolean; out?: string }>();

const minutes = Number(options.minutes);
const count = Number(options.nodes);
const say = (text: string) => process.stderr.write(`${text}\n`);
const folder = mkdtempSync(path.join(tmpdir(), "soak-"));
const net = await startLocalnet({
  folder,
  nodes: count,
  rpcPort: await freePort(18_545),
  routerPort: await freePort(18_080),
  onStage: say,
});
const { addresses } = net.setting.record;

/** How a node was started, read from its process, so that it is started again just so. */
function argumentsOf(program: Program): string[] {
  return readFileSync(`/proc/${program.pid}/cmdline`, "utf8").split("\0").slice(1, -1);
}

const rss = (pid: number): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
};
const journalBytes = () =>
  Array.from({ length: count }, (_, i) => path.join(folder, `node-${i + 1}`))
    .filter((directory) => existsSync(directory))
    .flatMap((directory) =>
      readdirSync(directory)
        .filter((file) => file.startsWith("journal"))
        .map((file) => statSync(path.join(directory, file)).size),
    )
    .reduce((sum, size) => sum + size, 0);

const end = performance.now() + minutes * 60_000;
const running = [...net.nodes];
const samples: { minute: number; memoryBytes: number; journalBytes: number }[] = [];
const outcome = { asked: 0, answered: 0, refused: 0, kills: 0 };
const questions = ["What is the capital of France?", "What is 12 plus 7?", "What is the colour of snow?", "What is the opposite of hot?"];

async function client(): Promise<void> {
  while (performance.now() < end) {
    outcome.asked++;
    const body = JSON.stringify({
      model: net.setting.model.name,
      messages: [{ role: "user", content: questions[outcome.asked % questions.length] }],
      max_tokens: 48,
    });
    const ok = await fetch(`${net.routerUrl}/v1/chat/completions`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
    if (ok) outcome.answered++;
    else outcome.refused++;
    await delay(1_000);
  }
}

async function killer(): Promise<void> {
  for (let i = 0; performance.now() < end - 30_000; i = (i + 1) % count) {
    await delay(Number(options.every) * 1_000);
    const program = running[i]!;
    const args = argumentsOf(program);
    process.kill(program.pid, "SIGKILL");
    await program.exited;
    outcome.kills++;
    running[i] = startProgram(`node ${i + 1}`, args, `${program.logFile}.${outcome.kills}`);
  }
}

async function sampler(): Promise<void> {
  const began = performance.now();
  while (performance.now() < end) {
    const memoryBytes = running.reduce((sum, { pid }) => sum + rss(pid), 0);
    samples.push({ minute: Number(((performance.now() - began) / 60_000).toFixed(1)), memoryBytes, journalBytes: journalBytes() });
    await delay(Math.min(60_000, minutes * 6_000));
  }
}

await Promise.all([client(), client(), killer(), sampler()]);
// What is open may end: the longest windows of the local session, and keepers' turns.
await delay(70_000);
const logs = await net.provider.getLogs({ address: addresses.SessionQueue, fromBlock: 0 });
const parsed = logs.map((log) => interfaces.SessionQueue.parseLog(log)).filter((event) => event !== null);
const born = parsed.filter(({ name }) => name === "TaskQueued").map(({ args }) => args.getValue("task") as bigint);
const settled = new Map(
  parsed
    .filter(({ name }) => name === "TaskSettled")
    .map(({ args }) => taskSettled(args as unknown as Record<string, unknown>))
    .map((one) => [one.task, one.status]),
);
const slashes = (await net.provider.getLogs({ address: addresses.NodePool, fromBlock: 0 }))
  .map((log) => interfaces.NodePool.parseLog(log))
  .filter((event) => event?.name === "NodeSlashed" || event?.name === "NodeJailed").length;
const accepted = [...settled.values()].filter((status) => status === Status.Accepted).length;
const result = {
  minutes,
  nodes: count,
  ...outcome,
  tasks: born.length,
  accepted,
  otherEndings: settled.size - accepted,
  lostTasks: born.filter((task) => !settled.has(task)).length,
  slashes,
  restartsByHand: 0,
  firstSample: samples[0],
  lastSample: samples.at(-1),
  samples,
};
for (const program of running) await program.stop();
await net.stop();
rmSync(folder, { recursive: true, force: true });
if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else say(JSON.stringify({ ...result, samples: undefined }, null, 2));
process.exit(result.lostTasks === 0 && slashes === 0 ? 0 : 1);
