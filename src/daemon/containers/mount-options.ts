import { posix } from "node:path";
import type { IdMapped, Mount } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { parseVolumeName } from "../volumes/names.ts";
import { parseIdMap } from "./id-map.ts";
import { isPropagation, parseTarget } from "./mount-words.ts";
import type { RequestedMount } from "./mounts.ts";

/** One of a request's `Mounts`, with Docker's words for what makes no sense. */
export function parseMount(mount: Mount): RequestedMount {
  const type = mount.Type ?? "volume";
  const parse = Object.hasOwn(parsers, type) ? parsers[type] : undefined;
  if (parse === undefined) throw invalid(type, "mount type unknown");
  if (!mount.Target) throw invalid(type, "field Target must not be empty");
  for (const [kind, field] of optionFields) {
    if (mount[field] != null && kind !== type)
      throw invalid(type, `field ${field} must not be specified`);
  }
  return parse(mount, parseTarget(mount.Target, mount.Target));
}

const optionFields = [
  ["bind", "BindOptions"],
  ["volume", "VolumeOptions"],
  ["tmpfs", "TmpfsOptions"],
  ["image", "ImageOptions"],
] as const;

const parsers: Record<string, (mount: Mount, target: string) => RequestedMount> = {
  bind: parseBindMount,
  volume: parseVolumeMount,
  tmpfs: parseTmpfsMount,
  image: parseImageMount,
};

function parseBindMount(mount: Mount, target: string): RequestedMount {
  const source = mount.Source ?? "";
  const { BindOptions: options = {}, ReadOnly: readonly = false } = mount;
  if (source === "") throw invalid("bind", "field Source must not be empty");
  if (!source.startsWith("/"))
    throw invalid("bind", `invalid mount path: '${source}' mount path must be absolute`);
  const propagation = options.Propagation || "rprivate";
  if (!isPropagation(propagation))
    throw invalid("bind", `invalid propagation mode: ${propagation}`);
  const { ReadOnlyNonRecursive: top = false, ReadOnlyForceRecursive: force = false } = options;
  if ((top || force) && !readonly)
    throw invalid("bind", "recursive read-only options need field ReadOnly to be true");
  if (top && force)
    throw invalid("bind", "ReadOnlyNonRecursive and ReadOnlyForceRecursive exclude each other");
  if (force && propagation !== "rprivate")
    throw invalid("bind", "ReadOnlyForceRecursive needs the propagation rprivate");
  const { IDMap: map } = options as IdMapped;
  return {
    type: "bind",
    source: posix.normalize(source),
    target,
    readonly,
    recursive: options.NonRecursive !== true,
    propagation,
    mode: "",
    createSource: options.CreateMountpoint === true,
    ...(top ? { writableBelow: true } : {}),
    ...(map ? { idMap: parseIdMap(map) } : {}),
  };
}

function parseVolumeMount(mount: Mount, target: string): RequestedMount {
  const {
    NoCopy: nocopy,
    Labels: labels,
    DriverConfig: driver,
    Subpath: subpath,
  } = mount.VolumeOptions ?? {};
  if (subpath && !mount.Source)
    throw invalid("volume", "must not set Subpath when using anonymous volumes");
  return {
    type: "volume",
    name: mount.Source ? parseVolumeName(mount.Source) : undefined,
    target,
    readonly: mount.ReadOnly ?? false,
    mode: "z",
    ...(nocopy ? { nocopy } : {}),
    ...(subpath ? { subpath: parseSubpath("volume", subpath) } : {}),
    ...(labels ? { labels } : {}),
    ...(driver?.Name ? { driver: driver.Name } : {}),
    ...(driver?.Options ? { options: driver.Options } : {}),
  };
}

function parseTmpfsMount(mount: Mount, target: string): RequestedMount {
  if (mount.Source) throw invalid("tmpfs", "field Source must not be specified");
  const { SizeBytes: size, Mode: mode, Options: pairs = [] } = mount.TmpfsOptions ?? {};
  if (size !== undefined && size < 0) throw invalid("tmpfs", `invalid size: ${size}`);
  if (mode !== undefined && (mode < 0 || mode > 0o7777))
    throw invalid("tmpfs", `invalid mode: ${mode}`);
  const words = pairs.map((pair) => {
    const [key, value] = pair;
    if (!key || pair.length > 2 || /[,=]/.test(key) || value?.includes(","))
      throw invalid("tmpfs", `invalid option array of length ${pair.length}`);
    return value === undefined ? key : `${key}=${value}`;
  });
  const options = [
    ...(size ? [`size=${size}`] : []),
    ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ...words,
  ];
  return { type: "tmpfs", target, readonly: mount.ReadOnly ?? false, options };
}

function parseImageMount(mount: Mount, target: string): RequestedMount {
  if (!mount.Source) throw invalid("image", "field Source must not be empty");
  const subpath = mount.ImageOptions?.Subpath;
  return {
    type: "image",
    image: mount.Source,
    target,
    ...(subpath ? { subpath: parseSubpath("image", subpath) } : {}),
  };
}

/** Relative, and by its text alone not outside; what its links say is found out at the start. */
function parseSubpath(type: string, subpath: string): string {
  const path = posix.normalize(subpath);
  if (path.startsWith("/") || path === ".." || path.startsWith("../"))
    throw invalid(
      type,
      `invalid subpath ${JSON.stringify(subpath)}: subpath must be a relative path within the ${type}`,
    );
  return path;
}

function invalid(type: string, why: string): EngineError {
  return new EngineError("invalid_argument", `invalid mount config for type "${type}": ${why}`);
}
