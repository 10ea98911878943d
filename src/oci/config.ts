import { EngineError } from "../errors.ts";
import { isFeatures } from "./descriptor.ts";
import { type Digest, isDigest } from "./digest.ts";
import { isRecord, parseJson, stringMap } from "./json.ts";
import type { ImageManifest } from "./manifest.ts";
import type { Platform } from "./platform.ts";

/** Larger configs are refused. */
export const configCap = 4 * 1024 * 1024;
const maxHistory = 10_000;

/** Attacker input with its types checked; texts may hold anything, see `printable`. */
export interface ImageConfig {
  platform: Platform;
  /** RFC 3339 as written, "" if absent. */
  created: string;
  author: string;
  /** Defaults for a container; absent lists and texts are empty. */
  config: RuntimeConfig;
  /** Digests of the plain layers, lowest first. */
  diffIds: Digest[];
  history: HistoryEntry[];
  raw: Uint8Array;
}

export interface RuntimeConfig {
  user: string;
  env: string[];
  /** undefined: not set, which differs from an empty list when a command is inherited. */
  entrypoint: string[] | undefined;
  cmd: string[] | undefined;
  workingDir: string;
  labels: Record<string, string>;
  /** "80/tcp". */
  exposedPorts: string[];
  volumes: string[];
  stopSignal: string;
  /** Seconds; undefined if not set. */
  stopTimeout: number | undefined;
  shell: string[] | undefined;
  onBuild: string[];
  healthcheck: Healthcheck | undefined;
  /** Docker's own: the command is one string for a shell (Windows images). */
  argsEscaped: boolean;
}

export interface Healthcheck {
  /** [] inherit, ["NONE"], ["CMD", …] or ["CMD-SHELL", text]. */
  test: string[];
  /** Nanoseconds, 0 if not set. */
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

export interface HistoryEntry {
  created: string;
  createdBy: string;
  author: string;
  comment: string;
  emptyLayer: boolean;
}

/** Reads an image config. Throws invalid_argument. */
export function parseConfig(raw: Uint8Array): ImageConfig {
  if (raw.byteLength > configCap) throw refuse(`larger than ${configCap} bytes`);
  const value = parseJson(raw, "image config");
  if (!isRecord(value)) throw refuse("not an object");
  const rootfs = value.rootfs;
  if (!isRecord(rootfs) || (rootfs.type !== "layers" && rootfs.type !== undefined)) {
    throw refuse("no rootfs of type layers");
  }
  const diffIds = strings(rootfs.diff_ids, "rootfs.diff_ids") ?? [];
  if (!diffIds.every(isDigest)) throw refuse("rootfs.diff_ids holds no valid digest");
  return {
    platform: readPlatform(value),
    created: text(value.created, "created"),
    author: text(value.author, "author"),
    config: readRuntime(value.config),
    diffIds,
    history: readHistory(value.history),
    raw,
  };
}

/** Throws invalid_argument unless the config has one diffID for each layer of the manifest. */
export function checkLayers(manifest: Pick<ImageManifest, "layers">, config: ImageConfig): void {
  if (manifest.layers.length !== config.diffIds.length) {
    throw refuse(
      `the manifest has ${manifest.layers.length} layers, the config ${config.diffIds.length} diff_ids`,
    );
  }
}

/** What a config says of its platform, which need not be an image's: "" where nothing is said. Throws invalid_argument. */
export function parsePlatform(raw: Uint8Array): Platform {
  const value = parseJson(raw, "image config");
  if (!isRecord(value)) throw refuse("not an object");
  return readPlatform(value);
}

function readPlatform(value: Record<string, unknown>): Platform {
  const variant = text(value.variant, "variant");
  const version = text(value["os.version"], "os.version");
  const features = value["os.features"];
  return {
    os: text(value.os, "os"),
    architecture: text(value.architecture, "architecture"),
    ...(variant === "" ? {} : { variant }),
    ...(version === "" ? {} : { "os.version": version }),
    ...(isFeatures(features) ? { "os.features": features } : {}),
  };
}

function readRuntime(value: unknown): RuntimeConfig {
  if (value !== undefined && value !== null && !isRecord(value))
    throw refuse("config is not an object");
  const c = isRecord(value) ? value : {};
  return {
    user: text(c.User, "User"),
    env: strings(c.Env, "Env") ?? [],
    entrypoint: strings(c.Entrypoint, "Entrypoint"),
    cmd: strings(c.Cmd, "Cmd"),
    workingDir: text(c.WorkingDir, "WorkingDir"),
    labels: stringMap(c.Labels, "image config: Labels") ?? {},
    exposedPorts: keys(c.ExposedPorts, "ExposedPorts"),
    volumes: keys(c.Volumes, "Volumes"),
    stopSignal: text(c.StopSignal, "StopSignal"),
    stopTimeout: c.StopTimeout == null ? undefined : whole(c.StopTimeout, "StopTimeout"),
    shell: strings(c.Shell, "Shell"),
    onBuild: strings(c.OnBuild, "OnBuild") ?? [],
    healthcheck: readHealthcheck(c.Healthcheck),
    argsEscaped: c.ArgsEscaped === true,
  };
}

function readHealthcheck(value: unknown): Healthcheck | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw refuse("Healthcheck is not an object");
  const number = (key: string) =>
    value[key] == null ? 0 : whole(value[key], `Healthcheck.${key}`);
  return {
    test: strings(value.Test, "Healthcheck.Test") ?? [],
    interval: number("Interval"),
    timeout: number("Timeout"),
    startPeriod: number("StartPeriod"),
    startInterval: number("StartInterval"),
    retries: number("Retries"),
  };
}

function readHistory(value: unknown): HistoryEntry[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > maxHistory) throw refuse("history is no proper list");
  return value.map((item: unknown) => {
    if (!isRecord(item)) throw refuse("history holds no object");
    return {
      created: text(item.created, "history.created"),
      createdBy: text(item.created_by, "history.created_by"),
      author: text(item.author, "history.author"),
      comment: text(item.comment, "history.comment"),
      emptyLayer: item.empty_layer === true,
    };
  });
}

function text(value: unknown, where: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw refuse(`${where} is not a string`);
  if (value.includes("\0")) throw refuse(`${where} holds a NUL byte`);
  return value;
}

function strings(value: unknown, where: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw refuse(`${where} is not a list`);
  return value.map((item: unknown) => {
    if (typeof item !== "string") throw refuse(`${where} holds what is not a string`);
    return text(item, where);
  });
}

/** The keys of {"80/tcp": {}}. */
function keys(value: unknown, where: string): string[] {
  if (value === undefined || value === null) return [];
  if (!isRecord(value)) throw refuse(`${where} is not an object`);
  return Object.keys(value).map((key) => text(key, where));
}

function whole(value: unknown, where: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw refuse(`${where} is not a whole number`);
  }
  return value;
}

function refuse(why: string): EngineError {
  return new EngineError("invalid_argument", `invalid image config: ${why}`);
}
