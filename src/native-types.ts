/**
 * What the native addon offers, as the daemon's services see it. Types only: services receive a
 * `Native` through their constructor, and `native.ts` alone knows how to load one.
 * All paths are absolute; all sizes are bytes; all promises reject with EngineError.
 */
import type { Adoption, ExecPlan, MonitorForms } from "./native-exec-types.ts";
export interface Native {
  /** Starts reading a layer from a file that may still be growing; works on native threads. */
  extractLayer(options: ExtractOptions): LayerExtraction;
  /** syncfs, rename `staging` to `final`, fsync of the parent. An existing `final` wins. */
  commitLayer(staging: string, final: string): Promise<void>;
  /** Removes a tree by directory fds, never following a link. What is absent is no error. */
  removeTree(path: string): Promise<void>;
  /** Bytes of the regular files below a path, each once however many names it has; 0 if absent. */
  treeSize(path: string): Promise<number>;
  /** The same, and what it takes of the disk; nothing if absent. */
  treeUsage(path: string): Promise<TreeUsage>;
  /** The first difference of two trees, in words; null if there is none. */
  compareTrees(left: string, right: string): Promise<string | null>;
  /** Copies a directory of an image into an empty volume; false if there was nothing to do. */
  copyUp(request: CopyUpRequest): Promise<boolean>;
  /** Ends or undoes what an interrupted `copyUp` has left in a volume's directory. */
  finishCopyUp(directory: string): Promise<void>;
  /** Starts a monitor, which sets the container up and waits at the gate for START on its socket. */
  launch(request: LaunchRequest): Promise<Launched>;
  /** The forms of what the next two ask for. */
  monitorForms(): MonitorForms;
  /** The payload that asks a container's monitor for a further process. */
  buildExec(plan: ExecPlan): Uint8Array;
  /**
   * Gives the connection of a client to the monitor at the other end of the first socket, both by their
   * descriptors. False if that cannot be, and nothing has been sent.
   */
  adopt(monitor: number, client: number, adoption: Adoption): boolean;
  /** Begins to send the first `size` bytes of a file to a socket, both by their descriptors, which are copied. */
  sendFile(socket: number, file: number, size: number): FileSending;
  /** Lets go of the program's code in memory, which comes again where it is run. */
  rest(): void;
  /** For the end of the daemon: the idle monitor goes, and so do the daemon's cgroups if no container is in them. */
  retire(): Promise<void>;
  /** Starts the monitor of the next launch ahead of it. */
  prepareMonitor(): Promise<void>;
  /** Writes new limits to the control groups of a container that runs. */
  updateResources(cgroup: ContainerPlan["cgroup"]): Promise<void>;
  /** Makes (or finds and repairs) a bridge with its address, forwarding and masquerading. */
  ensureBridge(bridge: BridgePlan): Promise<void>;
  /** IPv4 routes of the daemon's network namespace, as "a.b.c.d/n", to choose free subnets by. */
  listRoutes(): Promise<string[]>;
  /** Makes the daemon's own cgroup ready to be the parent of containers' (cgroup v2 wants leaves). */
  prepareCgroup(): void;
  /** Stops or lets go every process of a cgroup; resolves once the kernel has done it. */
  freeze(request: CgroupRef & { frozen: boolean }): Promise<void>;
  /** False too where the cgroup is absent. */
  isFrozen(cgroup: CgroupRef): boolean;
  /** The processes of a container, in the order of their pids. */
  listProcesses(cgroup: CgroupRef): Promise<ProcessList>;
  /** What a container uses; `pid` is its first process, whose network is counted. */
  readStats(request: CgroupRef & { pid: number }): Promise<StatsSample>;
  /** Opens a container's log for reading; nothing is read before the first `next`. */
  openLog(request: LogRequest): LogReader;
  /** What a path of a container is. */
  statFile(request: FileRequest): Promise<FileStat>;
  /** Begins an archive of a path of a container and all below it. */
  readArchive(request: FileRequest): ArchiveSource;
  /** Begins to unpack an archive into a directory of a container. */
  writeArchive(request: FileRequest & ReceiveOptions): ArchiveSink;
  /** What a container changed; sorted, without what the engine itself makes. */
  listChanges(layers: LayersRequest): Promise<FileChange[]>;
  /** What layers bring and hide; directories, lowest first. */
  measureLayers(layers: string[]): Promise<LayersMeasured>;
  /** Begins to tell how two stacks of layers differ, each topmost first: lines of JSON. */
  diffLayers(stacks: { before: string[]; after: string[] }): ByteSource;
  /** Writes the changes as a gzip layer to a new file. */
  packChanges(layers: LayersRequest, to: string): Promise<PackedLayer>;
  /** Refuses a profile that no container could have. */
  checkSeccomp(plan: SeccompPlan): void;
  /** Facts about this host that `info` and the planner need. */
  hostFacts(): HostFacts;
}

/** Bytes on their way from a file to a socket, on a thread of their own. */
export interface FileSending {
  /** True once the kernel has all of it; false if the client is gone, or after `cancel`. */
  wait(): Promise<boolean>;
  /** Ends the connection. */
  cancel(): void;
}

/** A container's leaf of the control groups, as its plan names it. */
export interface CgroupRef {
  parent: string | null;
  name: string;
}

export interface ProcessList {
  /** Seconds since boot. */
  uptime: number;
  processes: ProcessInfo[];
}

/** One process as /proc has it: pids of the daemon's namespace, ticks of 1/100 s, sizes in KiB. */
export interface ProcessInfo {
  pid: number;
  ppid: number;
  pgid: number;
  session: number;
  /** The kernel's number of the terminal, 0 for none. */
  tty: number;
  /** Process group in the foreground of the terminal. */
  foreground: number;
  state: string;
  nice: number;
  threads: number;
  userTicks: number;
  kernelTicks: number;
  /** Of the children that it has waited for. */
  childrenTicks: number;
  /** Since boot. */
  startTicks: number;
  uid: number;
  gid: number;
  virtualSize: number;
  resident: number;
  locked: number;
  name: string;
  args: string[];
}

/** Counters since the container's start. Times are in nanoseconds. */
export interface StatsSample {
  cpu: {
    total: number;
    user: number;
    kernel: number;
    /** Of the whole host, idle time too. */
    system: number;
    online: number;
    periods: number;
    throttledPeriods: number;
    throttledTime: number;
  };
  memory: {
    usage: number;
    maxUsage: number;
    failCount: number;
    /** null: that of the host. */
    limit: number | null;
    /** The kernel's memory.stat. */
    stats: Record<string, number>;
  };
  pids: number;
  pidsLimit: number | null;
  block: { major: number; minor: number; op: "read" | "write"; value: number }[];
  /** By name of the interface, the loopback left out. */
  networks: Record<string, NetworkCounters>;
}

export interface NetworkCounters {
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

export interface TreeUsage {
  bytes: number;
  /** Of its blocks, the directories' too. */
  disk: number;
}

export interface ExtractOptions {
  /** The compressed layer, perhaps still growing. */
  blobPath: string;
  /** A directory that does not exist yet; left absent when the extraction fails. */
  stagingDir: string;
  /** Budgets; the layer is refused beyond them. */
  maxBytes: number;
  maxEntries: number;
}

export interface LayerExtraction {
  /** The file now holds this many bytes in all. */
  grown(totalBytes: number): void;
  /** No more bytes will come. */
  finish(): void;
  /** Stops at once; `done` rejects, the staging directory is gone. */
  cancel(): void;
  readonly done: Promise<ExtractResult>;
}

export interface ExtractResult {
  /** sha256 of the bytes of the file, "sha256:<hex>". */
  digest: string;
  blobSize: number;
  /** sha256 of the plain tar stream. */
  diffId: string;
  /** Sum of the sizes of regular files. */
  size: number;
  entries: number;
}

/** Where a container's root is: its first process's, or mounted for the work alone. */
export type FilePlace =
  | { kind: "running"; pid: number; monitorPid: number }
  | { kind: "stopped"; rootfs: ContainerPlan["rootfs"]; mounts: PlannedMount[] };

export interface FileRequest {
  place: FilePlace;
  /** As the user typed it: an end of "/" or "/." means what a link leads to. */
  path: string;
  /** Image and writable layer alone, without what is mounted; the archive names what is in the path. */
  bare?: boolean;
}

export interface FileStat {
  name: string;
  size: number;
  /** The bits of Go's os.FileMode. */
  mode: number;
  /** Of the last change: since 1970, and nanoseconds after it. */
  seconds: number;
  nanos: number;
  linkTarget: string;
}

export interface ByteSource {
  /** The next bytes, null after the last. */
  next(): Promise<Uint8Array | null>;
  /** To be called whatever happened. */
  cancel(): void;
}

export interface ArchiveSource extends ByteSource {
  /** Settles before anything is read. */
  readonly found: Promise<FileStat>;
}

export interface ReceiveOptions {
  /** No directory is replaced by a file, and no file by a directory. */
  keepKinds: boolean;
  /** Owner of everything, looked up in the container; "" for what the archive says. */
  user: string;
}

export interface ArchiveSink {
  /** The directory is there and can be written to. */
  readonly found: Promise<void>;
  /** Waits for room; false when no more is wanted, and `finish` says why. */
  write(chunk: Uint8Array): Promise<boolean>;
  finish(): Promise<void>;
  cancel(): void;
}

/** The directories of a container's overlay. */
export interface LayersRequest {
  upper: string;
  lower: string[];
  /** Paths that the engine makes for what it mounts. */
  mountPoints: string[];
}

export interface FileChange {
  path: string;
  /** Docker's numbers: modified, added, deleted. */
  kind: 0 | 1 | 2;
}

/** By layer, lowest first. */
export interface LayersMeasured {
  files: number[];
  /** Of everything but directories. */
  bytes: number[];
  /** Bytes of files of layers below that this one replaces or removes. */
  wasted: number[];
  /** What is left to be seen. */
  visible: number;
}

export interface PackedLayer {
  digest: string;
  size: number;
  diffId: string;
}

export interface CopyUpRequest {
  /** Layer directories, topmost first; at least two. */
  lower: string[];
  /** In the image, resolved there. */
  path: string;
  /** Staged: the volume's directory, which holds `_data`; else the directory to fill itself. */
  directory: string;
  staged: boolean;
}

export interface LaunchRequest {
  plan: ContainerPlan;
  /** Wired up while the child mounts, before the gate opens; null for networks without one. */
  endpoint: EndpointPlan | null;
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

export interface LogRequest {
  driver: LogPlan["driver"];
  path: string;
  stdout: boolean;
  stderr: boolean;
  timestamps: boolean;
  /** Attributes before the text. */
  details: boolean;
  /** Text alone instead of stream frames. */
  raw: boolean;
  /** Neighbouring records of one stream share a frame. */
  joined: boolean;
  /** There may be more later. */
  follow: boolean;
  /** Only so many of the last records; null for all. */
  tail: number | null;
  /** RFC 3339, null for no bound. */
  since: string | null;
  until: string | null;
}

export interface LogReader {
  /** The next piece of output; without bytes there is no more now, and none ever when it is over. */
  next(): Promise<{ bytes?: Uint8Array; isOver: boolean }>;
  /** To be called when files change: holds those that are not read yet before they are deleted. */
  hold(): void;
  /** Closes its files. Not while `next` is under way. */
  close(): void;
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

export interface EndpointPlan {
  bridge: string;
  /** Name of the host's end of the veth pair, at most 15 bytes. */
  hostInterface: string;
  /** "172.17.0.2/16" */
  address: string;
  gateway: string;
  /** "02:42:ac:11:00:02" */
  mac: string;
}

export interface BridgePlan {
  /** Interface name, at most 15 bytes. */
  name: string;
  /** The gateway with its prefix, "172.17.0.1/16". */
  address: string;
  /** Name of the nftables table that holds all our rules. */
  table: string;
  masquerade: boolean;
  mtu: number;
}

/** JSON in the exit record and in the EXITED frame. */
export interface ExitRecord {
  /** Docker's exit code: the status, or 128 + signal. */
  exitCode: number;
  oomKilled: boolean;
  /** RFC 3339 with nanoseconds, UTC. */
  finishedAt: string;
  /** Why the container's program never ran; empty if it ran. */
  error: string;
}

export interface HostFacts {
  kernelVersion: string;
  cgroupVersion: 1 | 2;
  /** v1 controllers beside a v2 tree. */
  cgroupHybrid: boolean;
  memoryLimit: boolean;
  swapLimit: boolean;
  cpuQuota: boolean;
  pidsLimit: boolean;
  cpuset: boolean;
  memorySwappiness: boolean;
  oomKillDisable: boolean;
  cpuRealtime: boolean;
  blkioWeight: boolean;
  blkioThrottle: boolean;
  /** CPUs and memory nodes that are online, as "0-3,8". */
  cpus: string;
  mems: string;
  /** System calls can be filtered. */
  seccomp: boolean;
  ncpu: number;
  appArmor: boolean;
  memTotal: number;
}
