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
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new EngineError("invalid_argument", `invalid time ${JSON.stringify(text)}`);
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? "";
  return `${new Date(time).toISOString().slice(0, 19)}.${fraction.padEnd(9, "0")}Z`;
}
