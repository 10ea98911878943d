import { readdir, stat } from "node:fs/promises";

/** The default posture, Docker's: what an ordinary container may do and see. */

/** Capability names without CAP_; CapEff 00000000a80425fb. */
export const defaultCapabilities = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FSETID",
  "FOWNER",
  "MKNOD",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SETFCAP",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "KILL",
  "AUDIT_WRITE",
] as const;

/** Every capability of Linux 5.9 and later, in the order of capability.h. */
export const allCapabilities = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE",
] as const;

const maskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
] as const;

/** Docker's list, and for each of this host's processors how hot it has been. */
export async function findMaskedPaths(): Promise<string[]> {
  const cpus = "/sys/devices/system/cpu";
  const names = (await readdir(cpus).catch(() => [])).filter((name) => /^cpu\d+$/.test(name));
  const numbers = names.map((name) => Number(name.slice(3))).sort((a, b) => a - b);
  const throttles = numbers.map((number) => `${cpus}/cpu${number}/thermal_throttle`);
  const found = await Promise.all(throttles.map((path) => stat(path).catch(() => undefined)));
  return [...maskedPaths, ...throttles.filter((_, index) => found[index] !== undefined)];
}

export const readonlyPaths = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
] as const;

/** Set in a network namespace of the container's own. */
export const networkSysctls = {
  "net.ipv4.ping_group_range": "0 2147483647",
  "net.ipv4.ip_unprivileged_port_start": "0",
} as const;

export const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
export const defaultShmSize = 64 * 1024 * 1024;
export const defaultStopSignal = "SIGTERM";
export const defaultStopTimeout = 10;
