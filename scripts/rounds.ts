// The network working for itself: npm run rounds [-- --once --json] [-- --help]
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { formatEther } from "ethers";
import logUpdate from "log-update";
import pc from "picocolors";
import { ROOT } from "./localnet/processes.ts";
import { type NodeLine, type RoundLine, RoundsBook } from "./localnet/roundsBook.ts";
import { type RoundsNetwork, startRoundsNetwork } from "./localnet/roundsNetwork.ts";

const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`wanted a whole number from ${least} to ${most}`);
  return value;
};

const options = new Command("npm run rounds --")
  .description(
    "Seven nodes and no users: the network asks itself, answers, scores, moves levels and pays. Three of the nodes are oracles too.",
  )
  .option("--once", "end after one epoch: code 0 only if rounds of both kinds were judged, levels moved, and nodes were paid", false)
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
const live = process.stdout.isTTY && !options.json;
const say = (text: string) => (options.json ? process.stderr : process.stdout).write(`${text}\n`);
const stopping = new AbortController();

const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width));

function roundRow({ round, kind, phase, ending, question, answers, validators }: RoundLine): string {
  const state =
    ending === undefined ? pc.cyan(cut(phase, 18)) : ending === "judged" ? pc.green(cut(ending, 18)) : pc.yellow(cut(ending, 18));
  const best = answers.find(({ agreed, score }) => agreed || (score ?? 0) > 0) ?? answers[0];
  const scores = validators.length > 0 ? answers.map(({ score }) => score ?? "-").join("/") : answers.filter((one) => one.agreed).length;
  return `${String(round).padStart(4)}  ${cut(kind, 10)} ${state} ${cut(question ?? "", 40)} ${cut(best?.text ?? "", 44)} ${scores}`;
}

function nodeRow({ node, level, weights, asked, done, uptimeBps }: NodeLine, rounds: RoundLine[]): string {
  const points = (weight: bigint) => (Number(weight) / 10_000).toFixed(1).padStart(8);
  const now = rounds.filter(({ ending }) => ending === undefined);
  const duty = now.flatMap(({ creator, preparer, answerers, validators }) => [
    ...(creator === node ? ["creates"] : []),
    ...(preparer === node ? ["prepares"] : []),
    ...(answerers.includes(node) ? ["answers"] : []),
    ...(validators.includes(node) ? ["scores"] : []),
  ]);
  const who = `${node}${node <= ORACLES ? " oracle" : ""}`;
  const sums = [weights.liveness, weights.health, weights.service].map(points).join("");
  return `  ${who.padEnd(10)}${String(level).padStart(5)}${sums}${`${done}/${asked}`.padStart(8)}${`${uptimeBps / 100} %`.padStart(9)}  ${duty.join(", ")}`;
}

function table(rounds: RoundLine[], nodes: NodeLine[], epoch: number, left: number): string {
  return [
    pc.bold(`Rounds of network work; epoch ${epoch} ends in ${left} s`),
    pc.dim(
      `   #  kind       state              question                                 answer                                       agree/scores`,
    ),
    ...rounds.slice(-8).map(roundRow),
    "",
    pc.dim("  node      level liveness  health service    done   uptime  now"),
    ...nodes.map((node) => nodeRow(node, rounds)),
  ].join("\n");
}

const amounts = (found: { node: number; liveness: bigint; health: bigint; service: bigint }[]) =>
  Object.fromEntries(
    found.map(({ node, liveness, health, service }) => [
      node,
      { liveness: String(liveness), health: String(health), service: String(service) },
    ]),
  );

async function closeEpoch(book: RoundsBook, epoch: number) {
  const rewards = await book.claimable(epoch);
  const claimed = await book.claim(epoch);
  const line = (name: "liveness" | "health" | "service") => formatEther(rewards.reduce((sum, one) => sum + one[name], 0n));
  const total = [...claimed.values()].reduce((sum, one) => sum + one, 0n);
  if (live) logUpdate.done();
  say(
    `epoch ${epoch} is over: liveness ${line("liveness")}, health ${line("health")}, service ${line("service")} COR; claimed ${formatEther(total)} COR`,
  );
  return { rewards, claimed };
}

async function run(net: RoundsNetwork): Promise<number> {
  const book = new RoundsBook(net);
  let epoch = await book.currentEpoch();
  let told = 0;
  while (!stopping.signal.aborted) {
    await book.follow();
    const { timestamp } = (await net.provider.getBlock("latest"))!;
    const nodes = await book.nodes(epoch);
    const rounds = [...book.rounds.values()];
    if (live) logUpdate(table(rounds, nodes, epoch, (epoch + 1) * options.epoch - timestamp));
    else for (; told < rounds.length && rounds[told]!.ending !== undefined; told++) say(roundRow(rounds[told]!));
    if ((await book.currentEpoch()) > epoch) {
      const { rewards, claimed } = await closeEpoch(book, epoch);
      if (options.once) return report(rounds, nodes, rewards, claimed, epoch);
      epoch++;
    }
    await delay(1_000, undefined, { signal: stopping.signal }).catch(() => {});
  }
  if (live) logUpdate.done();
  return options.once ? 1 : 0;
}

function report(
  rounds: RoundLine[],
  nodes: NodeLine[],
  rewards: Awaited<ReturnType<RoundsBook["claimable"]>>,
  claimed: Map<number, bigint>,
  epoch: number,
): number {
  const levels = Object.fromEntries(nodes.map(({ node, level }) => [node, level]));
  const paid = [...claimed].filter(([, amount]) => amount > 0n);
  if (options.json) {
    const result = {
      epoch,
      rounds,
      levels,
      rewards: amounts(rewards),
      claimed: Object.fromEntries([...claimed].map(([node, amount]) => [node, String(amount)])),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else say(table(rounds, nodes, epoch, 0));
  const judged = (kind: string) => rounds.some((one) => one.kind === kind && one.ending === "judged");
  const climbed = nodes.some(({ level }) => level > 0);
  return judged("liveness") && judged("capability") && climbed && paid.length > 0 ? 0 : 1;
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
  try {
    return await run(net);
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
    process.stderr.write(`npm run rounds: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
process.exit();
