import { compareVersions } from "../../api/version.ts";

const sequence = "application/json-seq";
/** What a client may ask for; without a wish it gets the first. */
const types = ["application/jsonl", "application/x-ndjson", sequence];

/** The form of a stream of events, as Docker chooses it: by name and weight, then in our order; wildcards do not count. */
export function eventsType(accept: string, version: string): string {
  const asked = accept.split(",").map(readRange);
  const weigh = (offer: string): number =>
    Math.max(0, ...asked.filter(({ type }) => type === offer).map(({ weight }) => weight));
  const best = Math.max(...types.map(weigh));
  const wish = best > 0 ? types.find((type) => weigh(type) === best) : undefined;
  // Until 1.52 all was called JSON, which a row of values is not.
  return wish ?? (compareVersions(version, "1.52") < 0 ? "application/json" : "application/jsonl");
}

/** A range of an Accept header; a weight that cannot be read is none. */
function readRange(range: string): { type: string; weight: number } {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((each) => each.startsWith("q="))?.slice(2) ?? "1";
  return { type, weight: /^[01](\.\d{0,3})?$/.test(weight) ? Math.min(Number(weight), 1) : 0 };
}

/** One event as it goes over the wire; in a sequence each begins with a record separator. */
export function toRecord(event: unknown, type: string): string {
  return `${type === sequence ? "\x1e" : ""}${JSON.stringify(event)}\n`;
}
