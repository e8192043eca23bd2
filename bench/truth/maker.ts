// Makes claims in a process of its own, on whatever CPU variant its folder leaves to it. Called by bench/truth.ts with one JSON argument.
import { pathToFileURL } from "node:url";
import { type Build, instructionSets, type Made, openEngine } from "./engine.ts";
import { probes } from "./probes.ts";
import { Records } from "./records.ts";

/** Somebody who answers probes. */
export interface Maker {
  name: string;
  build: Build;
  /** Put before the question without saying so. */
  system?: string;
}

export interface MakerTask {
  answers: number;
  seed: number;
  makers: (Maker & { file: string })[];
}

export type MadeRow = Made & { i: number };

async function main(task: MakerTask): Promise<void> {
  const asked = probes(task.answers, task.seed);
  for (const { name, build, system, file } of task.makers) {
    const made = new Records<MadeRow>(file);
    const missing = asked.map((_, i) => i).filter((i) => !made.rows.has(i));
    if (missing.length === 0) continue;
    const engine = await openEngine(build, name);
    for (const i of missing) {
      const probe = asked[i]!;
      const messages = system === undefined ? probe.messages : [{ role: "system" as const, content: system }, ...probe.messages];
      made.add({ i, ...(await engine.make({ ...probe, messages })) });
    }
    await engine.close();
    process.stdout.write(`${JSON.stringify({ name, made: missing.length })}\n`);
  }
  process.stdout.write(`${JSON.stringify({ instructionSets: await instructionSets() })}\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(JSON.parse(process.argv[2]!) as MakerTask);
  process.exit(0);
}
