import { resolve } from "node:path";
import type { HostConfig, IdMapped } from "../../api/types.ts";
import { cut, invalid, refuse } from "./parts.ts";

type Mount = NonNullable<HostConfig["Mounts"]>[number];

/** `-v` values: what names a source is a bind, what is a path alone is an anonymous volume. */
export function buildBinds(items: readonly string[]): {
  binds: string[];
  volumes: Record<string, object>;
} {
  const binds: string[] = [];
  const volumes: Record<string, object> = {};
  for (const item of new Set(items)) {
    const [source, rest] = cut(item, ":");
    if (!item.includes(":")) {
      if (item === "") throw refuse("invalid empty volume spec");
      volumes[item] = {};
      continue;
    }
    if (source === "" || rest.split(":")[0] === "") {
      throw refuse(`invalid spec: ${item}: empty section between colons`);
    }
    if (rest.split(":").length > 2) throw refuse(`invalid spec: ${item}: too many colons`);
    binds.push(source.startsWith(".") ? `${resolve(source)}:${rest}` : item);
  }
  return { binds, volumes };
}

/** `--mount type=bind,source=/a,target=/b,readonly`: names as Docker's. */
export function parseMount(text: string): Mount {
  const builder = new MountBuilder(text);
  for (const field of splitCsv(text)) builder.set(field);
  return builder.finish();
}

const booleans = [
  ...["readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src"],
  "bind-create-mountpoint",
];
/** May stand without a value, which is then this. */
const bareValues: Record<string, string> = { "bind-idmap": "owner" };
const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

class MountBuilder {
  readonly #text: string;
  readonly #mount: Mount = { Type: "volume" };

  constructor(text: string) {
    this.#text = text;
  }

  set(field: string): void {
    const [spelled, given] = cut(field, "=");
    const name = spelled.toLowerCase();
    const bare = !field.includes("=");
    const value = bare ? (bareValues[name] ?? "") : given;
    if (bare && !booleans.includes(name) && !Object.hasOwn(bareValues, name)) {
      throw this.#bad(`invalid field '${field}' must be a key=value pair`);
    }
    const on = bare || this.#bool(name, value);
    const setter = this.#setters[name];
    if (!setter) throw this.#bad(`unexpected key '${spelled}' in '${field}'`);
    setter(value, on);
  }

  finish(): Mount {
    const mount = this.#mount;
    if (!mount.Target) throw this.#bad("target is required");
    if (mount.Type === "bind" && !mount.Source)
      throw this.#bad("source is required for bind mounts");
    this.#checkReadOnly();
    this.#expect(mount.BindOptions, "bind");
    this.#expect(mount.VolumeOptions, "volume");
    this.#expect(mount.TmpfsOptions, "tmpfs");
    this.#expect(mount.ImageOptions, "image");
    return mount;
  }

  readonly #setters: Record<string, (value: string, on: boolean) => void> = {
    // The engine judges the type, it may know more of them.
    type: (value) => {
      this.#mount.Type = value.toLowerCase() as "bind";
    },
    source: (value) => {
      this.#mount.Source = value.startsWith(".") ? resolve(value) : value;
    },
    src: (value) => this.#setters.source?.(value, true),
    target: (value) => {
      this.#mount.Target = value;
    },
    dst: (value) => this.#setters.target?.(value, true),
    destination: (value) => this.#setters.target?.(value, true),
    readonly: (_, on) => {
      if (on) this.#mount.ReadOnly = true;
    },
    ro: (_, on) => this.#setters.readonly?.("", on),
    consistency: (value) => {
      this.#mount.Consistency = value.toLowerCase();
    },
    "bind-propagation": (value) => {
      const found = propagations.find((name) => name === value.toLowerCase());
      if (!found) throw this.#bad(`invalid value for bind-propagation: ${value}`);
      this.#bind().Propagation = found;
    },
    "bind-nonrecursive": (_, on) => {
      this.#bind().NonRecursive = on;
    },
    "bind-recursive": (value) => {
      const bind = this.#bind();
      if (value === "disabled") bind.NonRecursive = true;
      else if (value === "writable") bind.ReadOnlyNonRecursive = true;
      else if (value === "readonly") bind.ReadOnlyForceRecursive = true;
      else if (value !== "enabled") throw this.#bad(`invalid value for bind-recursive: ${value}`);
    },
    "bind-create-src": (_, on) => {
      this.#bind().CreateMountpoint = on;
    },
    "bind-create-mountpoint": (_, on) => this.#setters["bind-create-src"]?.("", on),
    "bind-idmap": (value) => {
      this.#bind().IDMap = value;
    },
    "volume-nocopy": (_, on) => {
      this.#volume().NoCopy = on;
    },
    "volume-subpath": (value) => {
      this.#volume().Subpath = value;
    },
    "volume-label": (value) => {
      const [name, label] = cut(value, "=");
      this.#volume().Labels = { ...this.#volume().Labels, [name]: label };
    },
    "volume-driver": (value) => {
      this.#volume().DriverConfig = { ...this.#volume().DriverConfig, Name: value };
    },
    "volume-opt": (value) => {
      const [name, option] = cut(value, "=");
      const config = this.#volume().DriverConfig;
      this.#volume().DriverConfig = { ...config, Options: { ...config?.Options, [name]: option } };
    },
    "image-subpath": (value) => {
      this.#mount.ImageOptions = { Subpath: value };
    },
    "tmpfs-size": (value) => {
      const match = /^(\d+)([kmgt]?)b?$/i.exec(value);
      if (!match?.[1]) throw this.#bad(`invalid value for tmpfs-size: ${value}`);
      const power = "kmgt".indexOf((match[2] ?? "").toLowerCase() || "!") + 1;
      this.#tmpfs().SizeBytes = Number(match[1]) * 1024 ** power;
    },
    "tmpfs-mode": (value) => {
      if (!/^[0-7]{1,5}$/.test(value)) throw this.#bad(`invalid value for tmpfs-mode: ${value}`);
      this.#tmpfs().Mode = Number.parseInt(value, 8);
    },
    "tmpfs-opt": (value) => {
      const options = this.#tmpfs().Options ?? [];
      const [name, option] = cut(value, "=");
      this.#tmpfs().Options = [...options, value.includes("=") ? [name, option] : [name]];
    },
  };

  /** How far read-only goes is said of what is read-only, and "all of it" of what nothing spreads to. */
  #checkReadOnly(): void {
    const { ReadOnly, BindOptions: bind } = this.#mount;
    const asked = bind?.ReadOnlyNonRecursive ? "writable" : "readonly";
    if (!bind?.ReadOnlyNonRecursive && !bind?.ReadOnlyForceRecursive) return;
    const needs = (what: string) =>
      refuse(`option 'bind-recursive=${asked}' requires '${what}' to be specified in conjunction`);
    if (!ReadOnly) throw needs("readonly");
    if (asked === "readonly" && bind.Propagation !== "rprivate")
      throw needs("bind-propagation=rprivate");
  }

  #bind(): NonNullable<Mount["BindOptions"]> & IdMapped {
    this.#mount.BindOptions ??= {};
    return this.#mount.BindOptions;
  }

  #volume() {
    this.#mount.VolumeOptions ??= {};
    return this.#mount.VolumeOptions;
  }

  #tmpfs() {
    this.#mount.TmpfsOptions ??= {};
    return this.#mount.TmpfsOptions;
  }

  #bool(name: string, value: string): boolean {
    if (!booleans.includes(name)) return false;
    if (/^(1|true|t)$/i.test(value)) return true;
    if (/^(0|false|f)$/i.test(value)) return false;
    throw this.#bad(`invalid value for ${name}: ${value}`);
  }

  #expect(options: object | undefined, type: string): void {
    if (options !== undefined && this.#mount.Type !== type) {
      throw this.#bad(`cannot mix '${type}-*' options with mount type '${this.#mount.Type}'`);
    }
  }

  #bad(detail: string) {
    return invalid(this.#text, "--mount", detail);
  }
}

/** Fields of one line of CSV; a field may stand in double quotes to hold a comma. */
export function splitCsv(text: string): string[] {
  const fields: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"' && quoted && text[i + 1] === '"') {
      field += '"';
      i++;
    } else if (char === '"' && (quoted || field === "")) quoted = !quoted;
    else if (char === "," && !quoted) {
      fields.push(field);
      field = "";
    } else field += char;
  }
  fields.push(field);
  return fields;
}
