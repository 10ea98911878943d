import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { limitOf } from "../support/limits.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const hasV1Memory = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes");

async function sleeper(...flags: string[]): Promise<string> {
  const ran = await stage().world.rtOutput(["run", "-d", ...flags, "busybox", "sleep", "1000"]);
  return ran.split("\n").at(-1) ?? "";
}

test("memory, swap and reservation are set together", async () => {
  const { world } = stage();
  const id = await sleeper("-m", "64m", "--memory-swap", "96m", "--memory-reservation", "32m");
  const mib = 1024 * 1024;
  if (hasV1Memory) {
    expect(await limitOf(world, id, ["memory.limit_in_bytes"])).toBe(`${64 * mib}`);
    expect(await limitOf(world, id, ["memory.memsw.limit_in_bytes"])).toBe(`${96 * mib}`);
    expect(await limitOf(world, id, ["memory.soft_limit_in_bytes"])).toBe(`${32 * mib}`);
  } else {
    expect(await limitOf(world, id, ["memory.max"])).toBe(`${64 * mib}`);
    expect(await limitOf(world, id, ["memory.swap.max"])).toBe(`${32 * mib}`);
    expect(await limitOf(world, id, ["memory.low"])).toBe(`${32 * mib}`);
  }
  await world.rtOutput(["rm", "-f", id]);
});

test("swap is as much as memory unless it is said, and inspect shows it", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "-m", "64m", "busybox"]);
  const format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.ShmSize}}";
  expect(await world.rtOutput(["inspect", "-f", format, id])).toBe("67108864 134217728 67108864");
  await world.rtOutput(["rm", id]);
});

test("CPU quota, shares and cpuset reach the kernel", async () => {
  const { world } = stage();
  const flags = ["--cpu-period", "50000", "--cpu-quota", "20000", "--cpu-shares", "512"];
  const id = await sleeper(...flags, "--cpuset-cpus", "0", "--cpuset-mems", "0");
  expect(await limitOf(world, id, ["cpu.max", "cpu.cfs_quota_us"])).toMatch(/^20000( 50000)?$/);
  expect(await limitOf(world, id, ["cpu.weight", "cpu.shares"])).toMatch(/^(512|60|59|58)$/);
  expect(await limitOf(world, id, ["cpuset.cpus"])).toBe("0");
  await world.rtOutput(["rm", "-f", id]);
});

test("what only v1 can do is set there, and dropped with a warning elsewhere", async () => {
  const { world } = stage();
  const flags = ["-m", "64m", "--memory-swappiness", "10", "--oom-kill-disable"];
  const ran = await world.rt(["run", "-d", ...flags, "busybox", "sleep", "1000"]);
  const id = ran.stdout.trim();
  if (hasV1Memory) {
    expect(ran.stderr).toBe("");
    expect(await limitOf(world, id, ["memory.swappiness"])).toBe("10");
    expect(await limitOf(world, id, ["memory.oom_control"])).toContain("oom_kill_disable 1");
  } else {
    expect(ran.stderr).toContain("Memory swappiness discarded.");
    expect(ran.stderr).toContain("OomKillDisable discarded.");
  }
  await world.rtOutput(["rm", "-f", id]);
});

test("limits on block devices are set by their numbers", async () => {
  const { world, daemon } = stage();
  const path = "/dev/loop0";
  const reply = await daemon.post("/containers/create", {
    Image: "busybox",
    Cmd: ["sleep", "1000"],
    HostConfig: {
      BlkioDeviceReadBps: [{ Path: path, Rate: 1048576 }],
      BlkioDeviceWriteIOps: [{ Path: path, Rate: 100 }],
    },
  });
  const { Id: id } = (await reply.json()) as { Id: string };
  await world.rtOutput(["start", id]);
  const read = await limitOf(world, id, ["blkio.throttle.read_bps_device", "io.max"]);
  expect(read).toMatch(/^7:0 (1048576$|rbps=1048576 )/);
  const write = await limitOf(world, id, ["blkio.throttle.write_iops_device", "io.max"]);
  expect(write).toMatch(/^7:0 (100$|.*wiops=100)/);
  await world.rtOutput(["rm", "-f", id]);
});

test("a device to limit that is not there is told by name", async () => {
  const { world } = stage();
  const flags = ["--device-read-bps", "/dev/absent:1mb"];
  const ran = await world.rt(["run", "--rm", ...flags, "busybox", "true"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain("stat /dev/absent: no such file or directory");
});

test("limits that make no sense are refused in Docker's words", async () => {
  const { world } = stage();
  const cases: [string[], string][] = [
    [["--memory-swap", "64m"], "You should always set the Memory limit when using Memoryswap"],
    [["-m", "64m", "--memory-swap", "32m"], "Minimum memoryswap limit should be larger"],
    [["--cpus", "10000"], "range of CPUs is from 0.01 to"],
    [["--cpuset-cpus", "4000"], "Requested CPUs are not available - requested 4000, available: 0"],
    [["--cpuset-cpus", "x"], "Invalid value x for cpuset cpus"],
    [["--blkio-weight", "5"], hasV1Memory ? "" : "Range of blkio weight is from 10 to 1000"],
    [["--oom-score-adj", "2000"], "Invalid value 2000, range for oom score adj is [-1000, 1000]"],
  ];
  for (const [flags, words] of cases) {
    const ran = await world.rt(["create", "--name", "refused", ...flags, "busybox"]);
    if (words === "") {
      await world.rt(["rm", "refused"]);
      continue;
    }
    expect(ran.stderr).toContain(words);
    expect(ran.code).toBe(125);
  }
});

test("a child that is killed for memory counts as much as the first process", async () => {
  const { world } = stage();
  const hog = "x=a; while :; do x=$x$x; done";
  const script = `sh -c '${hog}'; echo child $?`;
  const flags = ["--name", "hog", "-m", "16m", "--memory-swap", "16m"];
  const since = `${Math.floor(Date.now() / 1000) - 1}`;
  const ran = await world.rt(["run", ...flags, "busybox", "sh", "-c", script]);
  expect(ran.stdout).toContain("child 137");
  expect(ran.code).toBe(0);
  const format = "{{.State.OOMKilled}} {{.State.ExitCode}}";
  expect(await world.rtOutput(["inspect", "-f", format, "hog"])).toBe("true 0");
  const until = `${Math.ceil(Date.now() / 1000) + 1}`;
  const filter = ["--filter", "event=oom", "--filter", "container=hog"];
  const events = await world.rtOutput(["events", "--since", since, "--until", until, ...filter]);
  expect(events).toContain("container oom");
  await world.rtOutput(["rm", "hog"]);
});

test("a kill for memory is told while the container lives on", async () => {
  const { world } = stage();
  const script = "sh -c 'x=a; while :; do x=$x$x; done'; sleep 1000";
  const flags = ["-d", "--name", "living", "-m", "16m", "--memory-swap", "16m"];
  await world.rtOutput(["run", ...flags, "busybox", "sh", "-c", script]);
  const format = "{{.State.OOMKilled}} {{.State.Running}}";
  await until("the kill to be told", async () => {
    return (await world.rtOutput(["inspect", "-f", format, "living"])) === "true true";
  });
  await world.rtOutput(["rm", "-f", "living"]);
});

test("a program that leaves its limit alone is not told to have been killed for memory", async () => {
  const { world } = stage();
  await world.rt([
    "run",
    "--init",
    "--name",
    "modest",
    "-m",
    "16m",
    "busybox",
    "sh",
    "-c",
    "kill -9 $$",
  ]);
  const format = "{{.State.OOMKilled}} {{.State.ExitCode}}";
  expect(await world.rtOutput(["inspect", "-f", format, "modest"])).toBe("false 137");
  await world.rtOutput(["rm", "modest"]);
});
