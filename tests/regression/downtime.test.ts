import { expect, test } from "bun:test";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Daemon } from "../support/daemon.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

interface Inspected {
  State: {
    Status: string;
    Pid: number;
    ExitCode: number;
    Error: string;
    StartedAt: string;
    FinishedAt: string;
  };
}

async function stateOf(daemon: Daemon, id: string): Promise<Inspected["State"]> {
  return (await daemon.json<Inspected>(`/containers/${id}/json`)).State;
}

async function restart(): Promise<Daemon> {
  const { world, registry } = stage();
  return await world.daemon({ mirrors: [registry.url] });
}

/** Pids are those of the world: it has a process namespace of its own. */
async function inside(script: string): Promise<string> {
  const { code, stdout, stderr } = await stage().world.run(["sh", "-c", script]);
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout.trim();
}

async function ended(pid: number): Promise<void> {
  await until(`process ${pid} to end`, async () => {
    return (await inside(`test -e /proc/${pid} && echo there || echo gone`)) === "gone";
  });
}

/** Kill -9 of the process above a container's first one. */
async function killMonitorOf(pid: number): Promise<void> {
  await inside(`kill -9 "$(sed -n 's/^PPid:[[:space:]]*//p' /proc/${pid}/status)"`);
}

test("what ended while no daemon ran has its exact code and time, a signal included", async () => {
  const { world } = stage();
  const daemon = world.daemonAlive();
  const sign = world.path("sign");
  await mkdir(sign);
  const wait = "until [ -e /sign/end ]; do usleep 10000; done";
  const script = (code: number) => ["sh", "-c", `${wait}; exit ${code}`];
  const run = (...args: string[]) => world.rtOutput(["run", "-d", "-v", `${sign}:/sign`, ...args]);
  const zero = await run("busybox", ...script(0));
  const answer = await run("busybox", ...script(42));
  const signalled = await run("busybox", "sleep", "1000");
  const removed = await run("--rm", "busybox", ...script(3));
  const { Pid } = await stateOf(daemon, signalled);
  await daemon.kill();
  const from = Date.now();
  await writeFile(join(sign, "end"), "");
  await inside(`kill -9 ${Pid}`);
  await world.monitorsEnd();
  const to = Date.now();
  const next = await restart();
  const codes = [];
  for (const id of [zero, answer, signalled]) {
    const state = await stateOf(next, id);
    codes.push([state.Status, state.ExitCode, state.Error]);
    const finished = Date.parse(state.FinishedAt);
    expect(finished >= from - 5 && finished <= to).toBe(true);
  }
  expect(codes).toEqual([
    ["exited", 0, ""],
    ["exited", 42, ""],
    ["exited", 137, ""],
  ]);
  await until("the --rm container to be removed", async () => {
    const reply = await next.request(`/containers/${removed}/json`);
    return reply.status === 404;
  });
  await next.removeContainers();
});

test("a --rm container whose exit was recorded but not acted upon is removed by the next daemon", async () => {
  const { world } = stage();
  const rounds = 8;
  for (let round = 0; round < rounds; round += 1) {
    const daemon = world.daemonAlive();
    await world.rtOutput([
      "run",
      "-d",
      "--rm",
      "--name",
      `brief-${round}`,
      "busybox",
      "usleep",
      "20000",
    ]);
    await Bun.sleep(round * 4);
    await daemon.kill();
    await world.monitorsEnd();
    const next = await restart();
    await until("no container to be left", async () => {
      const left = await next.json<unknown[]>("/containers/json?all=1");
      return left.length === 0;
    });
    expect(await readdir(world.path("data", "containers"))).toEqual([]);
  }
});

test("kill -9 of a monitor ends its container, which is told within seconds and can be removed and restarted", async () => {
  const { world } = stage();
  const daemon = world.daemonAlive();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const { Pid } = await stateOf(daemon, id);
  await killMonitorOf(Pid);
  await until(
    "the exit to be told",
    async () => (await stateOf(daemon, id)).Status !== "running",
    5000,
  );
  await ended(Pid);
  expect(await stateOf(daemon, id)).toMatchObject({ Status: "exited", ExitCode: 137, Pid: 0 });
  await world.rtOutput(["start", id]);
  expect((await stateOf(daemon, id)).Status).toBe("running");
  const second = (await stateOf(daemon, id)).Pid;
  await killMonitorOf(second);
  await ended(second);
  await world.rtOutput(["rm", "-f", id]);
});

test("kill -9 of the daemon among creates, starts, stops and removals leaves nothing half done", async () => {
  const { world } = stage();
  let daemon = world.daemonAlive();
  for (let round = 0; round < 12; round += 1) {
    const keeper = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
    const { Pid } = await stateOf(daemon, keeper);
    const stopped = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
    const doomed = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
    const made = await world.rtOutput(["create", "busybox", "sleep", "1000"]);
    const ask = (path: string, method = "POST") =>
      daemon.request(path, { method }).then(
        ({ ok }) => ok,
        () => false,
      );
    const asked = Promise.all([
      ask(`/containers/${made}/start`),
      ask(`/containers/${stopped}/kill`),
      ask(`/containers/${doomed}?force=1`, "DELETE"),
    ]);
    await Bun.sleep(round * 1.5);
    await daemon.kill();
    const [started, killed, removed] = await asked;
    daemon = await restart();
    expect(await stateOf(daemon, keeper)).toMatchObject({ Status: "running", Pid });
    if (started) expect((await stateOf(daemon, made)).Status).toBe("running");
    if (killed) {
      const reply = await daemon.post(`/containers/${stopped}/wait`);
      expect(await reply.json()).toMatchObject({ StatusCode: 137 });
    }
    if (removed) expect((await daemon.request(`/containers/${doomed}/json`)).status).toBe(404);
    // What was under way is either done or not, and can be gone on with.
    expect(["created", "running"]).toContain((await stateOf(daemon, made)).Status);
    expect([204, 304]).toContain((await daemon.post(`/containers/${made}/start`)).status);
    expect((await stateOf(daemon, made)).Status).toBe("running");
    await daemon.removeContainers();
    expect(await readdir(world.path("data", "containers"))).toEqual([]);
    expect(await readdir(world.path("run", "c"))).toEqual([]);
  }
}, 120_000);
