import type { PlannedMount } from "../../native-types/plan.ts";
import type { VolumeSource } from "../volumes/options.ts";
import type { Container, ContainerMount, VolumeMount } from "./container.ts";
import type { ContainerPaths } from "./paths.ts";

/** What the container's mounts stand for at this start. */
export interface MountSources {
  /** By volume name. */
  volumes: Map<string, VolumeSource>;
  /** Layer directories of mounted images by image id, topmost first, at least two. */
  images: Map<string, string[]>;
}

/** File systems that are reached by network, in the engine's own network namespace. */
const networked = ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p"];

/** The engine's own three files first, so that a mount of the user's on /etc/hosts wins. */
export function planMounts(
  container: Container,
  paths: ContainerPaths,
  sources: MountSources,
): PlannedMount[] {
  const readonly = container.hostConfig.ReadonlyRootfs ?? false;
  const own = [
    ["/etc/resolv.conf", paths.resolvConf] as const,
    ["/etc/hostname", paths.hostname] as const,
    ["/etc/hosts", paths.hosts] as const,
  ].map(([target, source]) => bind(source, target, readonly));
  const asked = [...container.mounts].sort((a, b) => depth(a.target) - depth(b.target));
  return [...own, ...asked.map((mount) => planMount(mount, sources))];
}

function planMount(mount: ContainerMount, { volumes, images }: MountSources): PlannedMount {
  switch (mount.type) {
    case "tmpfs": {
      const { target, readonly, options } = mount;
      return { kind: "tmpfs", target, readonly, options };
    }
    case "image": {
      const { target, subpath } = mount;
      const lower = images.get(mount.imageId) ?? [];
      return { kind: "image", lower, target, ...(subpath ? { subpath } : {}) };
    }
    case "volume":
      return planVolume(mount, volumes.get(mount.name));
    default: {
      const { type: _type, mode: _mode, ...rest } = mount;
      return { kind: "bind", ...rest };
    }
  }
}

function planVolume(mount: VolumeMount, source: VolumeSource | undefined): PlannedMount {
  const { target, readonly, subpath } = mount;
  if (source?.kind === "filesystem") {
    const { type: fsType, device, options } = source;
    const reached = networked.includes(fsType) ? { networkOf: process.pid } : {};
    return { kind: "device", fsType, device, options, target, readonly, ...reached };
  }
  const planned = bind(source?.path ?? "", target, readonly);
  return {
    ...planned,
    ...(source?.kind === "bind"
      ? { recursive: source.recursive, readonly: readonly || source.readonly }
      : {}),
    ...(subpath ? { subpath } : {}),
  };
}

function bind(
  source: string,
  target: string,
  readonly: boolean,
): Extract<PlannedMount, { kind: "bind" }> {
  return { kind: "bind", source, target, readonly, recursive: true, propagation: "rprivate" };
}

function depth(path: string): number {
  return path.split("/").length;
}
