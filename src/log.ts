import { type ConsolaInstance, createConsola } from "consola/basic";

/**
 * Creates the daemon's own log: one line per event on stderr, nothing folded.
 * Command output never goes through it.
 */
export function createLog(level: "debug" | "info" | "warn" | "error" = "info"): ConsolaInstance {
  const levels = { error: 0, warn: 1, info: 3, debug: 4 };
  return createConsola({
    level: levels[level],
    stdout: process.stderr,
    stderr: process.stderr,
    throttle: 0,
    formatOptions: { date: true, colors: false, compact: true },
  });
}

export type Log = ConsolaInstance;
