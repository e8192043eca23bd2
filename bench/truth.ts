// Who is caught, and who is accused falsely: npm run bench:truth -- [--answers N] [--json] [--write] [--calibrate] [--fresh] [--help]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { loadModels, modelNamed, verifyModelFile } from "../offchain/inference/models.ts";
import { DEFAULT_GENUINENESS_RULE } from "../offchain/protocol/genuineness.ts";
import { calibrate, CannotTell } from "./truth/calibration.ts";
import { edited, type Forgery, madeUp, trueClaim, truncated } from "./truth/cheats.ts";
import { writeCheckpoint } from "./truth/checkpoint.ts";
import { type BenchEngine, instructionSets, openEngine, type Probe } from "./truth/engine.ts";
import type { Maker, MadeRow, MakerTask } from "./truth/maker.ts";
import { probes } from "./truth/probes.ts";
import { Records } from "./truth/records.ts";
import { type JudgedRow, summarise, type Summary, tokensToCatch } from "./truth/report.ts";
import { canForce, forceVariant, ROOT, VARIANTS } from "./truth/variants.ts";

const CHECKPOINT_SIGMA = 0.03;
const HIDDEN = "You are a worker in a network. Answer with care.";
/** Says that the claim comes from another engine class, so that nothing is compared bit for bit: the hardest case for who checks. */
const OTHER_CLASS = "another admitted engine class";

const whole = (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 8) throw new InvalidArgumentError("wanted a whole number of at least 8");
  return value;
};
const command = new Command("npm run bench:truth --")
  .description("Judges the claims of honest miners on several CPU variants of the engine, and of every kind of cheat, by one reference.")
  .option("--answers <count>", "answers of each miner", whole, 500)
  .option("--seed <number>", "which prompts are asked", Number, 0x7a11)
  .option("--model <id>", "the registered model, from models/registry.json", "toy-world-f16")
  .option("--next <id>", "its next-cheaper quantisation", "toy-world-q8_0")
  .option("--calibrate", "only choose thresholds for --model; code 3 where it cannot be told from --next", false)
  .option("--json", "one JSON object on stdout, progress on stderr", false)
  .option("--write", "keep the result in bench/truth.json (with --calibrate in bench/truth.calibration.json)", false)
  .option("--fresh", "forget what an earlier run has made", false)
  .addHelpText(
    "after",
    "\nA run that was stopped goes on where it was; answers lie in .bench/truth/. About six CPU-minutes for 500 answers.",
  );
const options = command.parse().opts<{
  answers: number;
  seed: number;
  model: string;
  next: string;
  calibrate: boolean;
  json: boolean;
  write: boolean;
  fresh: boolean;
}>();

const say = (text: string) => process.stderr.write(`${text}\n`);
const folder = path.join(ROOT, ".bench/truth", `${options.model}-${options.seed}`);
const list = await loadModels(path.join(ROOT, "models/registry.json"));

const recordsOf = <Row extends { i: number }>(name: string) => new Records<Row>(path.join(folder, `${name}.jsonl`));
const registered = modelNamed(list, options.model);
const buildOf = (id: string) => {
  const { path: modelPath, contextTokens } = modelNamed(list, id);
  return { modelPath, contextTokens };
};

/** Lets a process on one CPU variant make the answers of these makers. Returns the instruction sets it took. */
async function make(variant: string, makers: Maker[]): Promise<string> {
  const root = variant === "native" ? ROOT : forceVariant(variant, folder);
  const task: MakerTask = {
    answers: options.answers,
    seed: options.seed,
    makers: makers.map((maker) => ({ ...maker, file: path.join(folder, `${maker.name}.jsonl`) })),
  };
  const child = spawn(process.execPath, [path.join(root, "bench/truth/maker.ts"), JSON.stringify(task)], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`the process that answers on CPU variant ${variant} ended with ${code}`);
  if (variant !== "native") rmSync(root, { recursive: true, force: true });
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { name?: string; made?: number; instructionSets?: string });
  for (const { name, made } of lines) if (name !== undefined) say(`  ${name}: ${made} answers`);
  return lines.at(-1)!.instructionSets!;
}

/** Judges rows by the reference, forged first where they are to be. */
async function judge(engine: BenchEngine, asked: Probe[], name: string, from: string, engineClass: string, forge?: Forgery) {
  const judged = recordsOf<JudgedRow>(`judged-${name}`);
  for (const row of recordsOf<MadeRow>(from).first(options.answers)) {
    if (judged.rows.has(row.i)) continue;
    const probe = asked[row.i]!;
    const made = forge === undefined ? row : await forge(engine, probe, row);
    if (made === undefined) continue;
    const { tokens, top, finish } = made;
    const { text: _, ...found } = await engine.judge(probe, { engineClass, tokens, top, finish }, DEFAULT_GENUINENESS_RULE);
    judged.add({ i: row.i, ...found });
  }
  const rows = judged.first(options.answers);
  say(`  ${name}: ${rows.filter(({ ok }) => !ok).length} of ${rows.length} rejected`);
  return rows;
}

async function honestRows(engine: BenchEngine, asked: Probe[], ownClass: string) {
  const build = buildOf(options.model);
  const classes: Record<string, string> = {};
  const rows: Record<string, JudgedRow[]> = {};
  for (const variant of VARIANTS) {
    classes[variant] = await make(variant, [{ name: `honest-${variant}`, build }]);
    const name = `honest-${variant}`;
    rows[variant] = await judge(engine, asked, name, name, classes[variant] === ownClass ? ownClass : classes[variant]);
  }
  return { classes, rows };
}

const shown = (name: string, { answers, rejected, rejectedWithinFour, delta }: Summary) =>
  `${name.padEnd(34)}${String(rejected).padStart(5)} of ${String(answers).padEnd(5)}${(100 * rejectedWithinFour).toFixed(1).padStart(7)} %   ${delta.least.toExponential(1)} .. ${delta.most.toExponential(1)}`;

function tell(result: object, file: string): void {
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  if (options.write) writeFileSync(path.join(ROOT, "bench", file), `${JSON.stringify(result, null, 2)}\n`);
}

async function main(): Promise<number> {
  if (options.fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await verifyModelFile(registered);
  const asked = probes(options.answers, options.seed);
  const ownClass = await instructionSets();
  const reference = await openEngine(buildOf(options.model), ownClass);
  const startedAt = performance.now();
  if (!canForce) say("only one CPU variant: others can be forced on linux-x64 alone");
  const { classes, rows: honest } = await honestRows(reference, asked, ownClass);
  const about = { model: options.model, sha256: registered.sha256, answers: options.answers, seed: options.seed, engines: classes };
  if (options.calibrate) {
    await make("native", [{ name: options.next, build: buildOf(options.next) }]);
    const cheap = await judge(reference, asked, options.next, options.next, OTHER_CLASS);
    const result = { ...about, next: options.next, ...calibrate(Object.values(honest).flat(), cheap) };
    say(`reject from ${result.rule.maxDelta} nats, flag from ${result.rule.flagDelta}`);
    say(
      `tried on other answers: ${result.falselyRejected} of ${result.honest} honest rejected, ${result.missed} of ${result.cheap} cheap missed`,
    );
    tell(result, "truth.calibration.json");
    return 0;
  }
  const checkpoint = path.join(folder, "checkpoint.gguf");
  await writeCheckpoint(registered.path, checkpoint, CHECKPOINT_SIGMA, 1);
  const build = buildOf(options.model);
  const cheapModels = ["toy-world-q8_0", "toy-world-q4km", "toy-world-q4_0"];
  await make("native", [
    ...cheapModels.map((name) => ({ name, build: buildOf(name) })),
    { name: "checkpoint", build: { ...build, modelPath: checkpoint } },
    { name: "hidden-prompt", build, system: HIDDEN },
    { name: "kv-8-bit", build: { ...build, kv8: true, flashAttention: true } },
    { name: "flash-attention", build: { ...build, flashAttention: true } },
  ]);
  const perCheat: Record<string, Summary & { tokensToCatch?: { greedy: number | null; warm: number | null } }> = {};
  for (const name of [...cheapModels, "checkpoint", "hidden-prompt", "kv-8-bit", "flash-attention"])
    perCheat[name] = summarise(await judge(reference, asked, name, name, OTHER_CLASS));
  for (const [name, forge] of Object.entries({ edited, truncated, "made-up": madeUp }))
    perCheat[name] = summarise(await judge(reference, asked, name, "honest-native", OTHER_CLASS, forge));
  for (const name of cheapModels) {
    const summary = summarise(await judge(reference, asked, `true-claim-${name}`, name, OTHER_CLASS, trueClaim));
    perCheat[`true-claim-${name}`] = {
      ...summary,
      tokensToCatch: { greedy: tokensToCatch(summary.far.greedy), warm: tokensToCatch(summary.far.warm) },
    };
  }
  const summaries = Object.fromEntries(Object.entries(honest).map(([variant, rows]) => [variant, summarise(rows)]));
  const honestRejected = Math.max(...Object.values(summaries).map(({ rejected }) => rejected));
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const result = { honestRejected, perCheat, honest: summaries, rule: DEFAULT_GENUINENESS_RULE, ...about, seconds };
  say(`\n${"".padEnd(34)}     rejected      within four   difference, nats`);
  for (const [variant, summary] of Object.entries(summaries)) say(shown(`honest, ${variant}`, summary));
  for (const [name, summary] of Object.entries(perCheat)) say(shown(name, summary));
  tell(result, "truth.json");
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench:truth: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof CannotTell ? 3 : 1;
}
process.exit();
