import { compareVersions } from "../../api/version.ts";

const sequence = "application/json-seq";
/** What a client may ask for; without a wish it gets the first. */
const types = ["application/jsonl", "application/x-ndjson", sequence];

/** The form of a stream of events, as Docker chooses it: by name alone, wildcards do not count. */
export function eventsType(accept: string, version: string): string {
  const asked = accept.split(",").map((range) => range.split(";", 1)[0]?.trim().toLowerCase());
  const wish = asked.find((type) => type !== undefined && types.includes(type));
  // Until 1.52 all was called JSON, which a row of values is not.
  return wish ?? (compareVersions(version, "1.52") < 0 ? "application/json" : "application/jsonl");
}

/** One event as it goes over the wire; in a sequence each begins with a record separator. */
export function toRecord(event: unknown, type: string): string {
  return `${type === sequence ? "\x1e" : ""}${JSON.stringify(event)}\n`;
}
