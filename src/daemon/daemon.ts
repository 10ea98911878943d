import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getuid } from "node:process";
import packageJson from "../../package.json";
import { env } from "../env.ts";
import { EngineError } from "../errors.ts";
import { createLog } from "../log.ts";
import { loadNative } from "../native.ts";
import { type DaemonConfig, type DaemonFlags, readConfig } from "./config.ts";
import { createEngine } from "./engine.ts";
import { Audit } from "./http/audit.ts";
import { defaultLimits, type Limits } from "./http/limits.ts";
import { formatAddress, listen } from "./http/listen.ts";
import { PeerReader } from "./http/peer.ts";
import { ApiServer } from "./http/server.ts";
import { readIds } from "./http/unix.ts";
import { holdLock } from "./lock.ts";
import { writeOwnLog } from "./own-log.ts";
import { Quiet } from "./quiet.ts";
import { createHandlers } from "./routes/handlers.ts";

/** The composition root: settings, engine, server. Runs until it is told to stop; answers the exit code. */
export async function runDaemon(flags: DaemonFlags): Promise<number> {
  const config = await readConfig(flags);
  if (getuid?.() !== 0) {
    throw new EngineError("forbidden", "rt daemon needs root rights", {
      hint: "start it as root, for example with sudo",
    });
  }
  const log = createLog(config.logLevel, writeOwnLog());
  env.keepLoopbackDirect();
  await spareFromOom();
  await makeRoots(config);
  using _lock = await holdLock(join(config.dataRoot, "rt.lock"));
  const native = await loadNative();
  const engine = await createEngine(config, native, log);
  await engine.reconcile();
  engine.spares.refill();
  const handlers = createHandlers(engine);
  const headers = { Server: `rt/${packageJson.version} (linux)` };
  const limits = await readLimits();
  const quiet = new Quiet(() => {
    Bun.gc(true);
    native.rest();
  });
  const answered = (): void => quiet.disturb();
  const audit = new Audit(log);
  const server = new ApiServer({ handlers, log, audit, headers, limits, answered });
  // Before it says that it is ready: who waits for that may end it at once.
  const stopping = stopSignal();
  const listening = await listen(server, {
    addresses: config.addresses,
    group: config.group,
    tls: config.tls,
    log,
    peers: new PeerReader(await readUserNames()),
    direct: native,
  });
  log.info(
    `rt ${packageJson.version} is ready on ${config.addresses.map(formatAddress).join(", ")}`,
  );
  engine.catalog.restore();
  const signal = await stopping;
  log.info(`stopping on ${signal}; containers go on`);
  await listening.close();
  await engine.close();
  return 0;
}

/** Docker's score for its daemon. A sandbox may forbid it, which costs nothing but the favour. */
async function spareFromOom(): Promise<void> {
  await writeFile("/proc/self/oom_score_adj", "-500").catch(() => {});
}

async function makeRoots({ dataRoot, runRoot }: DaemonConfig): Promise<void> {
  await mkdir(dataRoot, { recursive: true, mode: 0o710 });
  await mkdir(join(dataRoot, "containers"), { recursive: true, mode: 0o710 });
  await mkdir(join(runRoot, "c"), { recursive: true, mode: 0o711 });
}

/** A connection may need a second descriptor, to the monitor that it is joined to. */
async function readLimits(): Promise<Limits> {
  const text = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const descriptors = Number(
    /^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY,
  );
  const connections = Math.min(defaultLimits.connections, Math.floor(descriptors / 2));
  return { ...defaultLimits, connections };
}

/** Users' names by id, the first of each, for the log. */
async function readUserNames(): Promise<Map<number, string>> {
  const entries = [...(await readIds("/etc/passwd"))].reverse();
  return new Map(entries.map(([name, uid]) => [uid, name]));
}

function stopSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => resolve(name));
  return promise;
}
