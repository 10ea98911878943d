import type { StdioOptions } from "node:child_process";
import { dirname } from "node:path";
import { daemonLogPath as logPath } from "../api/daemon-log.ts";
import { EngineError, messageOf } from "../errors.ts";
import type { Address } from "./address.ts";
import { Connection } from "./connection.ts";

/** The longest pause between two tries, in milliseconds. */
const maxPause = 50;
const logLines = 5;
/** Exit status of a daemon that found another at work, as in cmd/daemon.ts. */
const otherRuns = 3;
/** How long that other one may take until it answers. */
const othersStart = 10_000;

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
  const { daemon, offset } = await spawnDaemon().catch((cause: unknown) => {
    const message = `cannot start the rt daemon: ${messageOf(cause)}`;
    throw new EngineError("unavailable", message, { cause });
  });
  daemon.unref();
  let failure: string | undefined;
  let deadline = Number.POSITIVE_INFINITY;
  daemon.on("error", (error) => {
    failure = error.message;
    deadline = 0;
  });
  daemon.on("exit", (code, signal) => {
    failure = signal ? `it was ended by ${signal}` : `it ended with status ${code}`;
    // Another client was quicker: its daemon is as good as ours.
    deadline = performance.now() + (code === otherRuns ? othersStart : 0);
  });
  for (let pause = 1; ; pause = Math.min(pause * 2, maxPause)) {
    if (await answers(address)) return;
    if (performance.now() > deadline) break;
    await Bun.sleep(pause);
  }
  const words = await lastWords(offset);
  throw new EngineError("unavailable", `cannot start the rt daemon: ${failure}${words}`, {
    hint: `see ${logPath}, or run 'rt daemon' to watch it`,
  });
}

/** `offset` is where the new daemon's lines in the log begin. */
async function spawnDaemon() {
  const { closeSync, fstatSync, mkdirSync, openSync } = await import("node:fs");
  const { spawn } = await import("node:child_process");
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o710 });
  const log = openSync(logPath, "a", 0o600);
  try {
    const offset = fstatSync(log).size;
    const stdio: StdioOptions = ["ignore", log, log];
    const options = { detached: true, stdio, cwd: "/" };
    return { daemon: spawn(process.execPath, ["daemon"], options), offset };
  } finally {
    closeSync(log);
  }
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
