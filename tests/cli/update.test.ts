import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { limitOf } from "../support/limits.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const mib = 1024 * 1024;
const memoryFiles = ["memory.max", "memory.limit_in_bytes"];

async function sleeper(name: string, ...flags: string[]): Promise<void> {
  await stage().world.rtOutput([
    ...["run", "-d", "--name", name, ...flags],
    ...["busybox", "sleep", "1000"],
  ]);
}

async function end(name: string): Promise<void> {
  await stage().world.rtOutput(["rm", "-f", name]);
}

test("update raises and lowers the limits of a running container", async () => {
  const { world } = stage();
  await sleeper("up", "-m", "64m", "--pids-limit", "50", "--cpus", "0.5");
  const higher = ["-m", "256m", "--memory-swap", "300m", "--cpus", "0.25", "--pids-limit", "60"];
  expect(await world.rtOutput(["update", ...higher, "up"])).toBe("up");
  expect(await limitOf(world, "up", memoryFiles)).toBe(`${256 * mib}`);
  expect(await limitOf(world, "up", ["cpu.max", "cpu.cfs_quota_us"])).toMatch(/^25000/);
  expect(await limitOf(world, "up", ["pids.max"])).toBe("60");
  await world.rtOutput(["update", "-m", "32m", "--memory-swap", "32m", "up"]);
  expect(await limitOf(world, "up", memoryFiles)).toBe(`${32 * mib}`);
  await world.rtOutput(["update", "--pids-limit", "-1", "up"]);
  expect(await limitOf(world, "up", ["pids.max"])).toBe("max");
  const format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}";
  const shown = await world.rtOutput(["inspect", "-f", format, "up"]);
  expect(shown).toBe(`${32 * mib} ${32 * mib} 0`);
  await end("up");
});

test("a container without limits gets its first ones by an update, with all of its processes", async () => {
  const { world } = stage();
  const script = "sleep 1000 & sleep 1000 & echo up; wait";
  await world.rtOutput(["run", "-d", "--name", "free", "busybox", "sh", "-c", script]);
  await world.printed("free", "up");
  await world.rtOutput(["update", "-m", "64m", "--memory-swap", "-1", "--pids-limit", "9", "free"]);
  expect(await limitOf(world, "free", memoryFiles)).toBe(`${64 * mib}`);
  expect(await limitOf(world, "free", ["pids.max"])).toBe("9");
  expect(await limitOf(world, "free", ["pids.current"])).toBe("3");
  // What is executed later is held by it too.
  await world.rtOutput(["exec", "-d", "free", "sleep", "1000"]);
  await until("the process in the limit", async () => {
    return (await limitOf(world, "free", ["pids.current"])) === "4";
  });
  const id = await world.rtOutput(["inspect", "-f", "{{.Id}}", "free"]);
  await end("free");
  // The monitor takes away behind the answer what the update has made.
  const places = ["memory", "pids", "unified"].map((name) => `/sys/fs/cgroup/${name}`);
  await until("the cgroups to be gone", async () => {
    const found = await world.run(["find", ...places, "-name", `rt-${id}`]);
    return found.stdout === "";
  });
});

test("an update of a container that does not run counts at its next start", async () => {
  const { world } = stage();
  await world.rtOutput([...["create", "--name", "later"], ...["busybox", "sleep", "1000"]]);
  await world.rtOutput(["update", "--cpu-shares", "512", "--pids-limit", "7", "later"]);
  await world.rtOutput(["start", "later"]);
  expect(await limitOf(world, "later", ["pids.max"])).toBe("7");
  expect(await limitOf(world, "later", ["cpu.weight", "cpu.shares"])).not.toMatch(/^(100|1024)$/);
  await end("later");
});

test("an update is an event", async () => {
  const { world } = stage();
  await sleeper("told");
  const since = `${Math.floor(Date.now() / 1000) - 1}`;
  await world.rtOutput(["update", "--cpu-shares", "100", "told"]);
  const until = `${Math.ceil(Date.now() / 1000) + 1}`;
  const seen = await world.rtOutput([
    ...["events", "--since", since, "--until", until],
    ...["--filter", "event=update"],
  ]);
  expect(seen).toContain("container update");
  await end("told");
});

test("what does not go with what is there is refused in Docker's words, and changes nothing", async () => {
  const { world } = stage();
  await sleeper("fixed", "-m", "64m", "--cpus", "0.5");
  const id = await world.rtOutput(["inspect", "-f", "{{.Id}}", "fixed"]);
  const cases: [string[], string][] = [
    [
      ["-m", "256m"],
      `Cannot update container ${id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    ],
    [
      ["--cpu-quota", "5000"],
      `Cannot update container ${id}: Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set`,
    ],
    [["-m", "1m"], "Minimum memory limit allowed is 6MB"],
    [["--cpu-shares", "-1"], "invalid CPU shares (-1): value must be a positive integer"],
    [["--cpuset-cpus", "4000"], "Requested CPUs are not available"],
  ];
  for (const [flags, words] of cases) {
    const ran = await world.rt(["update", ...flags, "fixed"]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(words);
  }
  expect(await limitOf(world, "fixed", memoryFiles)).toBe(`${64 * mib}`);
  expect(await world.rtOutput(["inspect", "-f", "{{.HostConfig.Memory}}", "fixed"])).toBe(
    `${64 * mib}`,
  );
  const none = await world.rt(["update", "fixed"]);
  expect(none.code).toBe(125);
  expect(none.stderr).toContain("you must provide one or more flags");
  await end("fixed");
});

test.if(existsSync("/usr/local/bin/docker"))("docker update does the same", async () => {
  const { world } = stage();
  await sleeper("stock", "-m", "64m");
  const ran = await world.docker([
    ...["update", "-m", "96m", "--memory-swap", "128m", "--cpus", "0.5"],
    "stock",
  ]);
  expect(ran).toEqual({ code: 0, stdout: "stock\n", stderr: "" });
  expect(await limitOf(world, "stock", memoryFiles)).toBe(`${96 * mib}`);
  const policy = await world.docker(["update", "--restart", "always", "stock"]);
  expect(policy.code).toBe(0);
  const format = "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Memory}}";
  expect(await world.rtOutput(["inspect", "-f", format, "stock"])).toBe(`always ${96 * mib}`);
  await end("stock");
});
