import { EngineError } from "../errors.ts";
import type { Address } from "./address.ts";
import { Connection } from "./connection.ts";

/** Output of a daemon that was started by a client. */
const logPath = "/run/rt/daemon.log";
/** The longest pause between two tries. */
const maxPause = 50;
const logLines = 5;

/**
 * Starts `rt daemon` in a session of its own and waits until it answers at `address`. Throws what it
 * last wrote when it ends instead.
 */
export async function startDaemon(address: Address): Promise<void> {
  if (process.geteuid?.() !== 0) {
    throw new EngineError("forbidden", "cannot start the rt daemon: rt needs root for that", {
      hint: "start 'rt daemon' as root, or name a running one with -H",
    });
  }
  const { closeSync, mkdirSync, openSync } = await import("node:fs");
  const { spawn } = await import("node:child_process");
  mkdirSync("/run/rt", { recursive: true, mode: 0o710 });
  const log = openSync(logPath, "a", 0o600);
  const offset = await Bun.file(logPath).stat();
  const daemon = spawn(process.execPath, ["daemon"], {
    detached: true,
    stdio: ["ignore", log, log],
    cwd: "/",
  });
  closeSync(log);
  daemon.unref();
  let failure: string | undefined;
  daemon.on("error", (error) => {
    failure = error.message;
  });
  daemon.on("exit", (code, signal) => {
    failure = signal ? `it was ended by ${signal}` : `it ended with status ${code}`;
  });
  for (let pause = 1; failure === undefined; pause = Math.min(pause * 2, maxPause)) {
    if (await answers(address)) return;
    await Bun.sleep(pause);
  }
  // Another client may have been quicker: its daemon is as good as ours.
  if (await answers(address)) return;
  const words = await lastWords(offset.size);
  throw new EngineError("unavailable", `cannot start the rt daemon: ${failure}${words}`, {
    hint: `see ${logPath}, or run 'rt daemon' to watch it`,
  });
}

async function answers(address: Address): Promise<boolean> {
  try {
    const connection = await Connection.open(address);
    connection.close();
    return true;
  } catch {
    return false;
  }
}

async function lastWords(offset: number): Promise<string> {
  const text = await Bun.file(logPath)
    .slice(offset)
    .text()
    .catch(() => "");
  const lines = text.trim().split("\n").slice(-logLines);
  return text.trim() === "" ? "" : `; it said:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
