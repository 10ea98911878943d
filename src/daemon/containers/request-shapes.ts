/** The fields of request bodies that this engine knows, with their types, which are Docker's. */
import { type Fields, ListOf, MapOf, MapOfLists } from "../http/shape.ts";

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

export const endpointShape: Fields = {
  MacAddress: "string",
  Aliases: "strings",
  Links: "strings",
  DriverOpts: "texts",
  GwPriority: "number",
  IPAMConfig: { IPv4Address: "string", IPv6Address: "string", LinkLocalIPs: "strings" },
};

const bindingsShape = new MapOfLists({ HostIp: "string", HostPort: "string" });

const rateShape: Fields = { Path: "string", Rate: "number" };

export const hostShape: Fields = {
  Binds: "strings",
  CapAdd: "words",
  CapDrop: "words",
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
  PortBindings: bindingsShape,
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

export const updateShape: Fields = {
  ...hostShape,
  PublishAdd: bindingsShape,
  PublishRemove: "strings",
};

/** What an image can keep too. */
export const configShape: Fields = {
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
  Cmd: "words",
  Entrypoint: "words",
  OnBuild: "strings",
  Shell: "words",
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
};

export const createShape: Fields = {
  ...configShape,
  HostConfig: hostShape,
  NetworkingConfig: { EndpointsConfig: new MapOf(endpointShape) },
};

export const execShape: Fields = {
  Cmd: "strings",
  Env: "strings",
  User: "string",
  WorkingDir: "string",
  DetachKeys: "string",
  Tty: "boolean",
  Privileged: "boolean",
  AttachStdin: "boolean",
  AttachStdout: "boolean",
  AttachStderr: "boolean",
  ConsoleSize: "numbers",
};

export const execStartShape: Fields = {
  Detach: "boolean",
  Tty: "boolean",
  ConsoleSize: "numbers",
};
