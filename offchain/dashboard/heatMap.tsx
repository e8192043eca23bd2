import { distance } from "../protocol/sketch.ts";

/** How far the sketches of a committee's answers lie from each other, 0 to 256 bits; at most `threshold` bits agree. */
export function HeatMap({ seats, sketches, threshold }: { seats: string[]; sketches: string[]; threshold: number }) {
  const cell = 46;
  const margin = 58;
  const top = 26;
  const size = margin + cell * seats.length;
  const height = top + cell * seats.length;
  const rows = sketches.map((a) => sketches.map((b) => distance(a, b)));
  return (
    <figure class="heat">
      <svg
        viewBox={`0 0 ${size} ${height}`}
        width={size}
        height={height}
        role="img"
        aria-label={`Distances between answers: ${described(seats, rows)}`}
      >
        {seats.map((name, i) => (
          <g key={name}>
            <text x={margin - 8} y={top + cell * i + cell / 2 + 4} text-anchor="end">
              {name}
            </text>
            <text x={margin + cell * i + cell / 2} y={top - 9} text-anchor="middle">
              {name}
            </text>
          </g>
        ))}
        {rows.flatMap((row, y) =>
          row.map((bits, x) => {
            const agrees = bits <= threshold;
            const strength = agrees ? 0.85 - 0.55 * (bits / Math.max(1, threshold)) : 0.25 + 0.6 * Math.min(1, (bits - threshold) / 96);
            return (
              <g key={`${x} ${y}`}>
                <rect
                  class={agrees ? "near" : "far"}
                  x={margin + cell * x + 1}
                  y={top + cell * y + 1}
                  width={cell - 2}
                  height={cell - 2}
                  rx="3"
                  fill-opacity={strength}
                >
                  <title>{`${seats[y]} and ${seats[x]}: ${bits} of 256 bits, ${agrees ? "agree" : "differ"}`}</title>
                </rect>
                <text class="bits" x={margin + cell * x + cell / 2} y={top + cell * y + cell / 2 + 4} text-anchor="middle">
                  {bits}
                </text>
              </g>
            );
          }),
        )}
      </svg>
      <figcaption>
        Bits of 256 in which two answers' sketches differ. <span class="key near" /> at most {threshold}: the same meaning.{" "}
        <span class="key far" /> more: not.
      </figcaption>
    </figure>
  );
}

const described = (seats: string[], rows: number[][]) =>
  rows.flatMap((row, y) => row.slice(0, y).map((bits, x) => `${seats[y]} to ${seats[x]} ${bits} bits`)).join(", ") || "one answer alone";
