import { formatWithOptions } from "node:util";
import { type ConsolaInstance, createConsola } from "consola/basic";

/**
 * Creates the daemon's own log: one line per event on stderr, with its time in UTC, nothing folded.
 * Command output never goes through it.
 */
export function createLog(
  level: "debug" | "info" | "warn" | "error" = "info",
  write: (text: string) => void = (text) => process.stderr.write(text),
): ConsolaInstance {
  const levels = { error: 0, warn: 1, info: 3, debug: 4 };
  return createConsola({
    level: levels[level],
    throttle: 0,
    reporters: [
      { log: ({ date, type, args }) => write(`${date.toISOString()} [${type}] ${toText(args)}\n`) },
    ],
  });
}

/** Errors with stack and cause; nothing in it steers a terminal or passes for a line of its own. */
function toText(args: unknown[]): string {
  return formatWithOptions({ colors: false }, ...args.map(escapeFormat))
    .replace(/[^\P{Cc}\n\t]/gu, "\ufffd")
    .replaceAll("\n", "\n    ");
}

/** Only what we write is text: a percent sign in it is no placeholder. */
function escapeFormat(arg: unknown, index: number, all: unknown[]): unknown {
  return typeof arg === "string" && index === 0 && all.length > 1 ? arg.replaceAll("%", "%%") : arg;
}

export type Log = ConsolaInstance;
