import { formatSize } from "./size.ts";

/** Rates are of so much of the past, in milliseconds. */
const windowMs = 5_000;
/** Less says nothing. */
const leastMs = 300;

/** How fast a number of bytes grows. */
export class RateMeter {
  readonly #samples: { at: number; bytes: number }[] = [];

  /** `at` in milliseconds, never going back. */
  add(bytes: number, at: number): void {
    this.#samples.push({ at, bytes });
    // One sample from before the window stays, so that a slow start is not forgotten at once.
    while ((this.#samples[1]?.at ?? at) < at - windowMs) this.#samples.shift();
  }

  /** Bytes per second up to `now`; undefined before there is something to measure. */
  rate(now: number): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || now - first.at < leastMs) return undefined;
    const seconds = (now - first.at) / 1000;
    return Math.max(0, last.bytes - first.bytes) / seconds;
  }
}

/** 1_234_567 → "1.23MB/s" */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(Math.round(bytesPerSecond), 3)}/s`;
}

/** Seconds → "8s", "3m05s", "2h07m"; undefined where nobody can tell. */
export function formatEta(left: number, rate: number | undefined): string | undefined {
  if (rate === undefined || rate < 1 || left < 0) return undefined;
  const seconds = Math.ceil(left / rate);
  if (seconds < 60) return `${seconds}s`;
  const two = (n: number): string => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 100 ? `${hours}h${two(minutes % 60)}m` : undefined;
}
