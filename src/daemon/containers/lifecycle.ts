import { messageOf } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import { runInContainer } from "../execs/run.ts";
import { ExecService } from "../execs/service.ts";
import { linkEnvironment, linksOf } from "../networks/names/legacy-links.ts";
import type { ExecStore } from "../store/exec-store.ts";
import { Freezer } from "./freezer.ts";
import { HealthChecker } from "./health.ts";
import { actOnUnhealthy } from "./health-action.ts";
import type { Posture } from "./plan.ts";
import { Restarter } from "./restarter.ts";
import { Stopper } from "./stopper.ts";
import { Supervisor, type SupervisorParts } from "./supervisor.ts";
import type { Entry } from "./table.ts";

export interface LifecycleParts extends Omit<SupervisorParts, "restarter" | "onRun"> {
  native: Native;
  cgroupParent: string | null;
  execStore: ExecStore;
  posture: Posture;
}

/** What starts, follows, checks, pauses and ends containers: each knows the next one only by a function. */
export function createLifecycle({ cgroupParent, execStore, posture, ...parts }: LifecycleParts) {
  const { table, log, events, native } = parts;
  const onExit = (entry: Entry): void => {
    execs.endAll(entry.container.id);
    health.update(entry);
    parts.onExit(entry);
  };
  const restarter = new Restarter({
    ...{ table, log },
    relaunch: (entry: Entry): Promise<void> => supervisor.relaunch(entry),
  });
  const supervisor: Supervisor = new Supervisor({
    ...{ ...parts, restarter, onExit },
    onRun: (entry) => {
      execs.follow(entry);
      health.update(entry);
    },
  });
  const execs = new ExecService({
    ...{ native, events, posture, store: execStore },
    find: (id) => table.get(id),
    socketOf: (entry) => supervisor.paths(entry).socket,
    linkedOf: ({ container }) =>
      linkEnvironment(
        container,
        linksOf(container, (id) => table.find(id)),
      ),
  });
  const freezer = new Freezer({
    ...{ native, table, events, cgroupParent },
    onChange: (entry: Entry) => health.update(entry),
  });
  const stopper = new Stopper({
    ...{ table, events, freezer, restarter, onExit },
    start: (entry) => supervisor.start(entry),
  });
  const health: HealthChecker = new HealthChecker({
    ...{ table, events, log },
    run: (entry, probe) => runInContainer(execs, entry, { ...probe, env: [], user: "", cwd: "" }),
    onUnhealthy: (entry) => {
      void actOnUnhealthy(entry, stopper).catch((error: unknown) => {
        log.warn(`act on unhealthy container ${entry.container.name}: ${messageOf(error)}`);
      });
    },
  });
  return { supervisor, restarter, freezer, stopper, health, execs };
}
