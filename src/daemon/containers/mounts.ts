import { posix } from "node:path";
import type { ContainerConfig, HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { parseVolumeName } from "../volumes/names.ts";
import type { BindMount, ContainerMount, Propagation, TmpfsMount } from "./container.ts";
import { parseMount } from "./mount-options.ts";
import { isPropagation, parseTarget } from "./mount-words.ts";

/** Words that Docker takes and that mean nothing here: SELinux labels, Docker Desktop's consistency. */
const ignoredOptions = ["z", "Z", "cached", "delegated", "consistent"];

/** A mount that was asked for. */
export type RequestedMount =
  | (BindMount & { createSource: boolean })
  | RequestedVolume
  | TmpfsMount
  | { type: "image"; image: string; target: string; subpath?: string };

/** A volume without a name is anonymous and gets one when it is made. */
export interface RequestedVolume {
  type: "volume";
  name: string | undefined;
  target: string;
  readonly: boolean;
  mode: string;
  nocopy?: boolean;
  subpath?: string;
  driver?: string;
  labels?: Record<string, string>;
  options?: Record<string, string>;
}

export interface ParsedMounts {
  requested: RequestedMount[];
  /** Of other containers, unless something else was asked for at their places. */
  inherited: ContainerMount[];
}

/**
 * All mounts of a request: `-v`, `--mount`, `--tmpfs`; then those of other containers, the later one
 * winning, and the image's volumes, where nothing is yet.
 */
export function parseMounts(
  host: HostConfig,
  config: ContainerConfig,
  from: ContainerMount[] = [],
): ParsedMounts {
  const requested: RequestedMount[] = [];
  const targets = new Set<string>();
  const add = (mount: RequestedMount): void => {
    if (targets.has(mount.target)) {
      throw new EngineError("invalid_argument", `Duplicate mount point: ${mount.target}`);
    }
    targets.add(mount.target);
    requested.push(mount);
  };
  for (const bind of host.Binds ?? []) add(withDriver(parseBind(bind), host.VolumeDriver));
  for (const mount of host.Mounts ?? []) add(parseMount(mount));
  for (const [target, options] of Object.entries(host.Tmpfs ?? {})) {
    const words = options.split(",").filter((word) => word !== "");
    add({
      type: "tmpfs",
      target: parseTarget(target, target),
      readonly: words.includes("ro"),
      options: words,
    });
  }
  const inherited = [...new Map(from.map((mount) => [mount.target, mount])).values()].filter(
    ({ target }) => !targets.has(target),
  );
  for (const { target } of inherited) targets.add(target);
  for (const path of Object.keys(config.Volumes ?? {})) {
    const target = parseTarget(path, path);
    if (targets.has(target)) continue;
    const volume: RequestedVolume = {
      ...{ type: "volume", name: undefined, target, readonly: false, mode: "" },
    };
    requested.push(withDriver(volume, host.VolumeDriver));
  }
  return { requested, inherited };
}

/** `--volume-driver` is for the volumes that name none of their own. */
function withDriver(mount: RequestedMount, driver: string | undefined): RequestedMount {
  return mount.type === "volume" && driver ? { ...mount, driver } : mount;
}

/** "SOURCE:TARGET[:OPTIONS]"; a source that is no absolute path names a volume. */
export function parseBind(spec: string): RequestedMount {
  const [source = "", target, mode = "", ...rest] = spec.split(":");
  const invalid = (why: string): EngineError =>
    new EngineError("invalid_argument", `invalid volume specification: '${spec}': ${why}`);
  if (target === undefined || source === "" || target === "" || rest.length > 0)
    throw invalid("expected SOURCE:TARGET[:OPTIONS]");
  const path = parseTarget(target, spec);
  const words = parseMode(mode, source.startsWith("/"));
  if (words === undefined) throw invalid(`invalid mode: ${mode}`);
  const { readonly, nocopy, propagation } = words;
  if (source.startsWith("/")) {
    return {
      type: "bind",
      source: posix.normalize(source),
      target: path,
      readonly,
      recursive: true,
      propagation: propagation ?? "rprivate",
      mode,
      createSource: true,
    };
  }
  return {
    type: "volume",
    name: parseVolumeName(source),
    target: path,
    readonly,
    // As Docker reports a volume whose SELinux label was left to it.
    mode: mode === "" ? "z" : mode,
    ...(nocopy ? { nocopy } : {}),
  };
}

interface Mode {
  readonly: boolean;
  nocopy: boolean;
  propagation: Propagation | undefined;
}

/** Undefined if a word is unknown, or makes no sense for a directory of the host or for a volume. */
function parseMode(text: string, isBind: boolean): Mode | undefined {
  const mode: Mode = { readonly: false, nocopy: false, propagation: undefined };
  for (const word of text.split(",").filter((option) => option !== "")) {
    if (word === "ro" || word === "rw") mode.readonly = word === "ro";
    else if (isBind && isPropagation(word)) mode.propagation = word;
    else if (!isBind && word === "nocopy") mode.nocopy = true;
    else if (!ignoredOptions.includes(word)) return undefined;
  }
  return mode;
}

/** "CONTAINER[:ro|rw]" of `--volumes-from`. */
export function parseVolumesFrom(spec: string): { container: string; readonly: boolean } {
  const [container = "", mode = ""] = splitOnce(spec);
  if (container === "") {
    throw new EngineError(
      "invalid_argument",
      "invalid volumes-from specification: must not be an empty string",
    );
  }
  const words = parseMode(mode, false);
  if (words === undefined || words.nocopy)
    throw new EngineError("invalid_argument", `invalid mode for volumes-from: ${mode}`);
  return { container, readonly: words.readonly };
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(":");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
