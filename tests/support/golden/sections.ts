/**
 * What the probe must find, written by hand from Docker's defaults. Where a machine may lack something
 * (a file of /proc, a capability), what the probe finds outside of any container decides, and only so far.
 */
import { allCapabilities } from "../../../src/daemon/containers/defaults.ts";
import type { DeviceNode, Found, PathState } from "../probe.ts";
import type { Posture } from "./posture.ts";

/** Bits of capability.h. */
function hex(names: string[]): string {
  const bits = names.map(
    (name) => 1n << BigInt((allCapabilities as readonly string[]).indexOf(name)),
  );
  return bits
    .reduce((all, bit) => all | bit, 0n)
    .toString(16)
    .padStart(16, "0");
}

/** Nothing to inherit, nothing ambient; another user than root has no capability in force. */
export function capabilities(posture: Posture, outside: Found): Found["capabilities"] {
  // What the machine itself lacks cannot be given.
  const machine = String(outside.capabilities.CapBnd);
  const bounding = posture.capabilities === "all" ? machine : hex(posture.capabilities);
  const own = posture.uid === 0 ? bounding : hex([]);
  return {
    CapInh: hex([]),
    CapPrm: own,
    CapEff: own,
    CapBnd: bounding,
    CapAmb: hex([]),
    NoNewPrivs: posture.noNewPrivileges ? "1" : "0",
    Seccomp: posture.filtered ? "2" : "0",
    // One program; kernels before 5.9 do not say.
    ...("Seccomp_filters" in outside.capabilities
      ? { Seccomp_filters: posture.filtered ? "1" : "0" }
      : {}),
    securebits: 0,
  };
}

export function descriptors(posture: Posture): Found["descriptors"] {
  if (posture.terminal) return { "0": "/dev/pts/0", "1": "/dev/pts/0", "2": "/dev/pts/0" };
  return { "0": "/dev/null", "1": "pipe", "2": "pipe" };
}

/** Without /etc/passwd a user has group 0, which counts among the supplementary ones. */
export function groups({ uid }: Posture): Found["groups"] {
  return { uid: [uid, uid, uid], gid: [0, 0, 0], groups: [0] };
}

const character = (numbers: string): DeviceNode => ({
  kind: `c ${numbers}`,
  mode: "0666",
  owner: "0:0",
  open: "ok",
});
const directory = (mode: string): DeviceNode => ({ kind: "directory", mode, owner: "0:0" });
const link = (target: string): DeviceNode => ({ kind: `link ${target}` });

export function devices(posture: Posture, outside: Found): Found["devices"] {
  // A kernel without /proc/kcore has nothing to link to.
  const core = outside.paths["/proc/kcore"] === "absent" ? {} : { core: link("/proc/kcore") };
  const { open: _, ...tty } = character("5:0");
  return {
    ...core,
    fd: link("/proc/self/fd"),
    full: character("1:7"),
    mqueue: directory("1777"),
    null: character("1:3"),
    ptmx: link("pts/ptmx"),
    pts: directory("0755"),
    random: character("1:8"),
    shm: directory("1777"),
    stderr: link("/proc/self/fd/2"),
    stdin: link("/proc/self/fd/0"),
    stdout: link("/proc/self/fd/1"),
    tty,
    urandom: character("1:9"),
    zero: character("1:5"),
    // An exec's terminal is not the container's.
    ...(posture.terminal && posture.exec === undefined
      ? { console: { kind: "c 136:0", mode: "0620", owner: "0:5", open: "ok" } }
      : {}),
  };
}

/** Every device may be made, only the container's own may be opened. */
export function made(posture: Posture, outside: Found): Found["made"] {
  // 5:1, the machine's console, is among what Docker allows, although /dev/console is a terminal of devpts.
  const own = ["console", "null", "ptmx", "urandom", "zero"];
  const names = Object.keys(outside.made);
  if (posture.uid !== 0) return Object.fromEntries(names.map((name) => [name, { make: "EACCES" }]));
  if (posture.capabilities.length === 0) {
    return Object.fromEntries(names.map((name) => [name, { make: "EPERM" }]));
  }
  if (posture.openSystem) return outside.made;
  return Object.fromEntries(
    Object.entries(outside.made).map(([name, there]) => [
      name,
      // The machine may lack a driver, or be denied a device itself.
      own.includes(name) ? there : { make: "ok", open: "EPERM" },
    ]),
  );
}

/** No limit of the engine's own: the daemon's are inherited. */
export function limits(_: Posture, outside: Found): Found["limits"] {
  return outside.limits;
}

export function signals(): Found["signals"] {
  const none = "0".repeat(16);
  return { SigPnd: none, ShdPnd: none, SigBlk: none, SigIgn: none, SigCgt: none };
}

/** In a network namespace of its own. */
export const sysctls = {
  "net.ipv4.ping_group_range": "0 2147483647",
  "net.ipv4.ip_unprivileged_port_start": "0",
  "kernel.domainname": "(none)",
};

export function surroundings(posture: Posture, outside: Found): Found["process"] {
  const first = posture.exec === undefined && !posture.init;
  const label = posture.openSystem ? "unconfined" : "docker-default (enforce)";
  return {
    cwd: "/",
    umask: "0022",
    dumpable: 1,
    oomScoreAdj: "0",
    executable: "/probe",
    env: ["HOME", "HOSTNAME", "PATH", ...(posture.terminal ? ["TERM"] : [])],
    terminal: posture.terminal ? "ok" : "ENXIO",
    parent: posture.init ? 1 : 0,
    // The label of AppArmor, where the machine has it; `exec --privileged` keeps the container's.
    label: outside.process.label === "unconfined" ? label : (outside.process.label ?? ""),
    // Not Docker's: SIGKILL, since nothing runs without its monitor.
    deathSignal: 9,
    // In a cgroup namespace of its own.
    cgroup: "/",
    ...(first ? { pid: 1, group: 1, session: 1 } : {}),
  };
}

const hidden = [
  ...["acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi"],
  ...["timer_list", "timer_stats"],
].map((name) => `/proc/${name}`);
/** Docker hides thermal_throttle of every processor; the first stands for all. */
const hiddenInSys = [
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
  "/sys/devices/system/cpu/cpu0/thermal_throttle",
];
const readOnly = ["bus", "fs", "irq", "sysrq-trigger", "sys/kernel/domainname"].map(
  (name) => `/proc/${name}`,
);

/** A file is hidden by /dev/null, a directory by an empty one that nobody can write to. */
function hide(outside: PathState, denied: string): PathState {
  return outside.kind === "directory"
    ? { kind: "directory", content: "empty", write: denied }
    : { kind: "c 1:3", content: "empty", write: "ok" };
}

/**
 * What is neither hidden nor read-only is as `outside`: as the same user finds it there, whom modes may
 * stop before a read-only mount does.
 */
export function paths(posture: Posture, outside: Found, confined: boolean): Found["paths"] {
  const denied = posture.uid === 0 ? "EROFS" : "EACCES";
  const lock = (state: PathState): PathState => ({
    ...state,
    write: state.write === "ok" ? denied : state.write,
  });
  const deny = (path: string, state: PathState): PathState => {
    // Docker's AppArmor profile denies these by name; the kernel asks for CAP_SYS_RAWIO.
    const named = ["/proc/kcore", "/proc/sysrq-trigger"].includes(path);
    if (confined && named) return { ...state, content: "EACCES" };
    const powerful = posture.capabilities === "all" || posture.uid !== 0;
    const core = path === "/proc/kcore" && state.kind === "file";
    return core && !powerful ? { ...state, content: "EPERM" } : state;
  };
  const inContainer = (path: string, state: PathState): PathState => {
    const isHidden = hidden.includes(path) || hiddenInSys.includes(path);
    if (isHidden && !posture.openPaths) return deny(path, hide(state, denied));
    if (readOnly.includes(path) && !posture.openPaths) return lock(deny(path, state));
    if (path === "/sys/fs/cgroup") {
      // The modes of the root of all cgroups are not those of the container's own.
      const write = posture.uid === 0 && posture.openSystem ? "ok" : denied;
      return { kind: "directory", content: "full", write };
    }
    if (path.startsWith("/sys") && !posture.openSystem) return lock(state);
    if (path === "/" && posture.readOnlyRoot) return lock(state);
    return deny(path, state);
  };
  return Object.fromEntries(
    Object.entries(outside.paths).map(([path, state]) => [
      path,
      // What this kernel does not have is not there either.
      state === "absent" ? state : inContainer(path, state),
    ]),
  );
}
