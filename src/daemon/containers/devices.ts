import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type {
  DeviceLimit,
  DeviceRule,
  PlannedDevice,
  PlannedResources,
} from "../../native-types/plan.ts";

/** Checks what a request says of devices, without looking at the host's. */
export function parseDeviceRules(host: HostConfig): DeviceRule[] {
  for (const { PathInContainer: path, CgroupPermissions: access } of host.Devices ?? []) {
    if (access && !/^[rwm]{1,3}$/.test(access))
      throw new EngineError("invalid_argument", `invalid device mode: ${access}`);
    if (path && !path.startsWith("/"))
      throw new EngineError("invalid_argument", `${path} is not an absolute path`);
  }
  return (host.DeviceCgroupRules ?? []).map((text) => {
    const match = /^([acb]) (\d{1,9}|\*):(\d{1,9}|\*) ([rwm]{1,3})$/.exec(text);
    if (match === null) {
      throw new EngineError("invalid_argument", `invalid device cgroup rule format: '${text}'`);
    }
    const [, letter, major = "*", minor = "*", access = ""] = match;
    const kind = letter === "a" ? "all" : letter === "b" ? "block" : "char";
    return { kind, major: toNumber(major), minor: toNumber(minor), access };
  });
}

function toNumber(text: string): number | null {
  return text === "*" ? null : Number(text);
}

/** The host's devices that a container is to have; a directory stands for all devices in it. */
export async function findDevices(host: HostConfig): Promise<PlannedDevice[]> {
  const found: PlannedDevice[] = [];
  for (const mapping of host.Devices ?? []) {
    const source = mapping.PathOnHost ?? "";
    const target = mapping.PathInContainer || source;
    // A privileged container has all devices under their own names.
    if (host.Privileged && source === target) continue;
    found.push(...(await gather(source, target, mapping.CgroupPermissions || "rwm")));
  }
  return found;
}

async function gather(source: string, target: string, access: string): Promise<PlannedDevice[]> {
  const refused = (why: string): EngineError =>
    new EngineError(
      "invalid_argument",
      `error gathering device information while adding custom device ${JSON.stringify(source)}: ${why}`,
    );
  const resolved = await realpath(source).catch((error: NodeJS.ErrnoException) => {
    throw refused(error.code === "ENOENT" ? "no such file or directory" : error.message);
  });
  const found = await walk(resolved, target, access);
  if (found.length === 0) throw refused("not a device node");
  return found;
}

async function walk(source: string, target: string, access: string): Promise<PlannedDevice[]> {
  const stats = await lstat(source).catch(() => undefined);
  if (stats === undefined) return [];
  if (stats.isDirectory()) {
    const names = (await readdir(source).catch(() => [])).sort();
    const below = names.map((name) => walk(join(source, name), join(target, name), access));
    return (await Promise.all(below)).flat();
  }
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return [];
  return [
    {
      path: target,
      kind: stats.isBlockDevice() ? "block" : "char",
      ...numbers(stats.rdev),
      mode: stats.mode & 0o777,
      uid: stats.uid,
      gid: stats.gid,
      access,
    },
  ];
}

/** Limits on block devices, by their numbers. */
export async function findBlockLimits(host: HostConfig): Promise<PlannedResources> {
  const weights = (host.BlkioWeightDevice ?? []).map(({ Path, Weight }) => {
    if (Weight !== undefined && Weight !== 0 && (Weight < 10 || Weight > 1000))
      throw new EngineError("invalid_argument", "Range of blkio weight is from 10 to 1000");
    return { Path, Rate: Weight };
  });
  const fields = {
    blkioWeightDevice: weights,
    blkioReadBps: host.BlkioDeviceReadBps,
    blkioWriteBps: host.BlkioDeviceWriteBps,
    blkioReadIops: host.BlkioDeviceReadIOps,
    blkioWriteIops: host.BlkioDeviceWriteIOps,
  };
  const limits = Object.entries(fields).map(
    async ([name, devices]) => [name, await Promise.all((devices ?? []).map(findLimit))] as const,
  );
  return Object.fromEntries((await Promise.all(limits)).filter(([, list]) => list.length > 0));
}

async function findLimit(asked: {
  Path?: string | undefined;
  Rate?: number | undefined;
}): Promise<DeviceLimit> {
  const path = asked.Path ?? "";
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "no such file or directory" : error.message;
    throw new EngineError("invalid_argument", `stat ${path}: ${why}`);
  });
  if (!stats.isBlockDevice())
    throw new EngineError("invalid_argument", `${path}: not a block device`);
  return { ...numbers(stats.rdev), value: asked.Rate ?? 0 };
}

/** The kernel's encoding of a device number, see makedev(3). */
function numbers(rdev: number): { major: number; minor: number } {
  const device = BigInt(rdev);
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}
