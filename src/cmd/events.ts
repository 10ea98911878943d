import type { EventMessage } from "../api/types.ts";
import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { Template } from "../cli/template/template.ts";
import { openEngine } from "../client/open.ts";
import { parseFilters } from "./filters.ts";
import { readMoment } from "./logs.ts";

export const events = defineCommand({
  name: "events",
  summary: "Get real time events from the server",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    filter: { kind: "list", short: "f", summary: "Filter output based on conditions provided" },
    format: { kind: "string", summary: 'Format output: "json" or a template' },
    since: { kind: "string", summary: "Show all events created since timestamp" },
    until: { kind: "string", summary: "Stream events until this timestamp" },
  },
  async run({ flags, target, stdout }) {
    const { format } = flags;
    const template = format === undefined || format === "" ? undefined : parseFormat(format);
    const messages = openEngine(target).events({
      since: readMoment("since", flags.since),
      until: readMoment("until", flags.until),
      filters: parseFilters(flags.filter),
    });
    for await (const message of messages) {
      stdout.line(template ? template.execute(message) : formatEvent(message));
    }
    return exitCodes.ok;
  },
});

function parseFormat(format: string): Template {
  return new Template(format === "json" ? "{{json .}}" : format);
}

/** "2026-11-24T05:52:15.123456789Z container start ID (image=x, name=y)" */
export function formatEvent({ Type, Action, Actor, time, timeNano }: EventMessage): string {
  const attributes = Object.entries(Actor?.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const tail = attributes.length > 0 ? ` (${attributes.join(", ")})` : "";
  return `${formatMoment(time, timeNano)}${Type} ${Action} ${Actor?.ID ?? ""}${tail}`;
}

/**
 * RFC 3339 in local time with nine digits. A JSON number of nanoseconds has lost its last digits here (it is
 * beyond 2^53), so that up to 255 ns are rounded away; its shortest digits are right where it was of microseconds.
 */
function formatMoment(seconds: number | undefined, nanos: number | undefined): string {
  if (!nanos && !seconds) return "";
  const total = nanos ? BigInt(String(nanos)) : BigInt(seconds ?? 0) * 1_000_000_000n;
  const date = new Date(Number(total / 1_000_000n));
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  const fraction = String(total % 1_000_000_000n).padStart(9, "0");
  return `${local.toISOString().slice(0, 19)}.${fraction}${formatOffset(date)} `;
}

function formatOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return "Z";
  const pad = (n: number) => String(n).padStart(2, "0");
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.trunc(size / 60))}:${pad(size % 60)}`;
}
