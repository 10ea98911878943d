const MiB = 1024 * 1024;

/** The first chunk of a blob, and the least of any: some registries' storage takes no parts below 5 MiB. */
export const firstChunk = 8 * MiB;
const largestChunk = 64 * MiB;

/** In one request with the digest, or in several and the digest behind them. */
export type SendWay = "whole" | "chunks";

/** Ways to send a blob of `size` bytes, best first: not every registry takes both. */
export function waysOf(size: number): SendWay[] {
  return size <= firstChunk ? ["whole", "chunks"] : ["chunks", "whole"];
}

/** A chunk should take about a second: more is lost when a connection breaks, less costs too many round trips. */
export function nextChunk(length: number, tookMs: number): number {
  if (tookMs < 500) return Math.min(length * 2, largestChunk);
  return tookMs > 4000 ? Math.max(length / 2, firstChunk) : length;
}

/**
 * How many bytes of an upload a Range header says are there, "0-99" being 100. "0-0" is said of an empty one, too; who sent
 * one byte only and is told so begins again.
 */
export function receivedOf(range: string | null): number | undefined {
  const match = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(range?.trim() ?? "");
  if (match === null) return undefined;
  const last = Number(match[1]);
  return last === 0 ? 0 : last + 1;
}
