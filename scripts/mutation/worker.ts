// Runs in the built project. Told numbers of mutants by its parent, answers with what became of each.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Arena, type Reach } from "./arena.ts";
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
/** `alive`: another test has ended. */
export type Answer = { ready: true } | { alive: true } | { traced: number } | ({ id: number } & Outcome) | { said: string };

const project = process.cwd();
const REACH = path.join(project, "reach.json");
/** Time of a test beside what its chains take, and of a write on a chain, ms. */
const BASE_MS = 100;
const WRITE_MS = 8;

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
  const tracer = await Arena.open(project, fresh.filter(isFile));
  const { reach, unfit } = await tracer.trace(fresh.includes("solidity"), (said) => tell({ said }));
  const all: Traced = { reach: [...known.reach, ...reach], unfit: [...known.unfit, ...unfit], files: [...known.files, ...fresh] };
  writeFileSync(REACH, JSON.stringify(all));
  tell({ traced: reach.length });
  process.exit(0);
}
const arena = await Arena.open(project, known.files.filter(isFile));

const mutants = JSON.parse(readFileSync(path.join(project, "mutants.json"), "utf8")) as Mutant[];
/** A test that reaches a mutant. */
interface Try {
  reach: Reach;
  /** What is left of it from there on, ms. */
  cost: number;
  /** Share of the contract's mutants that it reaches: how much it is about the contract. */
  about: number;
}
const contractOf = new Map(mutants.map(({ id, contract }) => [id, contract]));
const tally = (ids: Iterable<number>): Map<string, number> => {
  const found = new Map<string, number>();
  for (const id of ids) {
    const contract = contractOf.get(id)!;
    found.set(contract, (found.get(contract) ?? 0) + 1);
  }
  return found;
};
const sizes = tally(contractOf.keys());
const tries = new Map<number, Try[]>();
for (const reach of known.reach) {
  const { unit, chains, own } = reach;
  const left = new Map<number, number>(own.map((id) => [id, unit.cost]));
  for (const { writes, reached } of chains)
    for (const [id, state] of reached) left.set(id, (left.get(id) ?? BASE_MS) + WRITE_MS * Math.max(1, writes - state));
  const counts = tally(left.keys());
  for (const [id, cost] of left) {
    const contract = contractOf.get(id)!;
    tries.set(id, [...(tries.get(id) ?? []), { reach, cost, about: counts.get(contract)! / sizes.get(contract)! }]);
  }
}
/** How often a test was the first to notice a mutant of a contract: those are tried first. */
const kills = new Map<string, number>();

/** The tests that reach a mutant, the likeliest to notice it first. */
function candidates({ id, contract, function: inside }: Mutant): Try[] {
  const of = (place: string, { reach }: Try): number => kills.get(`${place}|${reach.unit.name}`) ?? 0;
  const merit = (one: Try): number => of(contract, one) + 5 * of(`${contract}.${inside}`, one);
  const price = ({ cost, about }: Try): number => cost / (0.05 + about);
  return [...(tries.get(id) ?? [])].sort((a, b) => merit(b) - merit(a) || price(a) - price(b));
}

const ofKind = (all: readonly Try[], kind: Reach["unit"]["kind"]): Reach[] =>
  all.filter(({ reach }) => reach.unit.kind === kind).map(({ reach }) => reach);

async function judge(mutant: Mutant): Promise<Outcome> {
  const started = performance.now();
  const all = candidates(mutant);
  if (all.length === 0) return { outcome: "unreached", tests: 0, ms: 0 };
  let tests = 0;
  const killed = (killer: string): Outcome => {
    for (const place of [`${mutant.contract}|${killer}`, `${mutant.contract}.${mutant.function}|${killer}`])
      kills.set(place, (kills.get(place) ?? 0) + 1);
    return { outcome: "killed", killer, tests, ms: performance.now() - started };
  };
  const before = arena.recordingMs;
  for (const reach of ofKind(all, "mocha")) {
    if (performance.now() - started - (arena.recordingMs - before) > BUDGET_MS) break;
    tests++;
    if (await arena.noticed(reach, mutant.id)) return killed(reach.unit.name);
    tell({ alive: true });
  }
  let spent = 0;
  const solidity = ofKind(all, "solidity")
    .filter(({ unit }) => (spent += unit.cost) <= BUDGET_MS)
    .map(({ unit }) => unit.name);
  arena.activate(mutant.id);
  for (const some of [solidity.slice(0, 1), solidity.slice(1)]) {
    if (some.length === 0) continue;
    tests += some.length;
    const [killer] = await arena.runSolidity(some);
    if (killer !== undefined) return killed(killer);
  }
  return { outcome: "survived", tests, ms: performance.now() - started };
}

process.on("message", (order: { id: number }) => {
  void judge(mutants[order.id - 1]!).then((outcome) => tell({ id: order.id, ...outcome }));
});
process.on("disconnect", () => process.exit(0));
process.on("exit", (code) => {
  if (code !== 0) console.error(`mutation: the worker ends with ${code}`);
});
tell({ ready: true });
