// Lines over the last minutes. The canvas is for eyes; the figures beside it say the same in words.
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { dark } from "./theme";

export interface Line {
  label: string;
  color: string; // a custom property of the style sheet
  fill?: boolean;
}

const shortest = 60; // seconds
const clock = (seconds: number, withSeconds: boolean): string => {
  const text = new Date(seconds * 1000).toTimeString();
  return text.slice(0, withSeconds ? 8 : 5);
};

/** The times to show. uPlot takes a single point for the first of a whole day: what is there says where the end is. */
const spanOf = (times: (number | null)[] | undefined, min: number, max: number, span: number): [number, number] => {
  const end = times?.at(-1) ?? max;
  return [Math.max(end - span, Math.min(min, end - shortest)), end];
};

/** Whole powers of ten around what is shown. */
const decades = (min: number | null, max: number | null): [number, number] => [
  10 ** Math.floor(Math.log10(Math.max(1, min ?? 1))),
  10 ** Math.ceil(Math.log10(Math.max(10, (max ?? 10) + 1))),
];
const wholes = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((step) => step * 10 ** i)).flat();
const powersOfTwo = Array.from({ length: 50 }, (_, i) => 2 ** i);

/** Points without a neighbor, which no line shows. */
function alone(plot: uPlot, series: number): number[] {
  const row = plot.data[series]!;
  const missing = (at: number): boolean => row[at] === null || row[at] === undefined;
  return Array.from(row.keys()).filter((at) => !missing(at) && missing(at - 1) && missing(at + 1));
}

const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Chart(of: {
  label: string;
  lines: Line[];
  data: (number | null)[][]; // times in seconds, then one row a line
  show: (value: number) => string;
  log?: boolean;
  binary?: boolean; // bytes: steps are powers of two
  whole?: boolean; // what is counted: steps are whole numbers
  height?: number;
  span: number; // seconds
}): VNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(of);
  latest.current = of;
  const [pointed, setPointed] = useState<number | null>(null);
  const isDark = dark.value;
  const shape = of.lines.map((line) => line.label).join() + String(of.log);

  useEffect(() => {
    const into = box.current!;
    const grid = { stroke: color("--grid"), width: 1 };
    const axis = { stroke: color("--muted"), grid, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const made = new uPlot(
      {
        width: into.clientWidth,
        height: of.height ?? 180,
        legend: { show: false },
        hooks: { setCursor: [(at) => setPointed(at.cursor.idx ?? null)] },
        cursor: { drag: { x: false, y: false }, points: { size: 6 } },
        padding: [8, 18, 0, 0], // at the right there is room for half of the last time
        scales: {
          x: { time: true, range: (_, min, max) => spanOf(latest.current.data[0], min, max, latest.current.span) },
          y: of.log
            ? { distr: 3, range: (_, min, max) => decades(min, max) }
            : { range: (_, __, max) => [0, Math.max(1, max * 1.1)] },
        },
        axes: [
          { ...axis, space: 80, size: 26, values: (_, splits, __, ___, step) => splits.map((at) => clock(at, step < 60)) },
          {
            ...axis,
            size: 62,
            ...(of.binary ? { incrs: powersOfTwo } : of.whole ? { incrs: wholes } : {}),
            values: (_, splits) => splits.map((value) => (value === null || (of.log && !Number.isInteger(Math.log10(value))) ? "" : latest.current.show(value))),
          },
        ],
        series: [
          {},
          ...of.lines.map((line) => ({
            label: line.label,
            stroke: color(line.color),
            width: 1.5,
            ...(line.fill ? { fill: color(line.color) + "22" } : {}),
            points: { show: true, size: 4, filter: alone },
            spanGaps: false,
          })),
        ],
      },
      latest.current.data as uPlot.AlignedData,
      into,
    );
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: into.clientWidth, height: of.height ?? 180 }));
    watcher.observe(into);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, isDark]);

  useEffect(() => plot.current?.setData(of.data as uPlot.AlignedData), [of.data]);

  const last = (of.data[0]?.length ?? 0) - 1;
  const index = pointed ?? last;
  const at = of.data[0]?.[index];
  return (
    <figure>
      <div ref={box} class="chart" role="img" aria-label={of.label} />
      <figcaption class="legend">
        {of.lines.map((line, i) => {
          const value = of.data[i + 1]?.[index];
          return (
            <span key={line.label} class={`key ${line.color.slice(2)}`}>
              {line.label} <strong>{value === null || value === undefined ? "–" : of.show(value)}</strong>
            </span>
          );
        })}
        <span class="muted">{pointed !== null && typeof at === "number" ? `at ${clock(at, true)}` : "now"}</span>
      </figcaption>
    </figure>
  );
}
