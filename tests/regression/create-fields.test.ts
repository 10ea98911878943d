import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage();

/** One value of every kind that JSON has, and some that are too large, too deep or too small. */
const odd: unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e300,
  2 ** 53,
  "",
  "x",
  "a\0b",
  "../..",
  [],
  [null],
  [[]],
  [{}],
  ["x"],
  [-1, 70_000],
  {},
  { x: null },
  { x: 1 },
  { "a\0b": "c" },
  JSON.parse('{"__proto__":{"Image":"busybox"}}'),
  { toString: "x", length: -1 },
];

const fields = [
  ..."Hostname Domainname User WorkingDir MacAddress StopSignal StopTimeout AttachStdin Tty".split(
    " ",
  ),
  ..."OpenStdin StdinOnce NetworkDisabled Env Cmd Entrypoint OnBuild Shell ExposedPorts Volumes".split(
    " ",
  ),
  ..."Labels Healthcheck Image HostConfig NetworkingConfig".split(" "),
  ..."Test Interval Timeout Retries StartPeriod".split(" ").map((name) => `Healthcheck.${name}`),
  "NetworkingConfig.EndpointsConfig",
  "NetworkingConfig.EndpointsConfig.bridge",
  "NetworkingConfig.EndpointsConfig.bridge.IPAMConfig",
  "NetworkingConfig.EndpointsConfig.bridge.IPAMConfig.IPv4Address",
  "NetworkingConfig.EndpointsConfig.bridge.Aliases",
  ...(
    "Binds CapAdd CapDrop Dns DnsOptions DnsSearch ExtraHosts GroupAdd Links SecurityOpt VolumesFrom " +
    "MaskedPaths ReadonlyPaths DeviceCgroupRules ConsoleSize NetworkMode IpcMode PidMode UTSMode " +
    "UsernsMode CgroupnsMode CgroupParent CpusetCpus CpusetMems Runtime VolumeDriver Isolation " +
    "ContainerIDFile Memory MemorySwap MemoryReservation MemorySwappiness NanoCpus CpuShares CpuPeriod " +
    "CpuQuota CpuRealtimePeriod CpuRealtimeRuntime KernelMemoryTCP BlkioWeight PidsLimit ShmSize " +
    "OomScoreAdj AutoRemove Privileged PublishAllPorts ReadonlyRootfs Init OomKillDisable Sysctls Tmpfs " +
    "StorageOpt Annotations PortBindings Mounts Ulimits Devices DeviceRequests RestartPolicy LogConfig " +
    "LogConfig.Type LogConfig.Config RestartPolicy.Name RestartPolicy.MaximumRetryCount " +
    "Mounts.0 Mounts.0.Type Mounts.0.Source Mounts.0.Target Mounts.0.ReadOnly Mounts.0.BindOptions " +
    "Mounts.0.VolumeOptions Mounts.0.TmpfsOptions Mounts.0.TmpfsOptions.SizeBytes " +
    "Mounts.0.TmpfsOptions.Mode Mounts.0.VolumeOptions.Subpath Mounts.0.VolumeOptions.DriverConfig " +
    "Mounts.0.TmpfsOptions.Options Mounts.0.BindOptions.IDMap Mounts.0.BindOptions.Propagation " +
    "Mounts.0.ImageOptions Mounts.0.ImageOptions.Subpath Mounts.0.VolumeOptions.Labels " +
    "Mounts.0.VolumeOptions.DriverConfig.Options Mounts.0.VolumeOptions.DriverConfig.Name " +
    "Ulimits.0 Ulimits.0.Name Ulimits.0.Soft Ulimits.0.Hard"
  )
    .split(" ")
    .map((name) => `HostConfig.${name}`),
];

/** A request that would run, with one field replaced. */
function bodyWith(path: string, value: unknown): Record<string, unknown> {
  const mounts: Record<string, unknown> = {
    Tmpfs: { Type: "tmpfs", Target: "/mnt" },
    Volume: { Type: "volume", Source: "fields", Target: "/mnt" },
    Image: { Type: "image", Source: "busybox", Target: "/mnt" },
  };
  const kind = /(Tmpfs|Volume|Image)Options/.exec(path)?.[1] ?? "";
  const mount = mounts[kind] ?? { Type: "bind", Source: "/tmp", Target: "/mnt" };
  const body: Record<string, unknown> = { Image: "busybox", Cmd: ["true"] };
  let at: Record<string, unknown> = body;
  const names = path.split(".");
  for (const [index, name] of names.entries()) {
    if (index === names.length - 1) {
      at[name] = value;
    } else if (names[index + 1] === "0") {
      at[name] = [name === "Mounts" ? mount : { Name: "core", Soft: 10, Hard: 10 }];
      at = at[name] as Record<string, unknown>;
    } else {
      at[name] ??= {};
      at = at[name] as Record<string, unknown>;
    }
  }
  return body;
}

test("no value in any field of a create request is worse than a refusal, then or at start", async () => {
  const { daemon } = stage();
  const worse: string[] = [];
  for (const field of fields) {
    for (const value of odd) {
      // A parent that does not exist is made, and stays, as with Docker.
      if (field === "HostConfig.CgroupParent" && typeof value === "string") continue;
      const what = `${field} = ${JSON.stringify(value)}`;
      const created = await daemon.post("/containers/create", bodyWith(field, value));
      const reply = (await created.json()) as { Id?: string; message?: string };
      if (created.status !== 201) {
        if ((created.status >= 500 && created.status !== 501) || typeof reply.message !== "string")
          worse.push(`${what}: ${created.status} ${JSON.stringify(reply)}`);
        continue;
      }
      const started = await daemon.post(`/containers/${reply.Id}/start`);
      const words = await started.text();
      // What the machine that tests run on does not let root do either is no fault of the value.
      if (started.status >= 500 && !/permission denied|not permitted/.test(words))
        worse.push(`start, ${what}: ${words}`);
      const listed = await daemon.request(`/containers/${reply.Id}/json`);
      if (!listed.ok && !(field === "HostConfig.AutoRemove" && listed.status === 404))
        worse.push(`inspect, ${what}: ${await listed.text()}`);
      const removed = await daemon.request(`/containers/${reply.Id}?force=1&v=1`, {
        method: "DELETE",
      });
      // With AutoRemove it may be gone by itself.
      if (!removed.ok && ![404, 409].includes(removed.status))
        worse.push(`remove, ${what}: ${removed.status} ${await removed.text()}`);
    }
  }
  expect(worse).toEqual([]);
  expect(daemon.alive).toBe(true);
}, 300_000);
