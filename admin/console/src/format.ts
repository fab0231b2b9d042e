// Numbers and times as people read them. Times are in the browser's time zone.
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export const count = (value: number): string => whole.format(value);
/** "1 event", "2,000 events" */
export const counted = (value: number, of: string): string => `${count(value)} ${of}${value === 1 ? "" : "s"}`;
export const compact = (value: number): string => (value < 10_000 ? whole.format(value) : short.format(value));

/** A rate: small ones with a decimal. */
export const rate = (value: number): string => (value > 0 && value < 10 ? value.toFixed(1) : compact(value));

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** From microseconds. */
export function latency(microseconds: number): string {
  if (microseconds < 1000) return `${microseconds.toFixed(0)} µs`;
  if (microseconds < 1_000_000) {
    const ms = microseconds / 1000;
    return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
  }
  return `${(microseconds / 1_000_000).toFixed(2)} s`;
}

export function seconds(value: number): string {
  if (value < 60) return `${Math.ceil(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.round((value % 3600) / 60)} min`;
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, "0");

/** 2026-11-26 20:30:24 */
export function time(of: string | number): string {
  const at = new Date(of);
  if (Number.isNaN(at.getTime())) return String(of);
  return (
    `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ` +
    `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`
  );
}

/** "in 3 d", "12 min ago" */
export function ago(of: string, now = Date.now()): string {
  const delta = (new Date(of).getTime() - now) / 1000;
  const size = Math.abs(delta);
  const text =
    size < 60
      ? `${Math.round(size)} s`
      : size < 3600
        ? `${Math.round(size / 60)} min`
        : size < 48 * 3600
          ? `${Math.round(size / 3600)} h`
          : `${Math.round(size / 86400)} d`;
  return delta > 0 ? `in ${text}` : `${text} ago`;
}

/** A value of a trait or a property in one line. */
export function value(of: unknown): string {
  if (typeof of === "string") return of;
  return JSON.stringify(of);
}

export const pretty = (of: unknown): string => JSON.stringify(of, null, 2);
