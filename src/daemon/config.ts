import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import { type LogConfig, parseLogConfig } from "./containers/log-options.ts";
import { readSeccompDefault, type SeccompDefault } from "./containers/seccomp.ts";
import { isRecord } from "./http/json.ts";
import type { ListenAddress } from "./http/listen.ts";
import { parseListenAddress, readTlsConfig, type TlsConfig, type TlsFlags } from "./listeners.ts";
import type { WrittenPool } from "./networks/ipam/default-pools.ts";
import {
  type NameConfig,
  type NameFlags,
  nameFileKeys,
  readNameConfig,
} from "./networks/names/settings.ts";
import {
  type NetworkConfig,
  type NetworkFlags,
  networkFileKeys,
  readNetworkConfig,
} from "./networks/settings.ts";
import {
  type Mirrors,
  parseConcurrentDownloads,
  parseDownloadAttempts,
  parseMirrors,
  parseRangesPerBlob,
} from "./registry-settings.ts";

/** `rt daemon`'s flags as typed. */
export interface DaemonFlags {
  dataRoot?: string;
  runRoot?: string;
  hosts: string[];
  /** Group of the Unix sockets. */
  group?: string;
  tls: TlsFlags;
  /** Where ca.pem, cert.pem and key.pem are unless files are named. */
  certPath: string;
  /** "URL" or "HOST=URL" */
  registryMirrors: string[];
  insecureRegistries: string[];
  maxConcurrentDownloads?: number;
  maxDownloadAttempts?: number;
  maxRangesPerBlob?: number;
  cgroupParent?: string;
  configFile?: string;
  networks: NetworkFlags;
  names: NameFlags;
  /** "builtin", "unconfined" or a file. */
  seccompProfile?: string;
  logLevel?: string;
  noKeepBlobs?: boolean;
  noNewPrivileges?: boolean;
  logDriver?: string;
  /** "name=value" */
  logOptions: string[];
}

/** The daemon's settings, complete and validated. */
export interface DaemonConfig {
  dataRoot: string;
  runRoot: string;
  addresses: ListenAddress[];
  /** undefined: the first of the usual ones; "": none. */
  group: string | undefined;
  tls: TlsConfig;
  registryMirrors: Mirrors;
  insecureRegistries: string[];
  /** Layers fetched at once, by all pulls together. */
  maxConcurrentDownloads: number;
  /** Tries of one request before a pull fails. */
  maxDownloadAttempts: number;
  /** Connections at once for one large layer. */
  maxRangesPerBlob: number;
  cgroupParent: string | null;
  seccomp: SeccompDefault;
  networks: NetworkConfig;
  names: NameConfig;
  logLevel: "debug" | "info" | "warn" | "error";
  /** Of containers that do not say. */
  noNewPrivileges: boolean;
  /** Compressed layers stay in the content store once they are unpacked. */
  keepBlobs: boolean;
  /** For containers that do not say where their output goes. */
  logConfig: LogConfig;
  /** Interface of the default bridge and table of our nftables rules; differ between data roots. */
  bridgeName: string;
  tableName: string;
}

const defaults = { dataRoot: "/var/lib/rt", runRoot: "/run/rt" };
/** A monitor's socket path (run root + 56 bytes) has to fit sockaddr_un's 108 bytes, see unix(7). */
const maxRunRootBytes = 48;

const fileKeys = {
  "data-root": "string",
  "run-root": "string",
  hosts: "strings",
  group: "string",
  tls: "switch",
  tlsverify: "switch",
  tlscacert: "string",
  tlscert: "string",
  tlskey: "string",
  "registry-mirrors": "strings",
  "insecure-registries": "strings",
  "max-concurrent-downloads": "number",
  "max-download-attempts": "number",
  "max-ranges-per-blob": "number",
  "cgroup-parent": "string",
  ...networkFileKeys,
  ...nameFileKeys,
  "seccomp-profile": "string",
  "log-level": "string",
  "no-keep-blobs": "boolean",
  "no-new-privileges": "boolean",
  "log-driver": "string",
  "log-opts": "texts",
} as const;

interface SettingTypes {
  switch: boolean;
  string: string;
  boolean: boolean;
  number: number;
  strings: string[];
  texts: Record<string, string>;
  maps: Record<string, Record<string, string>>;
  pools: WrittenPool[];
}

type FileSettings = { [Key in keyof typeof fileKeys]?: SettingTypes[(typeof fileKeys)[Key]] };

/** Flags win over the file, the file over the defaults; lists are joined. */
export async function readConfig(flags: DaemonFlags): Promise<DaemonConfig> {
  const file = flags.configFile === undefined ? {} : await readSettings(flags.configFile);
  const dataRoot = resolve(flags.dataRoot ?? file["data-root"] ?? defaults.dataRoot);
  const runRoot = resolve(flags.runRoot ?? file["run-root"] ?? defaults.runRoot);
  if (Buffer.byteLength(runRoot) > maxRunRootBytes) {
    throw new EngineError(
      "invalid_argument",
      `run root ${JSON.stringify(runRoot)} is longer than ${maxRunRootBytes} bytes`,
      {
        hint: "choose a shorter --run-root; socket paths below it must fit the kernel's limit",
      },
    );
  }
  const hosts = [...flags.hosts, ...(file.hosts ?? [])];
  const addresses = (hosts.length > 0 ? hosts : [`unix://${runRoot}/rt.sock`]).map(
    parseListenAddress,
  );
  const suffix = dataRoot === defaults.dataRoot ? "" : `-${shortHash(dataRoot)}`;
  return {
    dataRoot,
    runRoot,
    addresses,
    tls: readTlsConfig({ ...file, ...flags.tls }, flags.certPath, addresses),
    group: flags.group ?? file.group,
    registryMirrors: parseMirrors([...flags.registryMirrors, ...(file["registry-mirrors"] ?? [])]),
    insecureRegistries: [...flags.insecureRegistries, ...(file["insecure-registries"] ?? [])],
    maxConcurrentDownloads: parseConcurrentDownloads(
      flags.maxConcurrentDownloads ?? file["max-concurrent-downloads"],
    ),
    maxDownloadAttempts: parseDownloadAttempts(
      flags.maxDownloadAttempts ?? file["max-download-attempts"],
    ),
    maxRangesPerBlob: parseRangesPerBlob(flags.maxRangesPerBlob ?? file["max-ranges-per-blob"]),
    cgroupParent: flags.cgroupParent ?? file["cgroup-parent"] ?? null,
    seccomp: await readSeccompDefault(flags.seccompProfile ?? file["seccomp-profile"] ?? "builtin"),
    networks: readNetworkConfig(flags.networks, file),
    names: readNameConfig(flags.names, file),
    logLevel: parseLevel(flags.logLevel ?? file["log-level"] ?? "info"),
    keepBlobs: !(flags.noKeepBlobs || file["no-keep-blobs"]),
    noNewPrivileges: flags.noNewPrivileges ?? file["no-new-privileges"] ?? false,
    logConfig: parseLogDefaults(flags, file),
    bridgeName: `rt0${suffix}`,
    // Not "rt" alone, which is a word of nft's own: a ruleset that it saved could not be loaded again.
    tableName: `rt-networks${suffix}`,
  };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isSetting = {
  switch: (value: unknown) => typeof value === "boolean",
  string: isText,
  boolean: (value: unknown) => typeof value === "boolean",
  number: (value: unknown) => typeof value === "number",
  strings: (value: unknown) => Array.isArray(value) && value.every(isText),
  texts: (value: unknown) => isRecord(value) && Object.values(value).every(isText),
  maps: (value: unknown) =>
    isRecord(value) &&
    Object.values(value).every((map) => isRecord(map) && Object.values(map).every(isText)),
  pools: (value: unknown) =>
    Array.isArray(value) &&
    value.every((pool) => isRecord(pool) && isText(pool.base) && typeof pool.size === "number"),
};
const settingWords = {
  switch: "true or false",
  string: "a string",
  boolean: "true or false",
  number: "a number",
  strings: "a list of strings",
  texts: "an object of strings",
  maps: "an object of objects of strings",
  pools: "a list of objects with a base and a size",
};

async function readSettings(path: string): Promise<FileSettings> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new EngineError(
      "invalid_argument",
      `read configuration file ${JSON.stringify(path)}: ${messageOf(cause)}`,
      { cause },
    );
  }
  if (!isRecord(parsed))
    throw new EngineError(
      "invalid_argument",
      `configuration file ${JSON.stringify(path)} is not a JSON object`,
    );
  for (const [key, value] of Object.entries(parsed)) {
    const type = Object.hasOwn(fileKeys, key) ? fileKeys[key as keyof typeof fileKeys] : undefined;
    if (type === undefined)
      throw new EngineError(
        "invalid_argument",
        `configuration file ${JSON.stringify(path)}: unknown setting "${key}"`,
      );
    if (!isSetting[type](value)) {
      throw new EngineError(
        "invalid_argument",
        `configuration file ${JSON.stringify(path)}: "${key}" is not ${settingWords[type]}`,
      );
    }
  }
  return parsed;
}

function parseLogDefaults(flags: DaemonFlags, file: FileSettings): LogConfig {
  const options = flags.logOptions.map((text) => {
    const cut = text.indexOf("=");
    if (cut > 0) return [text.slice(0, cut), text.slice(cut + 1)];
    throw new EngineError("invalid_argument", `invalid log option "${text}": give name=value`);
  });
  const config: LogConfig = {
    // The type lists Docker's own drivers; parseLogConfig judges the name.
    Type: (flags.logDriver ?? file["log-driver"] ?? "json-file") as "json-file",
    Config: { ...file["log-opts"], ...Object.fromEntries(options) },
  };
  parseLogConfig(config);
  return config;
}

function parseLevel(level: string): DaemonConfig["logLevel"] {
  if (level === "debug" || level === "info" || level === "warn" || level === "error") return level;
  throw new EngineError(
    "invalid_argument",
    `invalid log level "${level}": choose debug, info, warn or error`,
  );
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 6);
}
