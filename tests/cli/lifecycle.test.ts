import { expect, test } from "bun:test";
import { jsonOf, messageOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

interface Inspected {
  Name: string;
  RestartCount: number;
  State: { Status: string; Running: boolean; Paused: boolean; Pid: number; ExitCode: number };
}

async function inspect(id: string): Promise<Inspected> {
  return await stage().world.daemonAlive().json<Inspected>(`/containers/${id}/json`);
}

async function run(...args: string[]): Promise<string> {
  return await stage().world.rtOutput(["run", "-d", ...args]);
}

async function remove(...ids: string[]): Promise<void> {
  await stage().world.rtOutput(["rm", "-f", ...ids]);
}

/** Events of a container since a moment, as "pause" and the like. */
async function actionsOf(id: string, since: number): Promise<string[]> {
  const events = await stage()
    .world.daemonAlive()
    .past(since, { container: [id] });
  return events.map(({ Action }) => Action);
}

const counter = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"];

test("a paused container stands still, is said to be paused, and goes on where it was", async () => {
  const { world } = stage();
  const since = Date.now() / 1000;
  const id = await run("busybox", ...counter);
  const lines = async () => (await world.rtOutput(["logs", id])).split("\n").length;
  await until("output", async () => (await lines()) > 3);
  expect(await world.rtOutput(["pause", id])).toBe(id);
  const before = await lines();
  await Bun.sleep(200);
  expect(await lines()).toBeLessThanOrEqual(before + 1);
  const { State } = await inspect(id);
  expect([State.Status, State.Running, State.Paused]).toEqual(["paused", true, true]);
  expect(await world.rtOutput(["ps", "--format", "{{.Status}}"])).toContain("(Paused)");
  const again = await world.rt(["pause", id]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("is already paused");
  const attach = await world.daemonAlive().post(`/containers/${id}/attach?stream=1&stdout=1`);
  expect(attach.status).toBe(409);
  const start = await world.rt(["start", id]);
  expect(start.stderr).toContain("cannot start a paused container, try unpause instead");
  expect((await world.rt(["rm", id])).stderr).toContain("unpause and then stop the container");
  await world.rtOutput(["unpause", id]);
  const after = await lines();
  await until("more output", async () => (await lines()) > after + 3);
  expect((await world.rt(["unpause", id])).stderr).toContain("is not paused");
  expect(await actionsOf(id, since)).toEqual(["create", "start", "pause", "unpause"]);
  await remove(id);
});

test("stop and kill end a paused container, and rm -f removes it", async () => {
  const { world } = stage();
  const trap = ["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"];
  const [stopped, killed, removed] = [
    await run("busybox", ...trap),
    await run("busybox", "sleep", "1000"),
    await run("busybox", "sleep", "1000"),
  ];
  await world.printed(stopped, "up");
  await world.rtOutput(["pause", stopped, killed, removed]);
  await world.rtOutput(["stop", "-t", "20", stopped]);
  expect((await inspect(stopped)).State.ExitCode).toBe(7);
  await world.rtOutput(["kill", killed]);
  expect((await inspect(killed)).State).toMatchObject({ Status: "exited", ExitCode: 137 });
  await remove(removed, stopped, killed);
});

test("a paused container is found paused by the next daemon, and can go on", async () => {
  const { world, registry } = stage();
  const id = await run("busybox", ...counter);
  await world.rtOutput(["pause", id]);
  await world.daemonAlive().kill();
  await world.daemon({ mirrors: [registry.url] });
  expect((await inspect(id)).State.Status).toBe("paused");
  await world.rtOutput(["unpause", id]);
  expect((await inspect(id)).State.Status).toBe("running");
  await remove(id);
});

test("restart stops and starts, also what does not run, and --rm does not remove it meanwhile", async () => {
  const { world } = stage();
  const since = Date.now() / 1000;
  const id = await run("--rm", "busybox", "sleep", "1000");
  const { Pid } = (await inspect(id)).State;
  await world.rtOutput(["restart", "-t", "0", id]);
  const after = await inspect(id);
  expect(after.State.Running && after.State.Pid !== Pid).toBe(true);
  const stop = ["kill", "kill", "die", "stop"];
  expect(await actionsOf(id, since)).toEqual(["create", "start", ...stop, "start", "restart"]);
  await world.rtOutput(["stop", "-s", "KILL", id]);
  await until("the --rm container to be gone", async () => {
    return (await world.daemonAlive().request(`/containers/${id}/json`)).status === 404;
  });
  const other = await world.rtOutput(["create", "busybox", "sleep", "1000"]);
  await world.rtOutput(["restart", "--time", "1", other]);
  expect((await inspect(other)).State.Running).toBe(true);
  await remove(other);
});

test("a renamed container is found by its new name alone, now and by the next daemon", async () => {
  const { world, registry } = stage();
  const since = Date.now() / 1000;
  const id = await run("--name", "before", "busybox", "sleep", "1000");
  const other = await world.rtOutput(["create", "--name", "taken", "busybox"]);
  const daemon = world.daemonAlive();
  const conflict = await daemon.post("/containers/before/rename?name=taken");
  expect(conflict.status).toBe(409);
  expect(await messageOf(conflict)).toStartWith(
    'Conflict. The container name "/taken" is already in use by container',
  );
  expect((await daemon.post("/containers/before/rename?name=before")).status).toBe(400);
  expect((await daemon.post("/containers/before/rename?name=")).status).toBe(400);
  expect((await daemon.post("/containers/before/rename?name=a/b")).status).toBe(400);
  await world.rtOutput(["rename", "before", "after"]);
  expect((await inspect("after")).Name).toBe("/after");
  expect(await world.rtOutput(["ps", "--format", "{{.Names}}"])).toBe("after");
  expect((await daemon.request("/containers/before/json")).status).toBe(404);
  const [renamed] = await daemon.past(since, { event: ["rename"] });
  expect(renamed?.Actor.Attributes).toMatchObject({ oldName: "/before", name: "after" });
  await daemon.kill();
  await world.daemon({ mirrors: [registry.url] });
  expect((await inspect("after")).Name).toBe("/after");
  const reused = await world.rtOutput(["create", "--name", "before", "busybox"]);
  await remove(id, other, reused);
});

test("prune removes what does not run and passes the filters, and tells what it held", async () => {
  const { world } = stage();
  const running = await run("busybox", "sleep", "1000");
  const write = ["sh", "-c", "head -c 100000 /dev/zero >/file"];
  const kept = await run("--label", "keep=yes", "busybox", ...write);
  const gone = await run("busybox", ...write);
  await world.rtOutput(["wait", kept, gone]);
  const daemon = world.daemonAlive();
  const prune = async (filters: object) =>
    await jsonOf<{ ContainersDeleted: string[]; SpaceReclaimed: number }>(
      await daemon.post(`/containers/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`),
    );
  expect(await prune({ until: ["1h"] })).toEqual({ ContainersDeleted: [], SpaceReclaimed: 0 });
  const report = await prune({ "label!": ["keep=yes"] });
  expect(report.ContainersDeleted).toEqual([gone]);
  expect(report.SpaceReclaimed).toBeGreaterThanOrEqual(100_000);
  const printed = await world.rtOutput(["container", "prune", "-f", "--filter", "label=keep"]);
  expect(printed).toStartWith(`Deleted Containers:\n${kept}\n\nTotal reclaimed space: 1`);
  expect((await inspect(running)).State.Running).toBe(true);
  await remove(running);
});

test("kill takes a signal by name, by number and from the real-time range", async () => {
  const { world } = stage();
  const script = "trap 'echo usr1' USR1; trap 'echo rt' 37; echo up; while :; do sleep 0.05; done";
  const id = await run("busybox", "sh", "-c", script);
  await world.printed(id, "up");
  const signals = ["SIGUSR1", "USR1", "10", "RTMIN+3"];
  for (const [at, signal] of signals.entries()) {
    await world.rtOutput(["kill", "-s", signal, id]);
    await until(`signal ${signal}`, async () => {
      const lines = (await world.rtOutput(["logs", id])).split("\n").filter(Boolean);
      return lines.length === at + 2;
    });
  }
  expect((await world.rtOutput(["logs", id])).split("\n")).toEqual([
    ...["up", "usr1", "usr1", "usr1", "rt"],
  ]);
  const wrong = await world.rt(["kill", "-s", "NONSENSE", id]);
  expect(wrong.stderr).toContain("Invalid signal: NONSENSE");
  await remove(id);
});

test("the docker CLI pauses, restarts, renames, updates and prunes", async () => {
  const { world } = stage();
  const id = await run("--name", "foreign", "busybox", "sleep", "1000");
  const steps = [
    ["pause", "foreign"],
    ["unpause", "foreign"],
    ["restart", "-t", "0", "foreign"],
    ["rename", "foreign", "renamed"],
    ["update", "--restart", "unless-stopped", "renamed"],
    ["stop", "-t", "0", "renamed"],
    ["container", "prune", "-f"],
  ];
  for (const step of steps) {
    const { code, stderr } = await world.docker(step);
    expect([step.join(" "), code, stderr]).toEqual([step.join(" "), 0, ""]);
  }
  expect((await world.daemonAlive().request(`/containers/${id}/json`)).status).toBe(404);
});

test("the monitor killed with -9 is noticed within five seconds, and rm -f leaves nothing", async () => {
  const { world } = stage();
  const id = await run("busybox", "sleep", "1000");
  const { Pid } = (await inspect(id)).State;
  const kill = `kill -9 "$(sed -n 's/^PPid:[[:space:]]*//p' /proc/${Pid}/status)"`;
  await world.run(["sh", "-c", kill]);
  await until("the exit", async () => (await inspect(id)).State.Status === "exited", 5000);
  await remove(id);
});
