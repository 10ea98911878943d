/** What the addon is told of execs and of those who follow a container's output. */
import type { ContainerPlan } from "./plan.ts";

/** A further process of a container that runs. */
export interface ExecPlan {
  /** 64 hex digits. */
  id: string;
  process: ContainerPlan["process"];
}

/** A client whose connection its monitor is given. */
export interface Adoption {
  /** What the monitor calls it when it tells of it: 32 bits. */
  token: number;
  /** 1 stdin, 2 stdout, 4 stderr. */
  flags: number;
  /** Output goes without headers, as of a terminal. */
  isRaw: boolean;
  /** Bytes by which it asks to be let go; none: it never does. */
  detachKeys: number[];
  /** The exec it is attached to, "" for the container itself. */
  exec: string;
  /** Its monitor tells it the exit code where this daemon is gone, as a frame `exit`. */
  isToldExit: boolean;
}

/** Numbers of the forms in which monitors are asked, see native/sandbox/src/protocol.rs. */
export interface MonitorForms {
  exec: number;
  adopt: number;
  /** Of both, for monitors that do not tell theirs. */
  untold: number;
}
