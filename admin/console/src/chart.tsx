// Lines over the last minutes. The canvas is for eyes; the figures beside it say the same in words.
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { dark } from "./theme";

export interface Line {
  label: string;
  color: string; // a custom property of the style sheet
  fill?: boolean;
}

const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Chart(of: {
  label: string;
  lines: Line[];
  data: (number | null)[][]; // times in seconds, then one row a line
  show: (value: number) => string;
  log?: boolean;
  height?: number;
  span: number; // seconds
}): VNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(of);
  latest.current = of;
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
        legend: { live: true },
        cursor: { drag: { x: false, y: false }, points: { size: 6 } },
        padding: [8, 8, 0, 0],
        scales: {
          x: { time: true, range: (_, __, max) => [max - latest.current.span, max] },
          y: of.log
            ? { distr: 3, range: (_, min, max) => [Math.max(1, min / 1.5), Math.max(10, max * 1.5)] }
            : { range: (_, __, max) => [0, Math.max(1, max * 1.1)] },
        },
        axes: [
          { ...axis, space: 70 },
          {
            ...axis,
            size: 62,
            values: (_, splits) => splits.map((value) => (value === null ? "" : latest.current.show(value))),
          },
        ],
        series: [
          { value: (_, at) => (at === null ? "" : new Date(at * 1000).toLocaleTimeString("en-GB")) },
          ...of.lines.map((line) => ({
            label: line.label,
            stroke: color(line.color),
            width: 1.5,
            ...(line.fill ? { fill: color(line.color) + "22" } : {}),
            points: { show: false },
            spanGaps: false,
            value: (_: uPlot, value: number | null) => (value === null ? "–" : latest.current.show(value)),
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

  return <div ref={box} class="chart" role="img" aria-label={of.label} />;
}
