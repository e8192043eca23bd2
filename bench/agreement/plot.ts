import { picture, tenth } from "../svg.ts";
import type { RocPoint } from "./roc.ts";

const SIDE = 420;
const EDGE = 50;
const at = (share: number) => EDGE + share * SIDE;
const up = (share: number) => EDGE + (1 - share) * SIDE;

/** Curves in one square, as SVG. The axis of false agreement is stretched near 0, where the curves live: it shows the square root. */
export function plotRoc(curves: { name: string; colour: string; points: readonly RocPoint[] }[], title: string): string {
  const lines = curves.map(({ colour, points }) => {
    const path = [{ agree: 0, falselyAgree: 0 }, ...points].map(
      (point) => `${tenth(at(Math.sqrt(point.falselyAgree)))},${tenth(up(point.agree))}`,
    );
    return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path.join(" ")}"/>`;
  });
  const ticks = [0, 0.01, 0.05, 0.2, 0.5, 1].map((share) => {
    const x = tenth(at(Math.sqrt(share)));
    return `<line x1="${x}" y1="${EDGE}" x2="${x}" y2="${EDGE + SIDE}" stroke="#ddd"/><text x="${x}" y="${EDGE + SIDE + 18}" text-anchor="middle">${share}</text>`;
  });
  const levels = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = tenth(up(share));
    return `<line x1="${EDGE}" y1="${y}" x2="${EDGE + SIDE}" y2="${y}" stroke="#ddd"/><text x="${EDGE - 8}" y="${y + 4}" text-anchor="end">${share}</text>`;
  });
  const legend = curves.map(
    ({ name, colour }, i) => `<text x="${EDGE + 150}" y="${EDGE + SIDE - 70 + 20 * i}" fill="${colour}">${name}</text>`,
  );
  const size = SIDE + 2 * EDGE;
  return picture(size, size, title, [
    ...ticks,
    ...levels,
    ...lines,
    ...legend,
    `<text x="${size / 2}" y="${size - 12}" text-anchor="middle">other meanings that agree (square root scale)</text>`,
    `<text x="14" y="${size / 2}" text-anchor="middle" transform="rotate(-90 14 ${size / 2})">same meanings that agree</text>`,
  ]);
}
