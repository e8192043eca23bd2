import { readFileSync } from "node:fs";
import { expect } from "chai";
import { measureRounds, type RoundGas } from "../../bench/roundSteps.ts";
import { type GasTable, measure } from "../../bench/scenarios.ts";

/** What a change may cost more before somebody must look at it: then run `npm run bench:gas -- --write` and say why. */
const MORE = 1.02;
/** A draw takes a candidate by chance, so that medians of draws differ by so much from run to run. */
const CHANCE = 1.05;
const MOST_BYTECODE = 24_576;

describe("Gas table", () => {
  const kept = JSON.parse(readFileSync(new URL("../../bench/gas.json", import.meta.url), "utf8")) as GasTable;
  let found: GasTable;
  before(async () => {
    found = await measure();
  });

  it("every step of every scenario costs at most 2 % more than bench/gas.json says", () => {
    expect(Object.keys(found.steps), "scenarios").to.deep.equal(Object.keys(kept.steps));
    for (const [scenario, steps] of Object.entries(kept.steps)) {
      expect(Object.keys(found.steps[scenario]!), `steps of ${scenario}`).to.deep.equal(Object.keys(steps));
      for (const [step, gas] of Object.entries(steps)) {
        expect(found.steps[scenario]![step]!, `${scenario}: ${step}, ${gas} gas before`).to.be.at.most(gas * MORE);
      }
    }
  });

  it("every step of a round among ten nodes costs at most 2 % more than bench/rounds-gas.json says", async () => {
    const { rounds } = JSON.parse(readFileSync(new URL("../../bench/rounds-gas.json", import.meta.url), "utf8")) as { rounds: RoundGas };
    for (const [kind, { steps }] of Object.entries(await measureRounds(10))) {
      const before = rounds[kind]!.steps;
      expect(Object.keys(steps), `steps of ${kind}`).to.deep.equal(Object.keys(before));
      for (const [step, gas] of Object.entries(before))
        expect(steps[step]!, `${kind}: ${step}, ${gas} gas before`).to.be.at.most(gas * (step.startsWith("draw ") ? CHANCE : MORE));
    }
  });

  it("every contract is at most 2 % larger than bench/gas.json says, and fits on a chain", () => {
    expect(Object.keys(found.bytecode), "contracts").to.deep.equal(Object.keys(kept.bytecode));
    for (const [name, size] of Object.entries(kept.bytecode)) {
      expect(found.bytecode[name]!, `${name}, ${size} bytes before`).to.be.at.most(Math.min(size * MORE, MOST_BYTECODE));
    }
  });
}).timeout(180_000);
