import { expect, test } from "bun:test";
import { limitOf } from "../support/limits.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

test("--memory, --cpus and --pids-limit reach the kernel", async () => {
  const { world } = stage();
  const flags = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "32"];
  const id = await world.rtOutput(["run", "-d", ...flags, "busybox", "sleep", "1000"]);
  expect(await limitOf(world, id, ["memory.max", "memory.limit_in_bytes"])).toBe(
    `${64 * 1024 * 1024}`,
  );
  expect(await limitOf(world, id, ["cpu.max", "cpu.cfs_quota_us"])).toMatch(/^50000( 100000)?$/);
  expect(await limitOf(world, id, ["pids.max"])).toBe("32");
  await world.rtOutput(["rm", "-f", id]);
});

test("a program that takes more memory than it may is killed, and inspect says why", async () => {
  const { world } = stage();
  const script = "x=a; while :; do x=$x$x; done";
  const ran = await world.rt([
    "run",
    "--name",
    "greedy",
    "--memory",
    "16m",
    "busybox",
    "sh",
    "-c",
    script,
  ]);
  expect(ran.code).toBe(137);
  expect(await world.rtOutput(["inspect", "-f", "{{.State.OOMKilled}}", "greedy"])).toBe("true");
  await world.rtOutput(["rm", "greedy"]);
});

test("a fork bomb stays inside its limit", async () => {
  const ran = await stage().sh(
    "i=0; while [ $i -lt 50 ]; do sleep 5 & i=$((i+1)); done; echo all",
    ["--pids-limit", "20"],
  );
  expect(ran.stdout).not.toContain("all");
  expect(ran.stderr).toContain("can't fork");
});

test("a limit that makes no sense is refused", async () => {
  const ran = await stage().sh("true", ["--memory", "1k"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain("6MB");
});
