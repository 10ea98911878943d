const MiB = 1024 * 1024;

/** The first chunk of a blob, and the least of any: some registries' storage takes no parts below 5 MiB. */
export const firstChunk = 8 * MiB;
export const largestChunk = 256 * MiB;
/** What proxies let pass, of those that let no blob pass. */
export const modestChunk = 64 * MiB;
/** Sent in one request even where nobody sees it go. */
const blindLimit = 32 * MiB;

/** In one request with the digest, or in several and the digest behind them. */
export type SendWay = "whole" | "chunks";

/**
 * Ways to send a blob of `size` bytes, best first: not every registry takes both. One request is the fastest, since
 * registries sync and hash anew behind each; without TLS nothing would be seen of it (see file-body.ts).
 */
export function waysOf(size: number, isSecure: boolean): SendWay[] {
  return isSecure || size <= blindLimit ? ["whole", "chunks"] : ["chunks", "whole"];
}

/** A chunk should take about two seconds, so that progress is seen and requests are few. */
export function nextChunk(length: number, tookMs: number, largest: number): number {
  const wanted = Math.round((length / Math.max(tookMs, 1)) * 2000);
  return Math.max(firstChunk, Math.min(wanted, largest));
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
