import type { ContainerCreateRequest, HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

/**
 * Checks a create request: first that its fields have the types Docker's have (the wire type is only a
 * claim until then), then that nothing is asked for which this engine does not do.
 */
export function parseCreateRequest(body: Record<string, unknown>): ContainerCreateRequest {
  checkShape(body, requestShape, "");
  const request = body as ContainerCreateRequest;
  const host = request.HostConfig ?? {};
  for (const [asked, words] of unsupported) {
    if (asked(host, request))
      throw new EngineError("not_implemented", `${words} not supported by this engine yet`);
  }
  return request;
}

const empty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === 0 ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** What Docker has and this engine has not, each with the words of its refusal. */
const unsupported: [(host: HostConfig, request: ContainerCreateRequest) => boolean, string][] = [
  [(host) => !empty(host.PortBindings) || host.PublishAllPorts === true, "published ports are"],
  [
    (_, request) => !["NONE", undefined].includes(request.Healthcheck?.Test?.[0]),
    "health checks are",
  ],
  [(host) => !empty(host.Links), "links are"],
  [(host) => !empty(host.VolumesFrom), "volumes from other containers are"],
  [(host) => !empty(host.Devices), "host devices are"],
  [(host) => !empty(host.DeviceCgroupRules), "device cgroup rules are"],
  [(host) => !empty(host.DeviceRequests), "device requests are"],
  [(host) => !empty(host.StorageOpt), "storage options are"],
  [(host) => host.OomKillDisable === true, "disabling the OOM killer is"],
  [
    (host) => !empty(host.CpuRealtimePeriod) || !empty(host.CpuRealtimeRuntime),
    "real-time scheduling limits are",
  ],
  [(host) => !empty(host.KernelMemoryTCP), "kernel memory limits are"],
  [(host) => (host.MemorySwappiness ?? -1) >= 0, "memory swappiness is"],
  [
    (host) =>
      !empty(host.BlkioWeight) ||
      !empty(host.BlkioWeightDevice) ||
      !empty(host.BlkioDeviceReadBps) ||
      !empty(host.BlkioDeviceWriteBps) ||
      !empty(host.BlkioDeviceReadIOps) ||
      !empty(host.BlkioDeviceWriteIOps),
    "block I/O limits are",
  ],
  [
    (host) => host.NetworkMode?.startsWith("container:") === true,
    "sharing another container's network is",
  ],
  [(host) => !["", "host", undefined].includes(host.PidMode), "this pid mode is"],
  [
    (host) => !["", "private", "shareable", "host", undefined].includes(host.IpcMode),
    "this ipc mode is",
  ],
  [(host) => !["", "host", undefined].includes(host.UTSMode), "this uts mode is"],
  [(host) => !["", "host", undefined].includes(host.UsernsMode), "this user namespace mode is"],
  [
    (host) => !["", "private", "host", undefined].includes(host.CgroupnsMode),
    "this cgroup namespace mode is",
  ],
  [(host) => !["", "local", undefined].includes(host.VolumeDriver), "this volume driver is"],
  [(host) => host.Mounts?.some((mount) => mount.Type === "image") === true, "image mounts are"],
  [
    (host) => host.Mounts?.some((mount) => !empty(mount.VolumeOptions?.Subpath)) === true,
    "volume subpaths are",
  ],
  [
    (host) => host.Mounts?.some((mount) => !empty(mount.VolumeOptions?.DriverConfig)) === true,
    "volume driver options are",
  ],
];

type Shape =
  | "string"
  | "boolean"
  | "number"
  | "strings"
  | "numbers"
  | "map"
  | "texts"
  | "objects"
  | Fields
  | ListOf
  | MapOf;

interface Fields {
  [key: string]: Shape;
}

/** A list of objects, each with these fields. */
class ListOf {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }
}

/** An object whose values are objects with these fields, or null. */
class MapOf {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }
}

const mountShape: Fields = {
  Type: "string",
  Source: "string",
  Target: "string",
  ReadOnly: "boolean",
  Consistency: "string",
  BindOptions: { Propagation: "string", NonRecursive: "boolean", CreateMountpoint: "boolean" },
  VolumeOptions: {
    NoCopy: "boolean",
    Labels: "texts",
    Subpath: "string",
    DriverConfig: { Name: "string", Options: "texts" },
  },
  TmpfsOptions: { SizeBytes: "number", Mode: "number" },
};

const endpointShape: Fields = {
  MacAddress: "string",
  Aliases: "strings",
  Links: "strings",
  DriverOpts: "texts",
  IPAMConfig: { IPv4Address: "string", IPv6Address: "string", LinkLocalIPs: "strings" },
};

const hostShape: Fields = {
  Binds: "strings",
  CapAdd: "strings",
  CapDrop: "strings",
  Dns: "strings",
  DnsOptions: "strings",
  DnsSearch: "strings",
  ExtraHosts: "strings",
  GroupAdd: "strings",
  Links: "strings",
  SecurityOpt: "strings",
  VolumesFrom: "strings",
  MaskedPaths: "strings",
  ReadonlyPaths: "strings",
  DeviceCgroupRules: "strings",
  ConsoleSize: "numbers",
  NetworkMode: "string",
  IpcMode: "string",
  PidMode: "string",
  UTSMode: "string",
  UsernsMode: "string",
  CgroupnsMode: "string",
  CgroupParent: "string",
  CpusetCpus: "string",
  CpusetMems: "string",
  Runtime: "string",
  VolumeDriver: "string",
  Isolation: "string",
  ContainerIDFile: "string",
  Memory: "number",
  MemorySwap: "number",
  MemoryReservation: "number",
  MemorySwappiness: "number",
  NanoCpus: "number",
  CpuShares: "number",
  CpuPeriod: "number",
  CpuQuota: "number",
  CpuRealtimePeriod: "number",
  CpuRealtimeRuntime: "number",
  KernelMemoryTCP: "number",
  BlkioWeight: "number",
  PidsLimit: "number",
  ShmSize: "number",
  OomScoreAdj: "number",
  AutoRemove: "boolean",
  Privileged: "boolean",
  PublishAllPorts: "boolean",
  ReadonlyRootfs: "boolean",
  Init: "boolean",
  OomKillDisable: "boolean",
  Sysctls: "texts",
  Tmpfs: "texts",
  StorageOpt: "texts",
  Annotations: "texts",
  PortBindings: "map",
  Mounts: new ListOf(mountShape),
  Ulimits: new ListOf({ Name: "string", Soft: "number", Hard: "number" }),
  Devices: "objects",
  DeviceRequests: "objects",
  RestartPolicy: { Name: "string", MaximumRetryCount: "number" },
  LogConfig: { Type: "string", Config: "texts" },
};

const requestShape: Fields = {
  Hostname: "string",
  Domainname: "string",
  User: "string",
  Image: "string",
  WorkingDir: "string",
  MacAddress: "string",
  StopSignal: "string",
  StopTimeout: "number",
  AttachStdin: "boolean",
  AttachStdout: "boolean",
  AttachStderr: "boolean",
  Tty: "boolean",
  OpenStdin: "boolean",
  StdinOnce: "boolean",
  NetworkDisabled: "boolean",
  ArgsEscaped: "boolean",
  Env: "strings",
  Cmd: "strings",
  Entrypoint: "strings",
  OnBuild: "strings",
  Shell: "strings",
  ExposedPorts: "map",
  Volumes: "map",
  Labels: "texts",
  Healthcheck: { Test: "strings", Interval: "number", Timeout: "number", Retries: "number" },
  HostConfig: hostShape,
  NetworkingConfig: { EndpointsConfig: new MapOf(endpointShape) },
};

/** Refuses a known field of the wrong type; null counts as absent, unknown fields are left alone. */
function checkShape(value: Record<string, unknown>, shape: Fields, path: string): void {
  for (const [name, wanted] of Object.entries(shape)) {
    const field = value[name];
    if (field === undefined) continue;
    if (field === null) {
      delete value[name];
      continue;
    }
    if (!fits(field, wanted)) {
      throw new EngineError(
        "invalid_argument",
        `invalid request body: field "${path}${name}" is not ${wordsFor(wanted)}`,
      );
    }
    if (wanted instanceof ListOf || wanted instanceof MapOf) {
      for (const [key, item] of Object.entries(field)) {
        if (item !== null) checkShape(item, wanted.fields, `${path}${name}.${key}.`);
      }
    } else if (typeof wanted === "object") {
      checkShape(field as Record<string, unknown>, wanted, `${path}${name}.`);
    }
  }
}

function fits(field: unknown, wanted: Shape): boolean {
  if (wanted === "string" || wanted === "boolean") {
    return typeof field === wanted && !(typeof field === "string" && field.includes("\0"));
  }
  if (wanted === "number") return Number.isSafeInteger(field);
  if (wanted === "strings")
    return Array.isArray(field) && field.every((item) => fits(item, "string"));
  if (wanted === "numbers")
    return Array.isArray(field) && field.every((item) => Number.isSafeInteger(item));
  if (wanted === "objects" || wanted instanceof ListOf)
    return Array.isArray(field) && field.every((item) => isObject(item));
  if (!isObject(field) || Object.keys(field).some((key) => key.includes("\0"))) return false;
  if (wanted instanceof MapOf)
    return Object.values(field).every((item) => item === null || isObject(item));
  return wanted !== "texts" || Object.values(field).every((item) => fits(item, "string"));
}

function wordsFor(wanted: Shape): string {
  const words = {
    string: "a string",
    boolean: "true or false",
    number: "a whole number",
    strings: "a list of strings",
    numbers: "a list of numbers",
    map: "an object",
    texts: "an object of strings",
    objects: "a list of objects",
  };
  if (wanted instanceof ListOf) return words.objects;
  return typeof wanted === "string" ? words[wanted] : "an object";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
