import type { Volume as WireVolume } from "../../api/types.ts";
import { labelsOf, type Volume } from "./volume.ts";

/** Docker's shape of a volume; what was not given is null there. */
export function toVolume(volume: Volume, mountpoint: string): WireVolume {
  const labels = labelsOf(volume);
  const shape = {
    CreatedAt: `${volume.createdAt.slice(0, 19)}Z`,
    Driver: "local",
    Labels: Object.keys(labels).length > 0 ? sortKeys(labels) : null,
    Mountpoint: mountpoint,
    Name: volume.name,
    Options: volume.options === undefined ? null : sortKeys(volume.options),
    Scope: "local",
  };
  return shape as WireVolume;
}

/** As Go writes maps. */
function sortKeys(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
