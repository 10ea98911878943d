import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { useStage } from "../support/stage.ts";

const stage = useStage();

/** Reads a limit of a running container from the host's cgroup file, whatever the version. */
async function limitOf(id: string, files: string[]): Promise<string> {
  const { world } = stage();
  const pid = await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", id]);
  const { stdout } = await world.run(["cat", `/proc/${pid}/cgroup`]);
  const roots = await mountPoints();
  for (const line of stdout.split("\n").filter((each) => each.includes(id))) {
    const path = line.split(":").slice(2).join(":");
    for (const root of roots) {
      for (const file of files) {
        const value = await readFile(`${root}${path}/${file}`, "utf8").catch(() => undefined);
        if (value !== undefined) return value.trim();
      }
    }
  }
  throw new Error(`no ${files.join(" or ")} for ${stdout}`);
}

async function mountPoints(): Promise<string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return lines.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(" ")[4] ?? "");
}

test("--memory, --cpus and --pids-limit reach the kernel", async () => {
  const { world } = stage();
  const flags = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "32"];
  const id = await world.rtOutput(["run", "-d", ...flags, "busybox", "sleep", "1000"]);
  expect(await limitOf(id, ["memory.max", "memory.limit_in_bytes"])).toBe(`${64 * 1024 * 1024}`);
  expect(await limitOf(id, ["cpu.max", "cpu.cfs_quota_us"])).toMatch(/^50000( 100000)?$/);
  expect(await limitOf(id, ["pids.max"])).toBe("32");
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
