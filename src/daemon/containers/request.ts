import type { ContainerCreateRequest, HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { parseRestartPolicy } from "./restart-policy.ts";

/**
 * Checks a create request: first that its fields have the types Docker's have (the wire type is only a
 * claim until then), then that nothing is asked for which this engine does not do.
 */
export function parseCreateRequest(body: Record<string, unknown>): ContainerCreateRequest {
  checkShape(body, requestShape, "");
  const request = body as ContainerCreateRequest;
  const host = request.HostConfig ?? {};
  if (!empty(host.DeviceRequests)) {
    const [first] = host.DeviceRequests ?? [];
    const wanted = JSON.stringify(first?.Driver ?? "");
    const capabilities = JSON.stringify(first?.Capabilities ?? [])
      .replaceAll('"', "")
      .replaceAll(",", " ");
    throw new EngineError(
      "not_implemented",
      `could not select device driver ${wanted} with capabilities: ${capabilities}`,
    );
  }
  for (const [asked, words] of unsupported) {
    if (asked(host, request))
      throw new EngineError("not_implemented", `${words} not supported by this engine yet`);
  }
  return request;
}

/** Checks an update: the fields of a host configuration, of which it changes some. */
export function parseUpdateRequest(body: Record<string, unknown>): HostConfig {
  checkShape(body, hostShape, "");
  const changes = body as HostConfig;
  if (!changes.RestartPolicy?.Name) return changes;
  return { ...changes, RestartPolicy: parseRestartPolicy(changes.RestartPolicy) };
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
  [(host) => !empty(host.Links), "links are"],
  [(host) => !empty(host.StorageOpt), "storage options are"],
];

type Shape =
  | "string"
  | "boolean"
  | "number"
  | "strings"
  | "lists"
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
  BindOptions: {
    Propagation: "string",
    NonRecursive: "boolean",
    CreateMountpoint: "boolean",
    ReadOnlyNonRecursive: "boolean",
    ReadOnlyForceRecursive: "boolean",
    IDMap: "string",
  },
  VolumeOptions: {
    NoCopy: "boolean",
    Labels: "texts",
    Subpath: "string",
    DriverConfig: { Name: "string", Options: "texts" },
  },
  TmpfsOptions: { SizeBytes: "number", Mode: "number", Options: "lists" },
  ImageOptions: { Subpath: "string" },
};

const endpointShape: Fields = {
  MacAddress: "string",
  Aliases: "strings",
  Links: "strings",
  DriverOpts: "texts",
  IPAMConfig: { IPv4Address: "string", IPv6Address: "string", LinkLocalIPs: "strings" },
};

const rateShape: Fields = { Path: "string", Rate: "number" };

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
  Devices: new ListOf({
    PathOnHost: "string",
    PathInContainer: "string",
    CgroupPermissions: "string",
  }),
  BlkioWeightDevice: new ListOf({ Path: "string", Weight: "number" }),
  BlkioDeviceReadBps: new ListOf(rateShape),
  BlkioDeviceWriteBps: new ListOf(rateShape),
  BlkioDeviceReadIOps: new ListOf(rateShape),
  BlkioDeviceWriteIOps: new ListOf(rateShape),
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
  Healthcheck: {
    Test: "strings",
    Interval: "number",
    Timeout: "number",
    StartPeriod: "number",
    StartInterval: "number",
    Retries: "number",
  },
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
  if (wanted === "lists")
    return Array.isArray(field) && field.every((item) => fits(item, "strings"));
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
    lists: "a list of lists of strings",
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
