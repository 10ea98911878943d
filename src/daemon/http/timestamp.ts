import { EngineError } from "../../errors.ts";

/**
 * Docker's time parameters as RFC 3339 in UTC with nanoseconds, which sort as text: Unix seconds with an
 * optional fraction ("1136073600.000000001") or RFC 3339 itself. "" and "0" mean no bound.
 */
export function parseTimestamp(text: string): string | undefined {
  if (text === "" || text === "0") return undefined;
  const unix = /^(\d{1,11})(?:\.(\d{1,9}))?$/.exec(text);
  if (unix) {
    const seconds = new Date(Number(unix[1]) * 1000).toISOString().slice(0, 19);
    return `${seconds}.${(unix[2] ?? "").padEnd(9, "0")}Z`;
  }
  const [, day, clock = "00:00", second = ":00", fraction = "", zone = "Z"] =
    rfc3339.exec(text) ?? [];
  const time = Date.parse(`${day}T${clock}${second}${zone}`);
  if (Number.isNaN(time))
    throw new EngineError("invalid_argument", `invalid time ${JSON.stringify(text)}`);
  return `${new Date(time).toISOString().slice(0, 19)}.${fraction.padEnd(9, "0")}Z`;
}

/** The runtime's own parser takes almost anything for a time. What is missing at the end is zero, and UTC. */
const rfc3339 = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?$/;

/** A time, or a Go duration before `now` ("1h30m"). */
export function parseMoment(text: string, now: number): string | undefined {
  const ago = parseDuration(text);
  if (ago === undefined) return parseTimestamp(text);
  // Earlier than which nothing was.
  return `${new Date(Math.max(now - ago, 0)).toISOString().slice(0, -1)}000000Z`;
}

const units: Record<string, number> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
};

/** A Go duration in milliseconds. */
function parseDuration(text: string): number | undefined {
  if (text.length > 64 || !/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|ns))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)/g))
    total += Number(amount) * (units[unit ?? ""] ?? 0);
  return total;
}
