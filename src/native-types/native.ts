/**
 * What the native addon offers, as the daemon's services see it. Types only: services receive a
 * `Native` through their constructor, and `native.ts` alone knows how to load one.
 * All paths are absolute; all sizes are bytes; all promises reject with EngineError.
 */

import type { Adoption, ExecPlan, MonitorForms } from "./exec.ts";
import type {
  CopyUpRequest,
  ExtractOptions,
  FileChange,
  LayerExtraction,
  LayersMeasured,
  LayersRequest,
  PackedLayer,
  TreeUsage,
} from "./layers.ts";
import type { BridgePlan, EndpointPlan, PortChange, PublishedPort } from "./net.ts";
import type {
  ContainerPlan,
  Launched,
  LaunchRequest,
  LogPlan,
  PlannedMount,
  SeccompPlan,
} from "./plan.ts";

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
  /**
   * Sends a few bytes so that one read of the other end takes no more than them; by a Unix socket's descriptor.
   * False if that cannot be, and nothing has been sent.
   */
  sendAlone(socket: number, bytes: Uint8Array): boolean;
  /** Lets go of the program's code in memory, which comes again where it is run. */
  rest(): void;
  /** For the end of a daemon none of whose containers runs: its idle monitor and its cgroups go. */
  retire(): Promise<void>;
  /** Starts monitors ahead of the next launches, with networks as these will need them. */
  prepareMonitor(): Promise<void>;
  /** As many are made ahead at most; 0 leaves one monitor, with no more than an empty network. */
  configurePool(most: number): void;
  /** Lets go of what has been made ahead and was not needed for a while. */
  restPool(): void;
  /** Writes new limits to the control groups of a container that runs. */
  updateResources(cgroup: ContainerPlan["cgroup"]): Promise<void>;
  /** Says once, before any bridge is made, what rules go by; nothing happens in the kernel yet. */
  configureRules(settings: RulesSettings): void;
  /**
   * Puts all rules as they should be in one transaction, whatever stands and was known: for a daemon that takes
   * over. Ports by container.
   */
  resetRules(reset: RulesReset): Promise<void>;
  /**
   * Chains of other firewalls that may drop what goes to these bridges (none: all that stand) or comes from them.
   */
  findForeignDrops(bridges: string[]): Promise<ForeignDrop[]>;
  /** Makes (or finds and repairs) a bridge with its addresses, forwarding and rules. */
  ensureBridge(bridge: BridgePlan): Promise<void>;
  /** Removes a bridge and its rules, and the table with the last of them. What is absent is no error. */
  removeBridge(name: string): Promise<void>;
  /** Routes of the daemon's network namespace, "ADDRESS/PREFIX" of both families, to choose free subnets by. */
  listRoutes(): Promise<string[]>;
  /** Gives a running container another interface; on failure nothing is left of it. */
  connect(request: EndpointRequest): Promise<void>;
  /** Takes an interface away again. Interface or container gone is no error. */
  disconnect(request: EndpointRequest): Promise<void>;
  /** Makes an interface of a running container the way out, for the families of its gateways. */
  setGateways(request: EndpointRequest): Promise<void>;
  /**
   * Makes sure of the interface that macvlans or ipvlans hang on: for an internal network one that leads
   * nowhere; otherwise one of the host's, or if it is absent and named "eth0.10", VLAN 10 of eth0.
   */
  ensureParent(parent: { name: string; internal: boolean }): Promise<void>;
  /** Takes away what `ensureParent` made, now or in an earlier daemon, and nothing else. */
  removeParent(name: string): Promise<void>;
  /** Changes the published ports of a container; resolves with all that it has then. */
  publish(change: PortChange): Promise<PublishedPort[]>;
  /** Withdraws every port of a container, if it has any. */
  unpublish(container: string): Promise<void>;
  /**
   * Holds the host's ports that an earlier daemon has published, by container; their rules are `resetRules`'s.
   * Resolves with a sentence about each that somebody took meanwhile.
   */
  holdPorts(published: Record<string, PublishedPort[]>): Promise<string[]>;
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

export interface RulesReset {
  bridges: BridgePlan[];
  published: Record<string, PublishedPort[]>;
}

/** A chain of somebody else's nftables rules at the hook forward that drops what it does not know. */
export interface ForeignDrop {
  family: "ip" | "ip6" | "inet";
  table: string;
  chain: string;
  /** Of those asked for, that no rule of the table names. */
  bridges: string[];
}

/** Published ports are open to everybody, or to whom the host's own rules for what comes in let pass. */
export type PublishPolicy = "docker" | "respect-firewall";

export interface RulesSettings {
  /** Name of the nftables table that holds all our rules. */
  table: string;
  policy: PublishPolicy;
  /** Switch forwarding on where it is off. */
  forwarding: boolean;
}

/** An interface of a running container. */
export interface EndpointRequest {
  container: {
    id: string;
    /** Its first process; that this is still the container's is made sure of. */
    pid: number;
  };
  endpoint: EndpointPlan;
}

/** Bytes on their way from a file to a socket, on a thread of their own. */
export interface FileSending {
  /** True once the kernel has all of it; false if the client is gone, or after `cancel`. */
  wait(): Promise<boolean>;
  /** Ends the connection. */
  cancel(): void;
  /** Gives its copies of both descriptors back. */
  close(): void;
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
  /** Opens its files, as `next` does otherwise: what they hold is read from then on even if they are removed. */
  open(): Promise<void>;
  /** The next piece of output; without bytes there is no more now, and none ever when it is over. */
  next(): Promise<{ bytes?: Uint8Array; isOver: boolean }>;
  /** To be called when files change: holds those that are not read yet before they are deleted. */
  hold(): void;
  /** Closes its files. Not while `next` is under way. */
  close(): void;
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
