import type { ContainerConfig, HostConfig } from "../../api/types.ts";
import type { IdMap } from "../../native-types/plan.ts";
import type { Platform } from "../../oci/platform.ts";
import type { Attachment, Endpoint, PortMap } from "../networks/network.ts";

/** What a container is: fixed at create, but for its name. */
export interface Container {
  /** 64 hex digits. */
  id: string;
  /** Without the slash that the wire puts before it. */
  name: string;
  /** RFC 3339, UTC, nanoseconds. */
  createdAt: string;
  /** Image as the user typed it, and as it was resolved ("sha256:…"). */
  image: string;
  imageId: string;
  platform: Platform;
  /** The request's settings merged with the image's. */
  config: ContainerConfig;
  hostConfig: HostConfig;
  mounts: ContainerMount[];
  /** What it asks of its networks, by their names; none where it has another container's. */
  attachments: Record<string, Attachment>;
}

export type ContainerMount = BindMount | VolumeMount | TmpfsMount | ImageMount;

export interface BindMount {
  type: "bind";
  source: string;
  target: string;
  readonly: boolean;
  recursive: boolean;
  propagation: Propagation;
  mode: string;
  /** What is mounted below a read-only source stays writable. */
  writableBelow?: boolean;
  idMap?: IdMap;
}

export interface VolumeMount {
  type: "volume";
  name: string;
  target: string;
  readonly: boolean;
  anonymous: boolean;
  mode: string;
  /** Not filled with what the image has at its place. */
  nocopy?: boolean;
  subpath?: string;
}

export interface TmpfsMount {
  type: "tmpfs";
  target: string;
  readonly: boolean;
  options: string[];
}

export interface ImageMount {
  type: "image";
  /** As the user typed it, and as it was resolved. */
  image: string;
  imageId: string;
  target: string;
  readonly: true;
  subpath?: string;
}

export type Propagation = "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";

export type ContainerStatus =
  | "created"
  | "running"
  | "paused"
  | "restarting"
  | "removing"
  | "exited"
  | "dead";

/** What changes as a container lives. */
export interface ContainerState {
  status: ContainerStatus;
  /** Of the container's first process and of its monitor; 0 when not running. */
  pid: number;
  monitorPid: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  /** RFC 3339; Docker's zero time when it never happened. */
  startedAt: string;
  finishedAt: string;
  /** Its places in networks while it runs, by their names. */
  endpoints: Record<string, Endpoint>;
  /** Its ports at addresses of the host, as published: "80/tcp" → where. */
  ports: PortMap;
  /** Starts that the restart policy has made since the user's last one. */
  restartCount: number;
  /** The user has stopped it: `unless-stopped` leaves it down when the daemon starts. */
  hasBeenManuallyStopped: boolean;
  /** Null without a health check. */
  health: Health | null;
}

/** How the health check of a container stands, and its last results. */
export interface Health {
  status: "starting" | "healthy" | "unhealthy";
  failingStreak: number;
  log: HealthResult[];
}

export interface HealthResult {
  /** RFC 3339. */
  start: string;
  end: string;
  exitCode: number;
  output: string;
}

/** True while it has processes: a paused container runs, one that is between two restarts does not. */
export function isRunning({ status }: Pick<ContainerState, "status">): boolean {
  return status === "running" || status === "paused";
}

export const zeroTime = "0001-01-01T00:00:00Z";

export function initialState(): ContainerState {
  return {
    status: "created",
    ...notRunning,
    exitCode: 0,
    oomKilled: false,
    error: "",
    startedAt: zeroTime,
    finishedAt: zeroTime,
    ...notConnected,
    restartCount: 0,
    hasBeenManuallyStopped: false,
    health: null,
  };
}

/** The part of a state that is the same for everything that does not run. */
export const notRunning = { pid: 0, monitorPid: 0 } as const;

/** The places of what does not run. */
export const notConnected = { endpoints: {}, ports: {} } as const;

/** The program and its arguments, as the container will execute them. */
export function commandOf(config: ContainerConfig): string[] {
  return [...entrypointOf(config), ...(config.Cmd ?? [])];
}

/** `--entrypoint ""` arrives as [""] and means none. */
function entrypointOf(config: ContainerConfig): string[] {
  const entrypoint = config.Entrypoint ?? [];
  return entrypoint.length === 1 && entrypoint[0] === "" ? [] : entrypoint;
}

export function nowRfc3339(): string {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1e3);
  const seconds = new Date(Math.floor(micros / 1e3)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1e6).padStart(6, "0")}000Z`;
}
