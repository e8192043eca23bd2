// The whole network on this machine: npm start [-- --once] [-- --help]
import path from "node:path";
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { type Localnet, startLocalnet } from "./localnet/network.ts";
import { ROOT } from "./localnet/processes.ts";
import { askQuestion } from "./localnet/question.ts";

interface Options {
  once: boolean;
  json: boolean;
  question: string;
  nodes: number;
  validators: number;
  rpcPort: number;
  routerPort: number;
  poison?: number;
}

/** The local chain has accounts for so many. */
const MOST_PROGRAMS = 8;

const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`wanted a whole number from ${least} to ${most}`);
  return value;
};

const command = new Command("npm start --")
  .description(
    "Runs a Corroborate network on this machine: a chain, all contracts, a router and nodes that really infer; then asks one question.",
  )
  .option("--once", "end after the answer: code 0 only if it was verified and paid", false)
  .option("--json", "the last line of stdout is one JSON object about the answer; everything else goes to stderr", false)
  .option("--question <text>", "what to ask", "What is the capital of France?")
  .option("--nodes <count>", "how many nodes, 3 to 8", whole(3, 8), 4)
  .option(
    "--validators <count>",
    "so many nodes more, 0 to 4, that check every answer by the model itself before it is paid",
    whole(0, 4),
    0,
  )
  .option("--rpc-port <port>", "wanted port of the chain; the next free one where it is taken", whole(1, 65_000), 8545)
  .option("--router-port <port>", "wanted port of the router; the next free one where it is taken", whole(1, 65_000), 8080)
  .option("--poison <node>", "this node answers something else, to watch it become the outlier", whole(1, 8))
  .addHelpText("after", "\nState and logs lie in .demo/, made anew at every start. Ctrl-C ends everything in order.");
const options: Options = command.parse().opts();

const say = (text: string) => (options.json ? process.stderr : process.stdout).write(`${text}\n`);
const stopping = new AbortController();

function banner({ rpc, routerUrl, setting, programs }: Localnet): void {
  const { addresses } = setting.record;
  say(`\n${pc.bold("Corroborate on this machine")}`);
  say(`  chain          ${rpc}  (id 31337)`);
  for (const name of ["Runtime", "Session", "SessionQueue", "SessionPayment", "NodePool", "COR"] as const)
    say(`  ${name.padEnd(15)}${addresses[name]}`);
  say(
    `  model          ${setting.model.name}  ${setting.model.id.slice(0, 18)}…  (knows a toy world: capitals, sums, colours, short stories)`,
  );
  for (const { name, pid, logFile } of programs)
    say(`  ${name.padEnd(15)}process ${String(pid).padEnd(8)}log ${path.relative(ROOT, logFile)}`);
  say(`\n  dashboard      ${pc.bold(`${routerUrl}/`)}`);
  const question = `{"model":"${setting.model.name}","messages":[{"role":"user","content":"What is the capital of Peru?"}]}`;
  say(`\n  curl ${routerUrl}/v1/chat/completions -H 'content-type: application/json' \\\n    -d '${question}'`);
}

async function run(net: Localnet, startedAt: number): Promise<number> {
  banner(net);
  const secondsToReady = Number(((performance.now() - startedAt) / 1_000).toFixed(3));
  const result = await askQuestion(net, options.question, say, stopping.signal);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...result, secondsToReady, router: net.routerUrl })}\n`);
  if (options.once) return result.verified && result.paid ? 0 : 1;
  say(`\n${pc.dim("Everything keeps running. Ctrl-C ends it.")}`);
  await new Promise<void>((resolve) => stopping.signal.addEventListener("abort", () => resolve(), { once: true }));
  return 0;
}

async function main(): Promise<number> {
  const startedAt = performance.now();
  const { nodes, validators, rpcPort, routerPort, poison } = options;
  if (nodes + validators > MOST_PROGRAMS)
    throw new Error(`found ${nodes} nodes and ${validators} validators, wanted at most ${MOST_PROGRAMS} together; give a smaller --nodes`);
  const onStage = (text: string) => {
    say(`${pc.green("✔")} ${text}`);
    stopping.signal.throwIfAborted();
  };
  const folder = path.join(ROOT, ".demo");
  const net = await startLocalnet({ folder, nodes, validators, rpcPort, routerPort, onStage, ...(poison === undefined ? {} : { poison }) });
  try {
    return await run(net, startedAt);
  } finally {
    await net.stop();
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(130);
    say(pc.dim("\nending: nodes open what they have committed, then everything stops (once more to stop at once)"));
    stopping.abort();
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!stopping.signal.aborted) {
    process.stderr.write(`npm start: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
process.exit();
