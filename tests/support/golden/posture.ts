/** The ways in which the probe is started, and what is granted in each. */

/** Docker's fourteen, in the kernel's order. */
const dockers = [
  ...["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"],
  ...["NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP"],
];

export interface Posture {
  /** Of `rt run`, or of the container that an exec happens in. */
  flags: string[];
  /** Of `rt exec`; no exec without. */
  exec?: string[];
  uid: number;
  /** The bounding set: names without CAP_, or all that the machine has. */
  capabilities: string[] | "all";
  /** Docker's default seccomp profile is in force. */
  filtered: boolean;
  /** Whom the profile opens its groups for, where these are not the process's own capabilities. */
  profileOf?: string[];
  noNewPrivileges: boolean;
  /** /sys and cgroups can be written, all devices are there and allowed. */
  openSystem: boolean;
  /** No path of /proc is hidden or read-only. */
  openPaths: boolean;
  readOnlyRoot: boolean;
  terminal: boolean;
  init: boolean;
}

const plain: Posture = {
  flags: [],
  uid: 0,
  capabilities: dockers,
  filtered: true,
  noNewPrivileges: false,
  openSystem: false,
  openPaths: false,
  readOnlyRoot: false,
  terminal: false,
  init: false,
};

const privileged = {
  capabilities: "all",
  filtered: false,
  openSystem: true,
  openPaths: true,
} as const;

/** By the words that a user types. */
export const postures: Record<string, Posture> = {
  run: plain,
  "run -u 1000": { ...plain, flags: ["-u", "1000"], uid: 1000 },
  "run --privileged": { ...plain, ...privileged, flags: ["--privileged"] },
  "run --privileged -u 1000": {
    ...{ ...plain, ...privileged, uid: 1000 },
    flags: ["--privileged", "-u", "1000"],
  },
  "run --cap-drop ALL": { ...plain, flags: ["--cap-drop", "ALL"], capabilities: [] },
  "run --cap-add SYS_ADMIN": {
    ...plain,
    flags: ["--cap-add", "SYS_ADMIN"],
    capabilities: [...dockers, "SYS_ADMIN"],
  },
  "run --cap-add ALL": { ...plain, flags: ["--cap-add", "ALL"], capabilities: "all" },
  "run --security-opt systempaths=unconfined": {
    ...plain,
    flags: ["--security-opt", "systempaths=unconfined"],
    openPaths: true,
  },
  "run --security-opt no-new-privileges": {
    ...plain,
    flags: ["--security-opt", "no-new-privileges"],
    noNewPrivileges: true,
  },
  "run --security-opt no-new-privileges -u 1000": {
    ...plain,
    flags: ["--security-opt", "no-new-privileges", "-u", "1000"],
    noNewPrivileges: true,
    uid: 1000,
  },
  "run --read-only": { ...plain, flags: ["--read-only"], readOnlyRoot: true },
  "run -t": { ...plain, flags: ["-t"], terminal: true },
  "run --init": { ...plain, flags: ["--init"], init: true },
  exec: { ...plain, exec: [] },
  "exec -t": { ...plain, exec: ["-t"], terminal: true },
  "exec -u 1000": { ...plain, exec: ["-u", "1000"], uid: 1000 },
  // Docker gives it every capability; the filter remains the container's.
  "exec --privileged": {
    ...plain,
    exec: ["--privileged"],
    capabilities: "all",
    profileOf: dockers,
  },
  "exec --privileged -u 1000": {
    ...plain,
    exec: ["--privileged", "-u", "1000"],
    capabilities: "all",
    profileOf: dockers,
    uid: 1000,
  },
  "exec in a container of --cap-drop ALL": {
    ...plain,
    flags: ["--cap-drop", "ALL"],
    exec: [],
    capabilities: [],
  },
  "exec in a container of no-new-privileges and --read-only": {
    ...plain,
    flags: ["--security-opt", "no-new-privileges", "--read-only"],
    exec: [],
    noNewPrivileges: true,
    readOnlyRoot: true,
  },
  "exec in a container of -u 1000 and systempaths=unconfined": {
    ...plain,
    flags: ["-u", "1000", "--security-opt", "systempaths=unconfined"],
    exec: [],
    uid: 1000,
    openPaths: true,
  },
  "exec in a privileged container": {
    ...{ ...plain, ...privileged, exec: [] },
    flags: ["--privileged"],
  },
};
