// How well agreement is told: npm run bench:agreement -- [--json] [--write] [--help]
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { LlamaEngine } from "../offchain/inference/llama.ts";
import { loadModels, modelNamed } from "../offchain/inference/models.ts";
import { semanticSketch } from "../offchain/inference/semanticSketch.ts";
import { distance } from "../offchain/protocol/sketch.ts";
import { localParameters } from "../scripts/parameters.ts";
import { plotRoc } from "./agreement/plot.ts";
import { areaUnder, bestCut, cosineOf, type Pair, pointAt, rocOf, standardError } from "./agreement/roc.ts";
import type { AnswerFixture } from "./fixtures.ts";

const ROOT = path.dirname(import.meta.dirname);
const options = new Command("npm run bench:agreement --")
  .description(
    "Compares right answers with paraphrases, wrong answers and nonsense (test/fixtures/answers.json): by cosine, by Euclidean distance, and by the 256-bit sketches that the contract compares.",
  )
  .option("--json", "one JSON object on stdout", false)
  .option("--write", "keep the result in bench/agreement.json and the curves in bench/agreement.svg", false)
  .parse()
  .opts<{ json: boolean; write: boolean }>();

const items = JSON.parse(readFileSync(path.join(ROOT, "test/fixtures/answers.json"), "utf8")) as AnswerFixture[];
const list = await loadModels(path.join(ROOT, "models/registry.json"));
const embed = modelNamed(list, "toy-embed-q8_0");
const engine = await LlamaEngine.start({ model: modelNamed(list), embed });

interface Embedded {
  vector: number[];
  sketch: string;
}
const known = new Map<string, Embedded>();
async function embedded(text: string): Promise<Embedded> {
  const found = known.get(text);
  if (found !== undefined) return found;
  const vector = await engine.embed(text);
  const made = { vector, sketch: semanticSketch(vector, embed.sha256) };
  known.set(text, made);
  return made;
}

async function pairOf(a: string, b: string, alike: boolean): Promise<Pair> {
  const [x, y] = [await embedded(a), await embedded(b)];
  const cosine = x.vector.reduce((sum, value, i) => sum + value * y.vector[i]!, 0);
  const euclidean = -Math.hypot(...x.vector.map((value, i) => value - y.vector[i]!));
  return { alike, cosine, euclidean, sketch: -distance(x.sketch, y.sketch) };
}

const kinds: Record<"paraphrases" | "wrong" | "nonsense", Pair[]> = { paraphrases: [], wrong: [], nonsense: [] };
for (const item of items)
  for (const kind of ["paraphrases", "wrong", "nonsense"] as const)
    for (const text of item[kind]) kinds[kind].push(await pairOf(item.right, text, kind === "paraphrases"));
/** A right answer and the same sentence with another number in it: what an agreement must not take for one meaning. */
const numbers: Pair[] = [];
for (const { right } of items) {
  const other = right.replace(/\d+(?=\D*$)/u, (number) => String(Number(number) + 1));
  if (other !== right) numbers.push(await pairOf(right, other, false));
}
await engine.close();

const pairs = Object.values(kinds).flat();
const errors = pairs.map(({ cosine, sketch }) => ({ error: cosineOf(-sketch) - cosine, expected: standardError(cosine) }));
const rms = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
const round = (value: number) => Number(value.toFixed(5));
const share = (some: Pair[], cut: number) => round(some.filter(({ sketch }) => -sketch <= cut).length / some.length);
const agreement = localParameters().models[0]!.agreement;
const measures = ["cosine", "euclidean", "sketch"] as const;
const curves = Object.fromEntries(measures.map((measure) => [measure, rocOf(pairs, measure)])) as Record<
  (typeof measures)[number],
  ReturnType<typeof rocOf>
>;
const atCut = (cut: number) => ({
  bits: cut,
  cosine: round(cosineOf(cut)),
  paraphrases: share(kinds.paraphrases, cut),
  wrong: share(kinds.wrong, cut),
  nonsense: share(kinds.nonsense, cut),
  otherNumber: share(numbers, cut),
});
/** Cuts whose trade-off docs/evidence.md tells. */
const CUTS = [45, 60, 73, 83];
const best = bestCut(curves.sketch);
const result = {
  embedder: embed.sha256,
  pairs: {
    paraphrases: kinds.paraphrases.length,
    wrong: kinds.wrong.length,
    nonsense: kinds.nonsense.length,
    otherNumber: numbers.length,
  },
  areaUnderCurve: Object.fromEntries(measures.map((measure) => [measure, round(areaUnder(pairs, measure))])),
  /** Shares that agree by sketch: at the cut that tells most, and at the one that models are registered with. */
  best: atCut(-best.cut),
  registered: atCut(agreement),
  cuts: CUTS.map(atCut),
  /** By true cosine at the cosine that the registered cut stands for: what the sketch estimates. */
  registeredByCosine: pointAt(pairs, "cosine", cosineOf(agreement)),
  sketchError: {
    cosineRms: round(rms(errors.map(({ error }) => error))),
    cosineMost: round(Math.max(...errors.map(({ error }) => Math.abs(error)))),
    predictedRms: round(rms(errors.map(({ expected }) => expected))),
    withinTwoStandardErrors: round(errors.filter(({ error, expected }) => Math.abs(error) <= 2 * expected + 1e-9).length / errors.length),
  },
  curves: Object.fromEntries(
    measures.map((measure) => [
      measure,
      curves[measure]
        .filter((_, i) => measure === "sketch" || i % 8 === 0)
        .map(({ cut, agree, falselyAgree }) => [round(cut), round(agree), round(falselyAgree)]),
    ]),
  ),
};
const svg = plotRoc(
  [
    { name: `true cosine (area ${result.areaUnderCurve["cosine"]})`, colour: "#1f6feb", points: curves.cosine },
    { name: `256-bit sketch (area ${result.areaUnderCurve["sketch"]})`, colour: "#d1242f", points: curves.sketch },
  ],
  "Agreement: paraphrases against wrong answers and nonsense",
);
if (options.write) {
  writeFileSync(path.join(ROOT, "bench/agreement.svg"), svg);
  writeFileSync(path.join(ROOT, "bench/agreement.json"), `${JSON.stringify(result)}\n`);
}
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  const { areaUnderCurve, registered, sketchError } = result;
  process.stdout.write(`area under the curve: ${JSON.stringify(areaUnderCurve)}\n`);
  process.stdout.write(`best cut: ${JSON.stringify(result.best)}\nregistered cut: ${JSON.stringify(registered)}\n`);
  console.table(result.cuts);
  process.stdout.write(`error of the sketch's cosine: ${JSON.stringify(sketchError)}\n`);
}
