import { picture, tenth } from "../../bench/svg.ts";

/** Loads over sizes, both logarithmic. */
export interface Line {
  name: string;
  colour: string;
  dashed?: boolean;
  points: { nodes: number; load: number }[];
}

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 60;
const TOP = 50;
const NODES = { least: 3, most: 7 };
const LOADS = { least: -3, most: 3 };

const across = (nodes: number) => LEFT + ((Math.log10(nodes) - NODES.least) / (NODES.most - NODES.least)) * WIDTH;
const down = (load: number) => {
  const exponent = Math.min(LOADS.most, Math.max(LOADS.least, Math.log10(load)));
  return TOP + (1 - (exponent - LOADS.least) / (LOADS.most - LOADS.least)) * HEIGHT;
};
const exponents = ({ least, most }: { least: number; most: number }) => Array.from({ length: most - least + 1 }, (_, i) => least + i);

/** Lines of loads, as SVG; what lies above the thick line is broken. */
export function plotLoads(lines: readonly Line[], title: string): string {
  const columns = exponents(NODES).map((exponent) => {
    const x = tenth(across(10 ** exponent));
    return `<line x1="${x}" y1="${TOP}" x2="${x}" y2="${TOP + HEIGHT}" stroke="#ddd"/><text x="${x}" y="${TOP + HEIGHT + 18}" text-anchor="middle">${(10 ** exponent).toLocaleString("en")}</text>`;
  });
  const rows = exponents(LOADS).map((exponent) => {
    const y = tenth(down(10 ** exponent));
    const stroke = exponent === 0 ? 'stroke="#000" stroke-width="1.5"' : 'stroke="#ddd"';
    return `<line x1="${LEFT}" y1="${y}" x2="${LEFT + WIDTH}" y2="${y}" ${stroke}/><text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${10 ** exponent}</text>`;
  });
  const drawn = lines.map(({ colour, dashed, points }) => {
    const path = points.filter(({ load }) => load > 0).map(({ nodes, load }) => `${tenth(across(nodes))},${tenth(down(load))}`);
    return `<polyline fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ""} points="${path.join(" ")}"/>`;
  });
  const legend = lines.map(({ name, colour, dashed }, i) => {
    const [x, y] = [LEFT + 10 + (i % 2) * 320, TOP + HEIGHT + 52 + Math.floor(i / 2) * 20];
    const sample = `<line x1="${x}" y1="${y - 4}" x2="${x + 24}" y2="${y - 4}" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ""}/>`;
    return `${sample}<text x="${x + 30}" y="${y}">${name}</text>`;
  });
  const [width, height] = [LEFT + WIDTH + 30, TOP + HEIGHT + 62 + Math.ceil(lines.length / 2) * 20];
  return picture(width, height, title, [
    ...columns,
    ...rows,
    ...drawn,
    ...legend,
    `<text x="${LEFT + WIDTH}" y="${TOP + HEIGHT + 34}" text-anchor="end">nodes</text>`,
    `<text x="14" y="${TOP + HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 ${TOP + HEIGHT / 2})">load: above 1 it breaks</text>`,
  ]);
}
