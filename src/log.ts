import { type ConsolaInstance, createConsola } from "consola/basic";

/** What images and containers are called and say never steers the terminal of who reads the log. */
const tamed = {
  write: (text: string) => process.stderr.write(text.replace(steering, "")),
} as NodeJS.WriteStream;

const steering =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e]/g;

/**
 * Creates the daemon's own log: one line per event on stderr, nothing folded.
 * Command output never goes through it.
 */
export function createLog(level: "debug" | "info" | "warn" | "error" = "info"): ConsolaInstance {
  const levels = { error: 0, warn: 1, info: 3, debug: 4 };
  return createConsola({
    level: levels[level],
    stdout: tamed,
    stderr: tamed,
    throttle: 0,
    formatOptions: { date: true, colors: false, compact: true },
  });
}

export type Log = ConsolaInstance;
