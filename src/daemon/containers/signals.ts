import { constants } from "node:os";
import { EngineError } from "../../errors.ts";

/** "SIGTERM", "term", "15", "RTMIN+3" → number. Throws invalid_argument in Docker's words. */
export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(MIN\+|MAX-)(\d{1,2})$/.exec(name);
  const table = constants.signals as unknown as Record<string, number | undefined>;
  let signal: number | undefined;
  if (/^\d{1,3}$/.test(text)) signal = Number(text);
  else if (realTime)
    signal = realTime[1] === "MIN+" ? 34 + Number(realTime[2]) : 64 - Number(realTime[2]);
  else if (name === "RTMIN") signal = 34;
  else if (name === "RTMAX") signal = 64;
  else signal = Object.hasOwn(table, `SIG${name}`) ? table[`SIG${name}`] : undefined;
  if (signal === undefined || signal < 1 || signal > 64) {
    throw new EngineError("invalid_argument", `Invalid signal: ${text}`);
  }
  return signal;
}
