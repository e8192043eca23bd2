// The network working for itself: npm run rounds [-- --once --json] [-- --help]
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { formatEther } from "ethers";
import logUpdate from "log-update";
import pc from "picocolors";
import { Prober } from "./localnet/prober.ts";
import { ROOT } from "./localnet/processes.ts";
import { RoundsBook } from "./localnet/roundsBook.ts";
import { type RoundsNetwork, startRoundsNetwork } from "./localnet/roundsNetwork.ts";
import { roundRow, type RoundsPicture, roundsTable } from "./localnet/roundsTable.ts";

const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`wanted a whole number from ${least} to ${most}`);
  return value;
};

const options = new Command("npm run rounds --")
  .description(
    "Seven nodes and no users: the network asks itself, answers, scores, moves levels and pays, and probes its nodes as a user would. Three of the nodes are oracles too.",
  )
  .option(
    "--once",
    "end after one epoch: code 0 only if rounds of both kinds were judged, levels moved, and nodes were paid in all three lines",
    false,
  )
  .option("--json", "the last line of stdout is one JSON object; everything else goes to stderr", false)
  .option("--epoch <seconds>", "length of an epoch, a multiple of 30", whole(60, 2_880), 240)
  .option("--rpc-port <port>", "wanted port of the chain; the next free one where it is taken", whole(1, 65_000), 8545)
  .addHelpText("after", "\nState and logs lie in .rounds/, made anew at every start. Ctrl-C ends everything in order.")
  .parse()
  .opts<{ once: boolean; json: boolean; epoch: number; rpcPort: number }>();
if (options.epoch % 30 !== 0) {
  process.stderr.write(`npm run rounds: found an epoch of ${options.epoch} s, wanted a multiple of 30\n`);
  process.exit(2);
}

const NODES = 7;
const ORACLES = 3;
/** Probes of an epoch, one after another in one lease. */
const IN_A_ROW = 2;
/** Columns where the output is no terminal. */
const COLUMNS = 140;
const live = process.stdout.isTTY && !options.json;
const say = (text: string) => (options.json ? process.stderr : process.stdout).write(`${text}\n`);
const stopping = new AbortController();

const amounts = (found: { node: number; liveness: bigint; health: bigint; service: bigint }[]) =>
  Object.fromEntries(
    found.map(({ node, liveness, health, service }) => [
      node,
      { liveness: String(liveness), health: String(health), service: String(service) },
    ]),
  );

/** COR to the millionth, which people can read. */
const inCor = (amount: bigint) => String(Number(Number(formatEther(amount)).toFixed(6)));

async function closeEpoch(book: RoundsBook, epoch: number) {
  const rewards = await book.claimable(epoch);
  const claimed = await book.claim(epoch);
  const line = (name: "liveness" | "health" | "service") => inCor(rewards.reduce((sum, one) => sum + one[name], 0n));
  const total = [...claimed.values()].reduce((sum, one) => sum + one, 0n);
  if (live) logUpdate.done();
  say(`epoch ${epoch} paid ${inCor(total)} COR: liveness ${line("liveness")}, health ${line("health")}, service ${line("service")}`);
  return { rewards, claimed };
}

async function run(net: RoundsNetwork, book: RoundsBook, prober: Prober): Promise<number> {
  const columns = () => process.stdout.columns ?? COLUMNS;
  let epoch = await book.currentEpoch();
  let told = 0;
  while (!stopping.signal.aborted) {
    await book.follow();
    const { timestamp } = (await net.provider.getBlock("latest"))!;
    const nodes = await book.nodes(epoch);
    const rounds = [...book.rounds.values()];
    const picture = { rounds, nodes, probes: prober.probes, epoch, left: (epoch + 1) * options.epoch - timestamp, oracles: ORACLES };
    if (live) logUpdate(roundsTable(picture, columns()));
    else for (; told < rounds.length && rounds[told]!.ending !== undefined; told++) say(roundRow(rounds[told]!, columns()));
    if ((await book.currentEpoch()) > epoch) {
      const found = await closeEpoch(book, epoch);
      if (options.once) return report(picture, found);
      epoch++;
    }
    await delay(1_000, undefined, { signal: stopping.signal }).catch(() => {});
  }
  if (live) logUpdate.done();
  return options.once ? 1 : 0;
}

function report(picture: RoundsPicture, { rewards, claimed }: Awaited<ReturnType<typeof closeEpoch>>): number {
  const { rounds, nodes, probes, epoch } = picture;
  if (options.json) {
    const result = {
      epoch,
      rounds,
      levels: Object.fromEntries(nodes.map(({ node, level }) => [node, level])),
      rewards: amounts(rewards),
      claimed: Object.fromEntries([...claimed].map(([node, amount]) => [node, String(amount)])),
      probes,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else if (!live) say(roundsTable(picture, COLUMNS));
  const judged = (kind: string) => rounds.some((one) => one.kind === kind && one.ending === "judged");
  const climbed = nodes.some(({ level }) => level > 0);
  const paid = (["liveness", "health", "service"] as const).every((line) => rewards.some((one) => one[line] > 0n));
  const claims = [...claimed.values()].some((amount) => amount > 0n);
  return judged("liveness") && judged("capability") && climbed && paid && claims ? 0 : 1;
}

async function main(): Promise<number> {
  const net = await startRoundsNetwork({
    folder: path.join(ROOT, ".rounds"),
    nodes: NODES,
    oracles: ORACLES,
    epoch: options.epoch,
    rpcPort: options.rpcPort,
    signal: stopping.signal,
    onStage: (text) => say(`${pc.green("✔")} ${text}`),
  });
  const book = new RoundsBook(net);
  // A round of the second kind needs all seven nodes, one of the first kind five: after the former two can be spared.
  const mayBegin = () => [...book.rounds.values()].findLast(({ ending }) => ending !== undefined)?.kind === "capability";
  const ending = new AbortController();
  let prober: Prober | undefined;
  try {
    prober = await Prober.open(net);
    say(`${pc.green("✔")} a session for probes is open: questions whose answers are known`);
    const until = AbortSignal.any([stopping.signal, ending.signal]);
    const probing = prober.run(until, { inARow: IN_A_ROW, every: options.epoch, mayBegin });
    const code = await run(net, book, prober);
    ending.abort();
    await probing;
    return code;
  } finally {
    ending.abort();
    await prober?.close();
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
    process.stderr.write(`npm run rounds: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
process.exit();
