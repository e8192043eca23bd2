import { type Assumptions, CHAINS } from "./assumptions.ts";
import { eventSizes } from "./events.ts";
import { type MeasuredGas, measuredGas } from "./inputs.ts";
import { limitsOf } from "./limits.ts";
import { type Line, plotLoads } from "./plot.ts";

const COLOURS: Record<string, string> = { lists: "#d1242f", gas: "#1f6feb", rounds: "#8250df", line: "#1a7f37", numbers: "#57606a" };
const DASHES: Record<string, string> = { sepolia: "#bc4c00", l3: "#bf3989" };
const SHOWN = "baseSepolia";
const STEPS = 48;

/** All limits on one chain, and what breaks first on the others. */
export function plotOf({ seed, use, gas = measuredGas() }: { seed: number; use: Assumptions; gas?: MeasuredGas }): string {
  const sizes = eventSizes();
  const nodes = Array.from({ length: STEPS + 1 }, (_, i) => Math.round(10 ** (3 + (4 * i) / STEPS)));
  const lines = CHAINS.flatMap((chain): Line[] =>
    limitsOf({ use, chain, gas, sizes, seed })
      .filter(({ name }) => chain.name === SHOWN || name === "lists")
      .map(({ name, load }) => {
        const other = chain.name === SHOWN ? undefined : DASHES[chain.name];
        return {
          name: `${chain.name}: ${name}`,
          colour: other ?? COLOURS[name]!,
          ...(other !== undefined && { dashed: true }),
          points: nodes.map((count) => ({ nodes: count, load: load(count) })),
        };
      }),
  );
  return plotLoads(lines, "What a network of so many nodes takes of what there is");
}
