// Writes test/fixtures/answers.json anew, always the same: node bench/fixtures.ts
import { writeFileSync } from "node:fs";
import { type Random, rng, TASKS } from "../models/world.mjs";

/** A question of the toy world, its right answer, and answers that mean the same, that are wrong, and that mean nothing. */
export interface AnswerFixture {
  task: string;
  question: string;
  right: string;
  paraphrases: string[];
  /** Right answers to other questions of the same kind: the hardest to tell. */
  wrong: string[];
  nonsense: string[];
}

const ITEMS = 160;
const SEED = 20_261;
/** Kinds whose right answer is one, and whose other answers are wrong. */
const KINDS = Object.keys(TASKS).filter((task) => !["chat", "unknown", "sentiment", "story", "evenodd", "kind", "listing"].includes(task));
/** None of these was in the embedder's training text. */
const FRAMES: ((answer: string) => string)[] = [
  (answer) => `Sure! ${answer}`,
  (answer) => `${answer} That is what I found.`,
  (answer) => `Well, ${lower(answer)}`,
  (answer) => `The answer is: ${answer}`,
  (answer) => `${answer} I hope this helps.`,
  (answer) => `As far as I know, ${lower(answer)}`,
];
const SYLLABLES = "ba de fi go lu ma ne pi ro su ta ve wi xo zu kra sto ple".split(" ");

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
const taskOf = (random: Random, task: string): [string, string] => TASKS[task]!(random, false);

function otherAnswer(random: Random, task: string, right: string): string {
  for (;;) {
    const [, answer] = taskOf(random, task);
    if (answer !== right) return answer;
  }
}

function nonsense(random: Random, task: string, right: string): string[] {
  const word = () => Array.from({ length: random.int(1, 3) }, () => random.pick(SYLLABLES)).join("");
  const words = Array.from({ length: random.int(4, 9) }, word).join(" ");
  const other = random.pick(KINDS.filter((kind) => kind !== task));
  return [
    words,
    otherAnswer(random, other, right),
    Array.from({ length: 6 }, () => random.pick(["the", "of", "a", "is", "and"])).join(" "),
  ];
}

const random = rng(SEED);
const seen = new Set<string>();
const items: AnswerFixture[] = [];
while (items.length < ITEMS) {
  const task = KINDS[items.length % KINDS.length]!;
  const [question, right] = taskOf(random, task);
  if (seen.has(question)) continue;
  seen.add(question);
  const paraphrases = random.sample(FRAMES, 2).map((frame) => frame(right));
  const wrong = [otherAnswer(random, task, right), otherAnswer(random, task, right)];
  items.push({ task, question, right, paraphrases, wrong, nonsense: nonsense(random, task, right) });
}
writeFileSync(new URL("../test/fixtures/answers.json", import.meta.url), `${JSON.stringify(items, null, 1)}\n`);
process.stderr.write(`${items.length} items\n`);
