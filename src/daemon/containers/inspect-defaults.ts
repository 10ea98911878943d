import type { ContainerConfig, HostConfig } from "../../api/types.ts";

/**
 * Members that Docker's `inspect` always has, with what stands there when nothing was asked for: scripts
 * and templates read them without asking whether they are there.
 */
const hostDefaults = {
  ...{ Binds: null, ContainerIDFile: "", PortBindings: {}, AutoRemove: false, VolumeDriver: "" },
  ...{ VolumesFrom: null, ConsoleSize: [0, 0], CapAdd: null, CapDrop: null },
  ...{ Dns: [], DnsOptions: [], DnsSearch: [], ExtraHosts: null, GroupAdd: null, Links: null },
  ...{ Cgroup: "", OomScoreAdj: 0, PidMode: "", Privileged: false, PublishAllPorts: false },
  ...{ ReadonlyRootfs: false, SecurityOpt: null, UTSMode: "", UsernsMode: "" },
  ...{ ShmSize: 67_108_864, Isolation: "", CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: "" },
  ...{ BlkioWeight: 0, BlkioWeightDevice: [], BlkioDeviceReadBps: [], BlkioDeviceWriteBps: [] },
  ...{ BlkioDeviceReadIOps: [], BlkioDeviceWriteIOps: [], CpuPeriod: 0, CpuQuota: 0 },
  ...{ CpuRealtimePeriod: 0, CpuRealtimeRuntime: 0, CpusetCpus: "", CpusetMems: "" },
  ...{ Devices: [], DeviceCgroupRules: null, DeviceRequests: null, MemoryReservation: 0 },
  ...{ MemorySwap: 0, MemorySwappiness: null, OomKillDisable: null, PidsLimit: null, Ulimits: [] },
  ...{ CpuCount: 0, CpuPercent: 0, IOMaximumIOps: 0, IOMaximumBandwidth: 0 },
  ...{ MaskedPaths: null, ReadonlyPaths: null },
};

const configDefaults = {
  ...{ Hostname: "", Domainname: "", User: "", AttachStdin: false, AttachStdout: false },
  ...{ AttachStderr: false, Tty: false, OpenStdin: false, StdinOnce: false, Env: [], Cmd: null },
  ...{ Image: "", Volumes: null, WorkingDir: "", Entrypoint: null, Labels: {} },
};

/** Docker's order: what is always there first. Null is on the wire where the type has only undefined. */
export function fillHostConfig(host: HostConfig): HostConfig {
  return { ...(hostDefaults as unknown as HostConfig), ...host };
}

export function fillConfig(config: ContainerConfig): ContainerConfig {
  return { ...(configDefaults as unknown as ContainerConfig), ...config };
}
