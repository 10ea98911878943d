/** The mounts that a container must have: no more, no fewer, with these flags. */
import type { Found, Mount } from "../probe.ts";
import type { Posture } from "./posture.ts";

/** "TYPE FLAGS", and options of the file system that must be among its own. */
type Expected = [mount: string, ...options: string[]];

const kernel = "nosuid,nodev,noexec,relatime";

/** By target; `findMounts` gives the same of what the probe has found. */
export function mounts(posture: Posture, outside: Found): Record<string, string> {
  const writable = posture.readOnlyRoot ? "ro" : "rw";
  const system = posture.openSystem ? "rw" : "ro";
  const table: Record<string, Expected> = {
    "/": [`overlay ${writable},relatime`],
    "/proc": [`proc rw,${kernel}`],
    "/dev": ["tmpfs rw,nosuid", "mode=755", "size=65536k"],
    "/dev/pts": ["devpts rw,nosuid,noexec,relatime", "gid=5", "mode=620", "ptmxmode=666"],
    "/dev/mqueue": [`mqueue rw,${kernel}`],
    "/dev/shm": [`tmpfs rw,${kernel}`, "size=65536k"],
    "/sys": [`sysfs ${system},${kernel}`],
    "/sys/fs/cgroup": [`cgroup ${system},${kernel}`],
    "/etc/hostname": [`file ${writable}`],
    "/etc/hosts": [`file ${writable}`],
    "/etc/resolv.conf": [`file ${writable}`],
    ...(posture.terminal && posture.exec === undefined
      ? {
          "/dev/console": ["devpts rw,nosuid,noexec,relatime", "gid=5", "mode=620", "ptmxmode=666"],
        }
      : {}),
    ...(posture.openPaths ? {} : covers(outside)),
  };
  return Object.fromEntries(
    Object.entries(table).map(([target, parts]) => [target, parts.join(" ")]),
  );
}

const hidden = [
  ...["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys"],
  ...["/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list"],
  ...["/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"],
];
const readOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** Of what this kernel has. */
function covers(outside: Found): Record<string, Expected> {
  const covered: Record<string, Expected> = {};
  for (const path of hidden) {
    const state = outside.paths[path];
    if (state === undefined || state === "absent") continue;
    covered[path] = state.kind === "directory" ? ["tmpfs ro"] : ["null"];
  }
  for (const path of readOnly) {
    if (outside.paths[path] !== "absent") covered[path] = [`proc ro,${kernel}`];
  }
  return covered;
}

/** The probe's mounts in the words of the table. */
export function findMounts(found: Found): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const mount of found.mounts) {
    // On v1 and hybrid hosts there may be a mount for each hierarchy, below a tmpfs of the same flags.
    const target = mount.target.startsWith("/sys/fs/cgroup") ? "/sys/fs/cgroup" : mount.target;
    // One mask stands for the processors, which this table cannot count.
    if (/^\/sys\/devices\/system\/cpu\/cpu\d+\/thermal_throttle$/.test(target)) continue;
    const words = describe(mount);
    const problem = mount.propagation === "" ? "" : ` ${mount.propagation}`;
    const repeated = target in shown && shown[target] !== words ? ` and ${shown[target]}` : "";
    shown[target] = `${words}${problem}${repeated}`;
  }
  return shown;
}

const shownOptions = /^(size=65536k|mode=(755|620)|gid=5|ptmxmode=666)$/;

function describe({ target, type, flags, root, options }: Mount): string {
  const writable = flags.split(",")[0];
  if (target.startsWith("/sys/fs/cgroup")) return `cgroup ${writable},${kernel}`;
  if (target.startsWith("/etc/")) return `file ${writable}`;
  if (root === "/null") return "null";
  if (type === "tmpfs" && !target.startsWith("/dev")) return `tmpfs ${writable}`;
  const own = options.split(",").filter((option) => shownOptions.test(option));
  return [`${type} ${flags}`, ...own.sort()].join(" ");
}
