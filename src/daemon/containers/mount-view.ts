import type { MountPoint } from "../../api/types.ts";
import type { Container, ContainerMount } from "./container.ts";

/** Docker's shape of a container's mounts, in the order of their places; `--tmpfs` is none of them there. */
export function toMountPoints(
  { mounts, hostConfig }: Container,
  volumePath: (name: string) => string,
): MountPoint[] {
  const own = hostConfig.Tmpfs ?? {};
  return mounts
    .filter((mount) => mount.type !== "tmpfs" || !Object.hasOwn(own, mount.target))
    .toSorted((a, b) => (a.target < b.target ? -1 : 1))
    .map((mount) => toMountPoint(mount, volumePath));
}

function toMountPoint(mount: ContainerMount, volumePath: (name: string) => string): MountPoint {
  const common = { Destination: mount.target, RW: !mount.readonly };
  switch (mount.type) {
    case "bind": {
      const { source: Source, mode: Mode, propagation: Propagation } = mount;
      return { Type: "bind", Source, ...common, Mode, Propagation };
    }
    case "volume":
      return {
        ...{ Type: "volume", Name: mount.name, Source: volumePath(mount.name), ...common },
        ...{ Driver: "local", Mode: mount.mode, Propagation: "" },
      };
    case "image":
      return {
        ...{ Type: "image", Name: mount.imageId, Source: mount.image, ...common },
        ...{ Mode: "", Propagation: "" },
      };
    default:
      return { Type: "tmpfs", Source: "", ...common, Mode: "", Propagation: "" };
  }
}
