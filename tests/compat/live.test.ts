/** A day in the life of a container, by the stock docker CLI. */
import { expect, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { Finished } from "../support/process.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

/** The stock CLI, which must succeed; its stdout without the last newline. */
async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await stage().world.docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(" ")} exited with ${code}: ${stderr}`);
  return stdout.replace(/\n$/, "");
}

async function refused(...args: string[]): Promise<Finished> {
  const result = await stage().world.docker(args);
  expect(result.code).not.toBe(0);
  return result;
}

test("exec: output, status, environment, user, working directory, input", async () => {
  await docker("run", "-d", "--name", "one", "--init", "busybox", "sleep", "1000");
  expect(await docker("exec", "one", "echo", "hi")).toBe("hi");
  expect((await refused("exec", "one", "sh", "-c", "exit 7")).code).toBe(7);
  expect((await refused("exec", "one", "no-such-program")).code).toBe(127);
  expect((await refused("exec", "one", "/etc/passwd")).code).toBe(126);
  const told = 'echo "$A $(id -un) $(pwd)"';
  expect(
    await docker("exec", "-e", "A=b", "-u", "guest", "-w", "/tmp", "one", "sh", "-c", told),
  ).toBe("b guest /tmp");
  const piped = await stage().world.docker(["exec", "-i", "one", "wc", "-c"], { stdin: "12345" });
  expect(piped.stdout.trim()).toBe("5");
  await docker("exec", "-d", "one", "touch", "/tmp/made");
  await until(
    "the detached exec",
    async () => (await docker("exec", "one", "ls", "/tmp")) === "made",
  );
});

test("top, stats, port, diff and inspect", async () => {
  expect(await docker("top", "one")).toContain("sleep 1000");
  expect(await docker("top", "one", "-o", "pid,args")).toContain("sleep 1000");
  const row = await docker("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "one");
  expect(row).toMatch(/^one [1-9]/);
  expect(await docker("port", "one")).toBe("");
  expect((await docker("diff", "one")).split("\n")).toEqual(["C /tmp", "A /tmp/made"]);
  expect(await docker("inspect", "-f", "{{.State.Status}} {{.RestartCount}}", "one")).toBe(
    "running 0",
  );
  expect(await docker("inspect", "-s", "-f", "{{.SizeRw}}", "one")).toMatch(/^\d+$/);
});

test("pause, unpause, rename, update, restart, kill, wait", async () => {
  await docker("pause", "one");
  expect(await docker("ps", "--format", "{{.Status}}")).toContain("(Paused)");
  expect((await refused("exec", "one", "true")).stderr).toContain("is paused");
  await docker("unpause", "one");
  await docker("rename", "one", "two");
  expect((await refused("inspect", "one")).code).toBe(1);
  await docker("update", "--pids-limit", "50", "--restart", "on-failure:2", "two");
  expect(
    await docker(
      "inspect",
      "-f",
      "{{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}",
      "two",
    ),
  ).toBe("50 on-failure");
  const before = await docker("inspect", "-f", "{{.State.Pid}}", "two");
  await docker("restart", "-t", "1", "two");
  expect(await docker("inspect", "-f", "{{.State.Pid}}", "two")).not.toBe(before);
  await docker("update", "--restart", "no", "two");
  await docker("kill", "-s", "KILL", "two");
  expect(await docker("wait", "two")).toBe("137");
  await docker("start", "two");
});

test("cp both ways, export, commit", async () => {
  const { world } = stage();
  await mkdir(world.path("files"));
  await writeFile(world.path("files", "a"), "content of a\n");
  await docker("cp", world.path("files"), "two:/tmp/files");
  expect(await docker("exec", "two", "cat", "/tmp/files/a")).toBe("content of a");
  await docker("cp", "two:/tmp/files/a", world.path("back"));
  expect(await readFile(world.path("back"), "utf8")).toBe("content of a\n");
  await docker("export", "-o", world.path("all.tar"), "two");
  const listing = await world.run(["tar", "-tf", world.path("all.tar")]);
  expect(listing.stdout).toContain("tmp/files/a");
  await docker("commit", "-m", "with files", "-c", "CMD cat /tmp/files/a", "two", "made:1");
  expect(await docker("run", "--rm", "made:1")).toBe("content of a");
  await docker("rm", "-f", "two");
});

test("volumes: made, filled from the image, shared, pruned", async () => {
  await docker("volume", "create", "--label", "a=b", "data");
  expect(await docker("volume", "ls", "-q")).toBe("data");
  expect(await docker("volume", "inspect", "-f", "{{.Labels.a}} {{.Driver}}", "data")).toBe(
    "b local",
  );
  await docker("run", "--rm", "-v", "data:/etc", "busybox", "true");
  expect(await docker("run", "--rm", "-v", "data:/x", "busybox", "ls", "/x")).toContain("passwd");
  await docker("create", "--name", "holder", "-v", "data:/held", "busybox", "true");
  expect(
    await docker("run", "--rm", "--volumes-from", "holder", "busybox", "ls", "/held"),
  ).toContain("passwd");
  expect((await refused("volume", "rm", "data")).stderr).toContain("volume is in use");
  await docker("rm", "holder");
  await docker("volume", "rm", "data");
  await docker("volume", "prune", "-f");
  expect(await docker("volume", "ls", "-q")).toBe("");
});

test("health checks, restart policies and events", async () => {
  const since = `${Math.floor(Date.now() / 1000)}`;
  await docker(
    ...["run", "-d", "--name", "sick", "--health-cmd", "test -e /ok", "--health-interval", "100ms"],
    ...["--health-retries", "2", "busybox", "sh", "-c", "touch /ok; exec sleep 1000"],
  );
  const health = () => docker("inspect", "-f", "{{.State.Health.Status}}", "sick");
  await until("it to be healthy", async () => (await health()) === "healthy");
  expect(await docker("ps", "--filter", "health=healthy", "--format", "{{.Names}}")).toBe("sick");
  await docker("exec", "sick", "rm", "/ok");
  await until("it to be unhealthy", async () => (await health()) === "unhealthy");
  await docker("rm", "-f", "sick");
  await docker("run", "-d", "--name", "again", "--restart", "on-failure:2", "busybox", "false");
  const count = () => docker("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "again");
  await until("it to be given up", async () => (await count()) === "2 exited");
  await docker("rm", "again");
  const until_ = `${Math.ceil(Date.now() / 1000)}`;
  const events = await docker(
    ...[
      "events",
      "--since",
      since,
      "--until",
      until_,
      "--format",
      "{{.Actor.Attributes.name}} {{.Action}}",
    ],
    ...["--filter", "type=container"],
  );
  const actions = events.split("\n");
  expect(actions).toContain("sick health_status: healthy");
  expect(actions).toContain("sick health_status: unhealthy");
  expect(actions.filter((action) => action === "again die").length).toBe(3);
});

test("logs with every option, and after the end", async () => {
  await docker(
    "run",
    "--name",
    "told",
    "busybox",
    "sh",
    "-c",
    "echo out; echo last; usleep 100000; echo err >&2",
  );
  const both = await stage().world.docker(["logs", "told"]);
  expect(both.stdout).toBe("out\nlast\n");
  expect(both.stderr).toBe("err\n");
  expect(await docker("logs", "--tail", "2", "told")).toBe("last");
  expect(await docker("logs", "-t", "--tail", "2", "told")).toMatch(/^\d{4}-\d\d-\d\dT.*Z last$/);
  expect(await docker("logs", "-f", "--since", "10m", "told")).toBe("out\nlast");
  await docker("container", "prune", "-f");
  expect(await docker("ps", "-aq")).toBe("");
});
