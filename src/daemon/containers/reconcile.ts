import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { MonitorForms } from "../../native-types/exec.ts";
import type { Native } from "../../native-types/native.ts";
import type { Attacher } from "../networks/attacher.ts";
import type { Connector } from "../networks/connector.ts";
import { isRunning, notConnected, notRunning, zeroTime } from "./container.ts";
import type { Freezer } from "./freezer.ts";
import { startingHealth } from "./health-state.ts";
import { MonitorControl } from "./monitor.ts";
import type { ContainerPaths } from "./paths.ts";
import type { Restarter } from "./restarter.ts";
import { readExitRecord, type Supervisor } from "./supervisor.ts";
import type { ContainerTable, Entry } from "./table.ts";

export interface ReconcileParts {
  native: Pick<Native, "monitorForms">;
  table: ContainerTable;
  attacher: Attacher;
  connector: Connector;
  supervisor: Supervisor;
  freezer: Freezer;
  restarter: Restarter;
  onExit(entry: Entry): void;
  /** Takes over what the containers that run have of the host's networks. */
  adoptNetworks(running: Entry[]): Promise<void>;
}

/** Milliseconds that a monitor gets to end after it was let go. */
const gatePatience = 1000;

/** After a daemon restart: takes up every monitor that lives, records what has ended meanwhile. */
export async function reconcile(parts: ReconcileParts): Promise<void> {
  const { table, attacher, connector, supervisor, restarter } = parts;
  const entries = table.all();
  await Promise.all(entries.map((entry) => adopt(entry, parts)));
  // A daemon that was killed in the middle of a launch has left one that no monitor knows.
  await supervisor.sweep(entries.filter(({ state }) => !isRunning(state)));
  const running = table.all().filter(({ state }) => isRunning(state));
  await parts.adoptNetworks(running);
  await Promise.all(running.map((entry) => connector.settle(entry)));
  attacher.reconcile(running);
  restarter.boot();
}

async function adopt(entry: Entry, parts: ReconcileParts): Promise<void> {
  const { table, supervisor, freezer } = parts;
  const paths = supervisor.paths(entry);
  const control = await findRunning(paths.socket, parts.native.monitorForms());
  if (control !== undefined) {
    const status = freezer.isFrozen(entry) ? "paused" : "running";
    if (entry.state.status !== status) {
      // A start that was under way has come through: its health check begins.
      const { config } = entry.container;
      const health = isRunning(entry.state)
        ? entry.state.health
        : startingHealth(config, entry.state.health);
      table.saveAnyway(entry, { ...entry.state, status, health, exitCode: 0, error: "" });
    }
    supervisor.follow(entry, control);
    return;
  }
  await recordEnd(entry, paths, parts);
  await rm(paths.run, { recursive: true, force: true });
  // Its exit may have been recorded by a daemon that was killed before it removed it.
  parts.onExit(entry);
}

/** No monitor is there any more. A start that was under way has run to its end, or never began. */
async function recordEnd(
  entry: Entry,
  paths: ContainerPaths,
  { table, supervisor }: ReconcileParts,
): Promise<void> {
  const { state } = entry;
  if (isRunning(state)) return await supervisor.ended(entry, undefined, "boot");
  if (state.monitorPid === 0) return;
  const record = await readExitRecord(paths);
  if (record !== undefined) return await supervisor.ended(entry, record, "boot");
  const startedAt = state.status === "created" ? zeroTime : state.startedAt;
  table.saveAnyway(entry, { ...state, ...notRunning, ...notConnected, startedAt });
}

/**
 * The control connection to a container that runs. One at its gate was started by a daemon that died
 * before it could open it: letting go ends its monitor, which is waited for.
 */
async function findRunning(
  socket: string,
  forms: MonitorForms,
): Promise<MonitorControl | undefined> {
  const end = performance.now() + gatePatience;
  for (;;) {
    const found = await MonitorControl.connect(socket, forms).catch(() => undefined);
    if (found === undefined || found.running) return found?.control;
    found.control.close();
    if (performance.now() > end) return undefined;
    await sleep(20);
  }
}
