import type { ExecPlan } from "../../native-types/exec.ts";
import { capabilityMask, chooseCapabilities } from "../containers/capabilities.ts";
import type { Container } from "../containers/container.ts";
import { hostnamesOf } from "../containers/hostnames.ts";
import { buildEnvironment } from "../containers/merge.ts";
import { type Posture, planProcess } from "../containers/plan.ts";

/** What is to be run in a container. */
export interface ExecSettings {
  argv: string[];
  env: string[];
  /** "" for the container's own. */
  user: string;
  cwd: string;
  tty: boolean;
  privileged: boolean;
  attach: { stdin: boolean; stdout: boolean; stderr: boolean };
  detachKeys: string;
  console: { rows: number; columns: number };
}

/** An exec as it is kept. */
export interface ExecRecord {
  /** 64 hex digits. */
  id: string;
  containerId: string;
  settings: ExecSettings;
  status: "created" | "running" | "exited";
  pid: number;
  /** null until it has ended. */
  exitCode: number | null;
  /** Milliseconds since 1970. */
  endedAt: number;
}

/**
 * Decides what the container's monitor is asked for. Pure. `privileged` means capabilities: system calls
 * are filtered as the container's are, as with Docker.
 */
export function planExec(
  { id, settings }: ExecRecord,
  container: Container,
  posture: Posture,
  linked: string[],
): ExecPlan {
  const { hostname } = hostnamesOf(container);
  const own = planProcess(container, posture, settings.console, hostname, linked);
  const terminal = settings.tty ? ["TERM=xterm"] : [];
  const host = container.hostConfig;
  return {
    id,
    process: {
      ...own,
      argv: settings.argv,
      env: buildEnvironment([...terminal, ...own.env], settings.env),
      user: settings.user || own.user,
      cwd: settings.cwd || own.cwd,
      tty: settings.tty,
      rows: settings.console.rows,
      cols: settings.console.columns,
      openStdin: settings.attach.stdin,
      stdinOnce: settings.attach.stdin,
      capabilities: settings.privileged
        ? capabilityMask(chooseCapabilities([], [], true))
        : capabilityMask(
            chooseCapabilities(host.CapAdd ?? [], host.CapDrop ?? [], host.Privileged ?? false),
          ),
    },
  };
}
