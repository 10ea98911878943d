/** What the addon is told of a container that is to be started. */

import type { EndpointPlan } from "./net.ts";

export interface LaunchRequest {
  plan: ContainerPlan;
  /** Wired up while the child mounts, before the gate opens; none for a container with the loopback alone. */
  endpoints: EndpointPlan[];
  /** Made first, in order, where absent. */
  directories: { path: string; mode: number }[];
  /** Written next, replaced where present. */
  files: { path: string; content: string }[];
}

export interface Launched {
  monitorPid: number;
  /** The container's first process, in the daemon's pid namespace. */
  pid: number;
}

export interface ContainerPlan {
  /** 64 hex digits. */
  id: string;
  /** Exists, mode 0700. The monitor's socket is `${runDir}/monitor.sock`. */
  runDir: string;
  /** The exit record (see ExitRecord), written to a temporary name and renamed. */
  exitPath: string;
  /** null for the driver "none". */
  log: LogPlan | null;
  rootfs: {
    /** Layer directories, topmost first; at least one. */
    lower: string[];
    upper: string;
    work: string;
    readonly: boolean;
  };
  /** Made after the default ones (/proc, /dev, /sys …), in this order. */
  mounts: PlannedMount[];
  process: {
    argv: string[];
    env: string[];
    cwd: string;
    /** As typed: "", "user", "uid", "user:group", "uid:gid". Looked up inside the root. */
    user: string;
    groups: string[];
    tty: boolean;
    rows: number;
    cols: number;
    /** Keep a pipe (or the pty) for stdin; otherwise /dev/null. */
    openStdin: boolean;
    /** Close the pipe after the first attached client has closed its side. */
    stdinOnce: boolean;
    /** Bit n is capability n of capabilities(7): the bounding set and, for root, the effective one. */
    capabilities: number;
    noNewPrivileges: boolean;
    /** null: every system call is let through. */
    seccomp: SeccompPlan | null;
    /** Name of an AppArmor profile; null: the program keeps what the daemon has. */
    appArmor: string | null;
    oomScoreAdj: number;
    /** By the kernel's number, see getrlimit(2); a negative value is no limit. */
    rlimits: { resource: number; soft: number; hard: number }[];
  };
  /** Run as PID 1 a small reaper of ours that forwards signals (`--init`). */
  init: boolean;
  hostname: string;
  domainname: string;
  /** Its networks have names: its monitor is its resolver, by the file `${runDir}/names`. */
  hasNames?: boolean;
  namespaces: {
    network: PlannedNamespace;
    pid: PlannedNamespace;
    ipc: PlannedNamespace;
    uts: PlannedNamespace;
    cgroup: "new" | "host";
  };
  cgroup: {
    /** null: the daemon's own cgroup. */
    parent: string | null;
    /** Leaf name below `parent`, e.g. "rt-<id>". */
    name: string;
    resources: PlannedResources;
  };
  /** /sys writable, all host devices, no device rules. */
  privileged: boolean;
  writableCgroups: boolean;
  maskedPaths: string[];
  readonlyPaths: string[];
  sysctls: Record<string, string>;
  /** 0: no /dev/shm at all. */
  shmSize: number;
  devices: PlannedDevice[];
  /** Allowed beyond the default devices and `devices`. */
  deviceRules: DeviceRule[];
}

export interface SeccompPlan {
  /** Docker's JSON, never looked into on this side; null: the built-in one. */
  profile: string | null;
  /** What its conditions are about: the container's, also for an exec that has more. */
  capabilities: number;
}

/** Of its own, the host's, or that of another container, whose first process has this pid. */
export type PlannedNamespace = "new" | "host" | { join: { id: string; pid: number } };

/** A node of a host device, which the container may use. */
export interface PlannedDevice {
  /** In the container. */
  path: string;
  kind: "block" | "char";
  major: number;
  minor: number;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Letters of "rwm". */
  access: string;
}

export interface DeviceRule {
  kind: "all" | "block" | "char";
  /** null: any. */
  major: number | null;
  minor: number | null;
  access: string;
}

export interface LogPlan {
  driver: "json-file" | "local";
  /** The current file; rotated ones are `path.1`, `path.2.gz` … */
  path: string;
  /** Bytes at which a file is closed; null: never. */
  maxSize: number | null;
  /** Files in all. */
  maxFile: number;
  compress: boolean;
  /** The program waits for the disk; otherwise `bufferSize` bytes may wait, and the rest is lost. */
  blocking: boolean;
  bufferSize: number;
  /** A JSON object of strings that comes with every record. */
  attrs: string | null;
}

export type PlannedMount =
  | {
      kind: "bind";
      source: string;
      /** Below the source; links may not lead out of it. */
      subpath?: string;
      target: string;
      readonly: boolean;
      /** What is mounted below a read-only source stays writable. */
      writableBelow?: boolean;
      recursive: boolean;
      propagation: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
      idMap?: IdMap;
    }
  | { kind: "tmpfs"; target: string; readonly: boolean; options: string[] }
  | {
      /** What mount(8) would mount, in the container's mount namespace alone. */
      kind: "device";
      fsType: string;
      device: string;
      options: string[];
      target: string;
      readonly: boolean;
      /** The process whose network reaches it. */
      networkOf?: number;
    }
  | {
      kind: "image";
      /** Layer directories, topmost first; at least two. */
      lower: string[];
      subpath?: string;
      target: string;
    };

/** Which owner of a file is shown as which; an empty one shows the source's owner as root. */
export interface IdMap {
  uids: IdRange[];
  gids: IdRange[];
}

export interface IdRange {
  inside: number;
  host: number;
  size: number;
}

export interface PlannedResources {
  memory?: number;
  /** Memory plus swap; -1 for no limit. */
  memorySwap?: number;
  memoryReservation?: number;
  /** CPU time in units of 1e-9 CPUs. */
  nanoCpus?: number;
  cpuShares?: number;
  cpuQuota?: number;
  cpuPeriod?: number;
  cpusetCpus?: string;
  cpusetMems?: string;
  /** -1 for no limit. */
  pidsLimit?: number;
  /** 0 … 100; v1 alone, as the three that follow. */
  memorySwappiness?: number;
  oomKillDisable?: boolean;
  cpuRealtimePeriod?: number;
  cpuRealtimeRuntime?: number;
  /** 10 … 1000. */
  blkioWeight?: number;
  blkioWeightDevice?: DeviceLimit[];
  blkioReadBps?: DeviceLimit[];
  blkioWriteBps?: DeviceLimit[];
  blkioReadIops?: DeviceLimit[];
  blkioWriteIops?: DeviceLimit[];
}

/** A limit, or a weight, on one block device. */
export interface DeviceLimit {
  major: number;
  minor: number;
  value: number;
}
