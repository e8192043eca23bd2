import { readFileSync } from "node:fs";
import { expect } from "chai";
import { sampleSize } from "../../../offchain/protocol/sampling.ts";
import { CHAINS, DEFAULTS } from "../../../scripts/scale/assumptions.ts";
import { dayOf, leasesPerSecond, supplySeconds } from "../../../scripts/scale/day.ts";
import { draws } from "../../../scripts/scale/draws.ts";
import { eventSizes } from "../../../scripts/scale/events.ts";
import { measuredGas } from "../../../scripts/scale/inputs.ts";
import { breaksAt, MOST_NODES } from "../../../scripts/scale/limits.ts";
import { plotOf } from "../../../scripts/scale/plotOf.ts";
import { simulate, SIZES } from "../../../scripts/scale/simulation.ts";
import { standstill } from "../../../scripts/scale/standstill.ts";
import { tableOf } from "../../../scripts/scale/table.ts";
import { Random } from "../../simulation/random.ts";

const DAY = 86_400;
const read = (name: string) => readFileSync(new URL(`../../../bench/${name}`, import.meta.url), "utf8");

describe("simulate:scale", function () {
  this.timeout(30_000);
  const chain = CHAINS.find(({ name }) => name === "baseSepolia")!;
  const still = (perSecond: number, seed = 1) => standstill({ perSecond, blockSeconds: 1, seedDelay: 3, seconds: DAY }, new Random(seed));

  it("lists move while draws do not overlap, and hardly while they always do; the longest standstill is that of a queue without end", () => {
    expect(still(0)).to.deep.equal({ movingShare: 1, longest: 0 });
    expect(still(0.001).movingShare).to.be.greaterThan(0.999);
    const rates = [0.1, 0.3, 0.6, 1, 2, 100].map((rate) => still(rate));
    for (const [i, { movingShare, longest }] of rates.entries()) {
      expect(movingShare).to.be.lessThan(rates[i - 1]?.movingShare ?? 1);
      expect(longest).to.be.at.least(rates[i - 1]?.longest ?? 0);
    }
    // Requests that are pending for three blocks begin a standstill only where another comes within them.
    expect(rates[0]!.movingShare).to.be.within(0.9, 0.99);
    expect(rates.at(-1)!.longest).to.be.greaterThan(DAY - 10);
    expect(still(0.5), "the same seed").to.deep.equal(still(0.5));
    expect(still(0.5), "another").not.to.deep.equal(still(0.5, 2));
  });

  it("a draw is as good from a million nodes as from a thousand: rolls do not grow, full scores are drawn twice as often", () => {
    for (const nodes of [1_000, 100_000]) {
      const { meanRolls, favour, short } = draws(nodes, 3, 400, new Random(7));
      // A seat takes 1 / 0.75 rolls where half of the nodes are taken always and half every second time.
      expect(meanRolls).to.be.within(3.7, 4.3);
      expect(favour).to.be.within(1.7, 2.3);
      expect(short).to.equal(0);
    }
  });

  it("a day follows from the protocol's sampling, the network's parameters and the measured gas", () => {
    const [gas, sizes] = [measuredGas(), eventSizes()];
    const day = dayOf(1_000, DEFAULTS, chain, gas, sizes);
    expect(day).to.include({ answers: 24_000, tasks: 8_000, sampled: Number(sampleSize(8_000n)) });
    expect(day.leases).to.be.closeTo(4_000, 1e-6);
    expect(day.gas.pings).to.equal(1_000 * 48 * gas.ping);
    expect(day.gas.tasks).to.equal(8_000 * gas.task);
    expect(day.events).to.equal(8_000 * sizes.task.events + day.leases * 4 + 4 * 48);
    const tenfold = dayOf(10_000, DEFAULTS, chain, gas, sizes);
    expect(tenfold.gas.rounds, "rounds are opened by the clock").to.equal(day.gas.rounds);
    expect(tenfold.daysToTurn).to.be.closeTo(10 * day.daysToTurn, 1e-9);
    expect(leasesPerSecond(10_800, DEFAULTS) * DAY).to.be.closeTo((10_800 / 2 / 3) * 24, 1e-6);
    expect(supplySeconds({ ...DEFAULTS, leasedShare: 0.75 })).to.be.closeTo(1_200, 1e-9);
  });

  it("finds where a limit is reached, to 1 %", () => {
    expect(breaksAt({ load: (nodes) => nodes / 12_345 })).to.be.within(12_345, 12_345 * 1.01);
    expect(breaksAt({ load: () => 0.5 })).to.equal(null);
    expect(breaksAt({ load: () => 2 })).to.equal(16);
    expect(breaksAt({ load: (nodes) => nodes / MOST_NODES })).to.equal(MOST_NODES);
  });

  it("the committed result and plot are those of its seed and assumptions, and fit a terminal of 80 columns", () => {
    const { measured, ...committed } = JSON.parse(read("scale.json"));
    expect(committed.draws.map(({ nodes }: { nodes: number }) => nodes)).to.deep.equal(SIZES);
    expect(measured.sizes).to.have.length(SIZES.length);
    const settings = { seed: committed.seed, use: committed.assumptions, gas: committed.gas };
    const again = simulate({ ...settings, sizes: [1_000] });
    expect(again.chains.map(({ limits }) => limits)).to.deep.equal(committed.chains.map(({ limits }: { limits: unknown }) => limits));
    expect(again.chains.map(({ days }) => days[0])).to.deep.equal(committed.chains.map(({ days }: { days: unknown[] }) => days[0]));
    expect(again.draws[0]).to.deep.equal(committed.draws[0]);
    expect(read("scale.svg")).to.equal(plotOf(settings));
    // Gas moves a little with every change of the contracts; where it moves more, the simulation is to be run again.
    for (const [name, value] of Object.entries(measuredGas())) expect(committed.gas[name] / value, name).to.be.within(0.9, 1.1);
    const lines = tableOf({ ...committed, measured }).split("\n");
    expect(lines.filter((line) => line.length > 80)).to.deep.equal([]);
  });

  it("docs/scale.md tells the committed figures", () => {
    const { chains } = JSON.parse(read("scale.json"));
    const page = readFileSync(new URL("../../../docs/scale.md", import.meta.url), "utf8");
    for (const { chain: name, limits } of chains) {
      const at = (limit: string) => limits.find((one: { name: string }) => one.name === limit).breaksAt?.toLocaleString("en") ?? "never";
      expect(page).to.match(
        new RegExp(`\\| ${name} +\\| +${at("lists")} +\\| +${at("rounds")} +\\| +${at("gas")} +\\| +${at("line")} +\\|`),
      );
    }
  });
});
