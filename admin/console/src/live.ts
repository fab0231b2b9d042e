// The server's events of GET /v1/live: a point a second, and those of the last minutes at first.
import { signal } from "@preact/signals";
import { Problem, send } from "./api";

export const stages = ["ingest", "journal", "apply", "segment", "read", "end_to_end"] as const;
export type Stage = (typeof stages)[number];

/** Rates a second, sizes in bytes. */
export interface Point {
  t: number;
  applied: number;
  duplicate: number;
  refused: number;
  reads: number;
  memory: number;
  journal: number;
  latency: (Latency | null)[]; // by stage, in their order; null: nothing happened
}

/** p50, p99, p99.9 in microseconds. */
export type Latency = [number, number, number];
export const latencyOf = (of: Point, stage: Stage): Latency | null => of.latency[stages.indexOf(stage)] ?? null;

export interface Shard {
  applied: number;
  profiles: number;
  profileBytes: number;
  journalBytes: number;
  inFlightBytes: number;
}

/** Counters are since the server's start. */
export interface Sample {
  point: Point;
  phase: string;
  reason: string;
  version: string;
  uptimeSeconds: number;
  stats: Record<string, number>;
  shards: Shard[];
  edges: Record<string, { requests: number; events: number; refused: number }>;
  protocol: { frames: number; connections: number; bytesIn: number };
  https: { connections: number };
  webhooks: { endpoints: number; failing: number; waiting: number; delivered: number; failed: number; dead: number };
  deadLetters: { letters: number; bytes: number };
}

export const kept = 600; // points, ten minutes: as many as the server has
export const points = signal<Point[]>([]);
export const sample = signal<Sample | null>(null);
/** The one before it: what counts up becomes a rate. */
export const before = signal<Sample | null>(null);
export type Line = "connecting" | "live" | "lost";
export const line = signal<Line>("connecting");

function take(name: string, data: string): void {
  if (name === "history") {
    const known = points.value.at(-1)?.t ?? 0;
    const fresh = (JSON.parse(data) as { points: Point[] }).points.filter((each) => each.t > known);
    points.value = [...points.value, ...fresh].slice(-kept);
  } else if (name === "sample") {
    const next = JSON.parse(data) as Sample;
    before.value = sample.value;
    sample.value = next;
    if ((points.value.at(-1)?.t ?? 0) < next.point.t) points.value = [...points.value, next.point].slice(-kept);
  }
}

/** Text of a stream of server-sent events as it comes; keeps what is not whole yet. */
export class EventParser {
  private text = "";

  constructor(private readonly each: (name: string, data: string) => void) {}

  push(more: string): void {
    this.text += more;
    for (let end = this.text.indexOf("\n\n"); end >= 0; end = this.text.indexOf("\n\n")) {
      let name = "message";
      const data: string[] = [];
      for (const one of this.text.slice(0, end).split("\n")) {
        if (one.startsWith("event: ")) name = one.slice(7);
        if (one.startsWith("data: ")) data.push(one.slice(6));
      }
      this.text = this.text.slice(end + 2);
      if (data.length > 0) this.each(name, data.join("\n"));
    }
  }
}

const silence = 5000; // ms, after which the line is taken for dead

async function listen(stop: AbortController): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), silence);
  };
  heard();
  try {
    await read(stop.signal, heard);
  } finally {
    clearTimeout(timer);
  }
}

async function read(until: AbortSignal, heard: () => void): Promise<void> {
  const answer = await send("/v1/live", { headers: { Accept: "text/event-stream" }, signal: until });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser((name, data) => {
    line.value = "live";
    take(name, data);
  });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    parser.push(value);
  }
}

/** Until the returned function is called. A hidden page does not listen. */
export function follow(): () => void {
  let stopped = false;
  let running: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const run = async (): Promise<void> => {
    if (stopped || document.hidden || running) return;
    const mine = new AbortController();
    running = mine;
    try {
      await listen(mine);
    } catch (why) {
      if (why instanceof Problem && why.status === 401) stopped = true;
    }
    if (running !== mine) return; // hidden meanwhile, or left
    running = null;
    if (stopped) return;
    if (line.value === "live") line.value = "connecting";
    else line.value = "lost";
    timer = setTimeout(() => void run(), 1000);
  };
  const shown = (): void => {
    if (document.hidden) {
      running?.abort();
      running = null;
    } else {
      void run();
    }
  };
  document.addEventListener("visibilitychange", shown);
  void run();
  return () => {
    stopped = true;
    clearTimeout(timer);
    running?.abort();
    document.removeEventListener("visibilitychange", shown);
    points.value = [];
    sample.value = before.value = null;
    line.value = "connecting";
  };
}

/** The newest of a stage, of the last ten seconds. */
export function newest(stage: Stage): Latency | null {
  for (const each of points.value.slice(-10).reverse()) {
    const of = latencyOf(each, stage);
    if (of) return of;
  }
  return null;
}

/** Between the last two samples, a second. */
export function rateOf(read: (of: Sample) => number): number {
  const now = sample.value;
  const then = before.value;
  if (!now || !then || now.point.t <= then.point.t) return 0;
  return Math.max(0, (read(now) - read(then)) / ((now.point.t - then.point.t) / 1000));
}
