import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Series {
  label: string;
  values: (number | null)[];
  /** A CSS variable of the design. */
  colour: string;
  fill?: boolean;
  bars?: boolean;
}

const SHORT_SPAN = 900;
const SECOND = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Values without a neighbour, which no line shows. */
const lonely = (chart: uPlot, series: number): number[] => {
  const values: ArrayLike<number | null | undefined> = chart.data[series] ?? [];
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  return found;
};

export interface ChartProps {
  label: string;
  at: number[];
  series: Series[];
  unit?: string;
  range?: [number, number];
  height?: number;
}

/** A chart over time that follows its container's width and the theme. Screen readers get its label and its last values. */
export function Chart({ label, at, series, unit = "", range, height = 150 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const holder = box.current!;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--ink-3"),
      grid: { stroke: colour("--rule"), width: 1 },
      ticks: { show: false },
      font: `11px ${colour("--sans")}`,
    };
    const draw = () =>
      new uPlot(
        {
          width: holder.clientWidth,
          height,
          padding: [8, 24, 0, 0],
          legend: { show: false },
          cursor: { y: false, points: { size: 6 } },
          scales: { y: { range: range ?? ((_chart, _least, most) => [0, most <= 0 ? 1 : most * 1.15]) } },
          axes: [
            {
              ...axis,
              grid: { show: false },
              space: 74,
              size: 26,
              values: (_chart, splits) => splits.map((split) => (at.at(-1)! - at[0]! < SHORT_SPAN ? SECOND : HOUR).format(split * 1_000)),
            },
            {
              ...axis,
              size: 42,
              space: 34,
              values: (_chart, splits) => splits.map((split) => `${Number(split.toFixed(2)).toLocaleString("en-US")}${unit}`),
            },
          ],
          series: [
            {},
            ...series.map(({ label: name, colour: variable, fill, bars }) => ({
              label: name,
              stroke: colour(variable),
              width: bars ? 0 : 1.75,
              points: bars ? { show: false } : { show: true, size: 5, fill: colour(variable), filter: lonely },
              ...(fill && { fill: `color-mix(in srgb, ${colour(variable)} 14%, transparent)` }),
              ...(bars && { fill: colour(variable), paths: uPlot.paths.bars!({ size: [0.7, 18] }) }),
            })),
          ],
        },
        [at, ...series.map(({ values }) => values)] as uPlot.AlignedData,
        holder,
      );
    let chart = draw();
    const resized = new ResizeObserver(() => chart.setSize({ width: holder.clientWidth, height }));
    resized.observe(holder);
    const theme = () => {
      chart.destroy();
      chart = draw();
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", theme);
    addEventListener("themechange", theme);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", theme);
      removeEventListener("themechange", theme);
      chart.destroy();
    };
  }, [at, series, unit, height]);
  const last = series.map(({ label: name, values }) => `${name} ${values.at(-1) ?? "none"}${unit}`).join(", ");
  return <div class="chart" ref={box} role="img" aria-label={`${label}. Last: ${last}`} />;
}
