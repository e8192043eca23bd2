// Runs in the built project. Told numbers of mutants by its parent, answers with what became of each.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Arena, type Reach, type Unit } from "./arena.ts";
import { BUDGET_MS } from "./budget.ts";
import type { Mutant } from "./switched.ts";

export interface Outcome {
  outcome: "killed" | "survived" | "unreached" | "timeout";
  killer?: string;
  /** Tests that ran. */
  tests: number;
  ms: number;
}
export type Order = { id: number } | { trace: true };
export type Answer = { ready: true } | { traced: number } | ({ id: number } & Outcome) | { said: string };

const project = process.cwd();
const REACH = path.join(project, "reach.json");
const FIRST = 4;

const tell = (answer: Answer): void => void process.send!(answer);
interface Traced {
  reach: Reach[];
  unfit: string[];
  /** Test files (and the word "solidity") that were traced. */
  files: string[];
}
const known: Traced = existsSync(REACH) ? (JSON.parse(readFileSync(REACH, "utf8")) as Traced) : { reach: [], unfit: [], files: [] };
const [kind, ...wanted] = process.argv.slice(2);
const isFile = (name: string): boolean => name.endsWith(".ts");

if (kind === "trace") {
  const fresh = wanted.filter((name) => !known.files.includes(name));
  const tracer = await Arena.open(project, true, fresh.filter(isFile));
  const { reach, unfit } = await tracer.trace(fresh.includes("solidity"), (said) => tell({ said }));
  const all: Traced = { reach: [...known.reach, ...reach], unfit: [...known.unfit, ...unfit], files: [...known.files, ...fresh] };
  writeFileSync(REACH, JSON.stringify(all));
  tell({ traced: reach.length });
  process.exit(0);
}
const arena = await Arena.open(project, false, known.files.filter(isFile));

const mutants = JSON.parse(readFileSync(path.join(project, "mutants.json"), "utf8")) as Mutant[];
const { reach } = known;
const own = new Map<number, Unit[]>();
const setup = new Map<number, Unit[]>();
for (const entry of reach) {
  for (const id of entry.own) own.set(id, [...(own.get(id) ?? []), entry.unit]);
  for (const id of entry.setup) setup.set(id, [...(setup.get(id) ?? []), entry.unit]);
}
/** How often a test was the first to notice a mutant of a contract: those are tried first. */
const kills = new Map<string, number>();

/** The tests that reach a mutant, the likeliest to notice it first; those whose setup alone reaches it come last. */
function candidates(mutant: Mutant): Unit[] {
  const near = own.get(mutant.id) ?? [];
  const far = (setup.get(mutant.id) ?? []).filter((unit) => !near.includes(unit));
  const merit = (unit: Unit): number => kills.get(`${mutant.contract}|${unit.name}`) ?? 0;
  const byMerit = (units: Unit[]): Unit[] => [...units].sort((a, b) => merit(b) - merit(a) || a.cost - b.cost);
  return [...byMerit(near), ...byMerit(far)];
}

function within(units: Unit[], budget: number): Unit[] {
  let spent = 0;
  return units.filter(({ cost }) => (spent += cost) <= budget);
}

async function judge(mutant: Mutant): Promise<Outcome> {
  const started = performance.now();
  const all = candidates(mutant);
  if (all.length === 0) return { outcome: "unreached", tests: 0, ms: 0 };
  arena.activate(mutant.id);
  const mocha = within(
    all.filter(({ kind }) => kind === "mocha"),
    BUDGET_MS,
  );
  const solidity = within(
    all.filter(({ kind }) => kind === "solidity"),
    BUDGET_MS,
  );
  const solidityFirst = solidity.length > 0 && (mocha.length === 0 || all.indexOf(solidity[0]!) < all.indexOf(mocha[0]!));
  const tryMocha = async (units: Unit[]): Promise<string | undefined> =>
    units.length === 0 ? undefined : arena.runMocha(new Set(units.map(({ name }) => name)));
  const trySolidity = async (units: Unit[]): Promise<string | undefined> =>
    units.length === 0 ? undefined : (await arena.runSolidity(units.map(({ name }) => name)))[0];
  const steps = [
    () => (solidityFirst ? trySolidity(solidity.slice(0, 1)) : tryMocha(mocha.slice(0, FIRST))),
    () => (solidityFirst ? tryMocha(mocha.slice(0, FIRST)) : trySolidity(solidity.slice(0, 1))),
    () => tryMocha(mocha.slice(FIRST)),
    () => trySolidity(solidity.slice(1)),
  ];
  for (const step of steps) {
    const killer = await step();
    if (killer === undefined) continue;
    const place = `${mutant.contract}|${killer}`;
    kills.set(place, (kills.get(place) ?? 0) + 1);
    return { outcome: "killed", killer, tests: mocha.length + solidity.length, ms: performance.now() - started };
  }
  return { outcome: "survived", tests: mocha.length + solidity.length, ms: performance.now() - started };
}

process.on("message", (order: { id: number }) => {
  void judge(mutants[order.id - 1]!).then((outcome) => tell({ id: order.id, ...outcome }));
});
process.on("disconnect", () => process.exit(0));
tell({ ready: true });
