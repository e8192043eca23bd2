import { rng, sample } from "../../models/world.mjs";
import type { Sampling } from "../../offchain/protocol/manifest.ts";
import type { Probe } from "./engine.ts";

/** Shortest right answer, in characters, of a task that is asked: the mean answer then has about 35 tokens. */
const SHORTEST = 40;
const SEED = 0x7a11;

const sampling: Sampling = {
  temperature: 0,
  topP: 1,
  topK: 0,
  seed: 0,
  maxTokens: 160,
  stop: [],
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatPenalty: 1,
};

/** The temperature of a probe: half of them greedy, half at 0.8, in turn. */
export const temperatureOf = (index: number): number => (index % 2 === 0 ? 0 : 0.8);

/** Different prompts of the toy world, always the same ones. */
export function probes(count: number, seed = SEED): Probe[] {
  const random = rng(seed);
  const seen = new Set<string>();
  const made: Probe[] = [];
  while (made.length < count) {
    const [question, answer] = sample(random).qa;
    if (answer.length < SHORTEST || seen.has(question)) continue;
    seen.add(question);
    const temperature = temperatureOf(made.length);
    made.push({ messages: [{ role: "user", content: question }], sampling: { ...sampling, temperature }, jobSeed: `truth:${made.length}` });
  }
  return made;
}
