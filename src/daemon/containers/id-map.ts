import { EngineError } from "../../errors.ts";
import type { IdMap, IdRange } from "../../native-types/plan.ts";

/** How many ids there are; the last stands for none. */
const ids = 2 ** 32 - 1;
/** The kernel's limit for the lines of a map. */
const maxRanges = 340;

/**
 * "owner" shows the source's owner as root. "INSIDE:HOST:SIZE[,…]" maps users and groups alike,
 * "uids=…;gids=…" each of their own.
 */
export function parseIdMap(text: string): IdMap {
  if (text === "owner") return { uids: [], gids: [] };
  if (!text.includes("=")) {
    const ranges = parseRanges(text, text);
    return { uids: ranges, gids: ranges };
  }
  const map: Partial<IdMap> = {};
  for (const part of text.split(";")) {
    const [kind, ranges = ""] = part.split("=");
    if ((kind !== "uids" && kind !== "gids") || map[kind] !== undefined) throw invalid(text);
    map[kind] = parseRanges(ranges, text);
  }
  const { uids, gids } = map;
  const both = uids && gids;
  if (!both) throw invalid(text, "uids and gids must both be given");
  return { uids, gids };
}

function parseRanges(text: string, whole: string): IdRange[] {
  const ranges = text.split(",").map((part) => {
    const match = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(part);
    const [inside = -1, host = -1, size = 0] = (match ?? []).slice(1).map(Number);
    if (size < 1 || inside + size > ids || host + size > ids) throw invalid(whole);
    return { inside, host, size };
  });
  if (ranges.length > maxRanges) throw invalid(whole, `more than ${maxRanges} ranges`);
  const overlap = (key: "inside" | "host"): boolean => {
    const sorted = ranges.toSorted((a, b) => a[key] - b[key]);
    return sorted.some((range, at) => {
      const before = sorted[at - 1];
      return before !== undefined && before[key] + before.size > range[key];
    });
  };
  if (overlap("inside") || overlap("host")) throw invalid(whole, "ranges overlap");
  return ranges;
}

function invalid(text: string, why?: string): EngineError {
  return new EngineError(
    "invalid_argument",
    `invalid mount config for type "bind": invalid id map ${JSON.stringify(text)}${why ? `: ${why}` : ""}`,
    { hint: 'give INSIDE:HOST:SIZE[,…], "uids=…;gids=…", or "owner"' },
  );
}
