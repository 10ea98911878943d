import { posix } from "node:path";
import type { ContainerConfig, HostConfig, Mount } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { ContainerMount, Propagation } from "./container.ts";

const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;
/** Words that Docker takes and that mean nothing here: SELinux labels, Docker Desktop's consistency. */
const ignoredOptions = ["z", "Z", "cached", "delegated", "consistent", "nocopy"];

/** A mount that was asked for; a volume without a name is anonymous and gets one when it is made. */
export type RequestedMount =
  | (Extract<ContainerMount, { type: "bind" }> & { createSource: boolean })
  | { type: "volume"; name: string | undefined; target: string; readonly: boolean; mode: string }
  | Extract<ContainerMount, { type: "tmpfs" }>;

/** All mounts of a request: `--mount`, `-v`, `--tmpfs`, then volumes of the image that none of them covers. */
export function parseMounts(host: HostConfig, config: ContainerConfig): RequestedMount[] {
  const mounts: RequestedMount[] = [];
  const targets = new Set<string>();
  const add = (mount: RequestedMount): void => {
    if (targets.has(mount.target)) {
      throw new EngineError("invalid_argument", `Duplicate mount point: ${mount.target}`);
    }
    targets.add(mount.target);
    mounts.push(mount);
  };
  for (const bind of host.Binds ?? []) add(parseBind(bind));
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
  for (const path of Object.keys(config.Volumes ?? {})) {
    const target = parseTarget(path, path);
    if (!targets.has(target))
      add({ type: "volume", name: undefined, target, readonly: false, mode: "" });
  }
  return mounts;
}

/** "SOURCE:TARGET[:OPTIONS]"; a source that is no absolute path names a volume. */
export function parseBind(spec: string): RequestedMount {
  const [source = "", target, mode = "", ...rest] = spec.split(":");
  const invalid = (why: string): EngineError =>
    new EngineError("invalid_argument", `invalid volume specification: '${spec}': ${why}`);
  if (target === undefined || source === "" || target === "" || rest.length > 0)
    throw invalid("expected SOURCE:TARGET[:OPTIONS]");
  const path = parseTarget(target, spec);
  let readonly = false;
  let propagation: Propagation = "rprivate";
  for (const word of mode.split(",").filter((option) => option !== "")) {
    if (word === "ro" || word === "rw") readonly = word === "ro";
    else if (isPropagation(word)) propagation = word;
    else if (!ignoredOptions.includes(word)) throw invalid(`unknown option '${word}'`);
  }
  if (source.startsWith("/")) {
    return {
      type: "bind",
      source: posix.normalize(source),
      target: path,
      readonly,
      recursive: true,
      propagation,
      mode,
      createSource: true,
    };
  }
  return { type: "volume", name: parseVolumeName(source), target: path, readonly, mode };
}

function parseMount(mount: Mount): RequestedMount {
  const type = mount.Type ?? "volume";
  const invalid = (why: string): EngineError =>
    new EngineError("invalid_argument", `invalid mount config for type "${type}": ${why}`);
  if (!mount.Target) throw invalid("field Target must not be empty");
  const target = parseTarget(mount.Target, mount.Target);
  const readonly = mount.ReadOnly ?? false;
  if (type === "bind") {
    const source = mount.Source ?? "";
    if (source === "") throw invalid("field Source must not be empty");
    if (!source.startsWith("/"))
      throw invalid(`invalid mount path: '${source}' mount path must be absolute`);
    const propagation = mount.BindOptions?.Propagation || "rprivate";
    if (!isPropagation(propagation)) throw invalid(`invalid propagation mode: ${propagation}`);
    return {
      type,
      source: posix.normalize(source),
      target,
      readonly,
      recursive: mount.BindOptions?.NonRecursive !== true,
      propagation,
      mode: "",
      createSource: mount.BindOptions?.CreateMountpoint === true,
    };
  }
  if (type === "tmpfs") {
    if (mount.Source) throw invalid("cannot specify source on tmpfs");
    const { SizeBytes: size, Mode: mode } = mount.TmpfsOptions ?? {};
    if (size !== undefined && size < 0) throw invalid(`invalid size: ${size}`);
    if (mode !== undefined && (mode < 0 || mode > 0o7777)) throw invalid(`invalid mode: ${mode}`);
    const options = [
      ...(size ? [`size=${size}`] : []),
      ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ];
    return { type, target, readonly, options };
  }
  if (type === "volume") {
    return {
      type,
      name: mount.Source ? parseVolumeName(mount.Source) : undefined,
      target,
      readonly,
      mode: "",
    };
  }
  throw invalid("mount type unknown");
}

function parseTarget(target: string, spec: string): string {
  if (!target.startsWith("/")) {
    throw new EngineError(
      "invalid_argument",
      `invalid volume specification: '${spec}': invalid mount path: '${target}' mount path must be absolute`,
    );
  }
  const path = posix.normalize(target).replace(/(.)\/$/, "$1");
  if (path === "/") {
    throw new EngineError(
      "invalid_argument",
      `invalid volume specification: '${spec}': invalid specification: destination can't be '/'`,
    );
  }
  return path;
}

export function parseVolumeName(name: string): string {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) || name.length > 255) {
    throw new EngineError(
      "invalid_argument",
      `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
      {
        hint: "for a directory of the host give an absolute path",
      },
    );
  }
  return name;
}

function isPropagation(word: string): word is Propagation {
  return (propagations as readonly string[]).includes(word);
}
