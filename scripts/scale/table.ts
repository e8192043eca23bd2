import type { Measured, Simulation } from "./simulation.ts";

const WIDTH = 16;
const whole = (value: number) => Math.round(value).toLocaleString("en");
const short = (value: number, digits = 3) => Number(value.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits });

/** A text in lines that fit. */
const broken = (text: string): string[] => (text.match(/.{1,74}(?= |$)/g) ?? []).map((line) => `    ${line.trim()}`);

/** Rows of numbers under the sizes, as text. */
function rows<T>(columns: readonly T[], lines: Record<string, (column: T) => string>): string[] {
  return Object.entries(lines).map(([name, cell]) => `  ${name.padEnd(WIDTH)}${columns.map((one) => cell(one).padStart(14)).join("")}`);
}

/** The result for people, at most 80 columns wide. */
export function tableOf({ draws, chains, seed, ...rest }: Simulation & { measured?: Measured }): string {
  const text = [
    `What a day costs, seed ${seed}`,
    "",
    ...rows(draws, {
      nodes: ({ nodes }) => whole(nodes),
      "rolls a draw": ({ meanRolls }) => short(meanRolls),
      "most rolls": ({ mostRolls }) => whole(mostRolls),
      "draws too short": ({ short: found }) => whole(found),
      "score's favour": ({ favour }) => short(favour),
    }),
  ];
  for (const { chain, days, limits, breaksFirst } of chains)
    text.push(
      "",
      chain,
      ...rows(days, {
        nodes: ({ nodes }) => whole(nodes),
        tasks: ({ tasks }) => whole(tasks),
        "sampled tasks": ({ sampled }) => whole(sampled),
        leases: ({ leases }) => whole(leases),
        "Mgas a second": ({ gasPerSecond }) => short(gasPerSecond / 1e6),
        events: ({ events }) => whole(events),
        "Mbit/s of events": ({ bitsPerSecond }) => short(bitsPerSecond / 1e6),
        "days to a turn": ({ daysToTurn }) => short(daysToTurn),
        "lists move, %": ({ lists }) => short(lists.movingShare * 100),
        "stand still, s": ({ lists }) => whole(lists.longest),
      }),
      ...limits.map(({ name, about, breaksAt }) => {
        const first = name === breaksFirst.name ? "breaks first" : "";
        const size = breaksAt === null ? "never" : `${whole(breaksAt)} nodes`;
        return [`  ${name.padEnd(10)}${size.padStart(17)}  ${first}`.trimEnd(), ...broken(about)].join("\n");
      }),
    );
  if (rest.measured !== undefined)
    text.push(
      "",
      `On this machine: ${whole(rest.measured.decodedPerSecond)} events decoded a second`,
      ...rows(rest.measured.sizes, {
        nodes: ({ nodes }) => whole(nodes),
        "draw, ms": ({ drawMs }) => short(drawMs),
        "leaderboard, ms": ({ leaderboardMs }) => whole(leaderboardMs),
      }),
    );
  return `${text.join("\n")}\n`;
}
