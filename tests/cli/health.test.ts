import { expect, test } from "bun:test";
import { buildBusybox } from "../support/images.ts";
import { messageOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

interface Inspected {
  RestartCount: number;
  HostConfig: { Annotations?: Record<string, string> };
  Config: { Healthcheck?: { Test: string[]; Interval: number; Retries: number } };
  State: {
    Status: string;
    Pid: number;
    Health?: {
      Status: string;
      FailingStreak: number;
      Log: { Start: string; End: string; ExitCode: number; Output: string }[];
    };
  };
}

async function inspect(id: string): Promise<Inspected> {
  return await stage().world.daemonAlive().json<Inspected>(`/containers/${id}/json`);
}

const often = ["--health-interval", "50ms", "--health-retries", "2"];

async function run(check: string, ...flags: string[]): Promise<string> {
  const all = ["--health-cmd", check, ...often, ...flags];
  return await stage().world.rtOutput(["run", "-d", ...all, "busybox", "sleep", "1000"]);
}

async function turns(id: string, status: string): Promise<Inspected> {
  return await until(`health ${status}`, async () => {
    const found = await inspect(id);
    return found.State.Health?.Status === status ? found : undefined;
  });
}

async function remove(...ids: string[]): Promise<void> {
  await stage().world.rtOutput(["rm", "-f", "-v", ...ids]);
}

/** In the container, as its health check sees it. */
async function sh(id: string, script: string): Promise<void> {
  await stage().world.rtOutput(["exec", id, "sh", "-c", script]);
}

test("a container is starting, healthy, unhealthy and healthy again, and says so everywhere", async () => {
  const { world } = stage();
  const since = Date.now() / 1000;
  const id = await run(
    "echo probed; test -e /well",
    "--health-start-period",
    "10s",
    "--health-start-interval",
    "50ms",
  );
  const first = await inspect(id);
  expect(first.State.Health).toMatchObject({ Status: "starting", FailingStreak: 0 });
  const status = async () => await world.rtOutput(["ps", "--format", "{{.Status}}"]);
  expect(await status()).toContain("(health: starting)");
  await sh(id, "touch /well");
  const healthy = await turns(id, "healthy");
  expect(healthy.State.Health?.Log.at(-1)).toMatchObject({ ExitCode: 0, Output: "probed\n" });
  expect(await status()).toContain("(healthy)");
  expect(await world.rtOutput(["ps", "-q", "--no-trunc", "--filter", "health=healthy"])).toBe(id);
  await sh(id, "rm /well");
  const sick = await turns(id, "unhealthy");
  expect(sick.State.Health?.FailingStreak).toBeGreaterThanOrEqual(2);
  expect(sick.State.Health?.Log.length).toBeLessThanOrEqual(5);
  expect(await status()).toContain("(unhealthy)");
  await sh(id, "touch /well");
  await turns(id, "healthy");
  const filters = { container: [id], event: ["health_status"] };
  const events = await world.daemonAlive().past(since, filters);
  expect(events.map(({ Action }) => Action)).toEqual(
    ["healthy", "unhealthy", "healthy"].map((word) => `health_status: ${word}`),
  );
  const docker = await world.docker(["inspect", "-f", "{{.State.Health.Status}}", id]);
  expect(docker.stdout).toBe("healthy\n");
  await world.rtOutput(["stop", "-t", "0", id]);
  expect((await inspect(id)).State.Health?.Status).toBe("unhealthy");
  await remove(id);
});

test("a probe that takes too long is ended and has failed, and its output is bounded", async () => {
  const id = await run("echo begun; sleep 1000", "--health-timeout", "200ms");
  await turns(id, "unhealthy");
  // On a busy machine the time may be over before it has begun.
  await until("one that has begun", async () =>
    (await inspect(id)).State.Health?.Log.some(
      ({ ExitCode, Output }) =>
        ExitCode === -1 && Output === "Health check exceeded timeout (200ms): begun\n",
    ),
  );
  await remove(id);
  const loud = await run("head -c 100000 /dev/zero | tr '\\0' x");
  const { State } = await turns(loud, "healthy");
  expect(State.Health?.Log[0]?.Output.length).toBeLessThanOrEqual(4096 + 3);
  await remove(loud);
});

test("the image's check is run, may be completed and may be turned off", async () => {
  const { world, registry } = stage();
  const Healthcheck = { Test: ["CMD", "true"], Interval: 50_000_000 };
  const config = { Cmd: ["sleep", "1000"], Healthcheck };
  await registry.push("library/checked:latest", await buildBusybox({ config }));
  const plain = await world.rtOutput(["run", "-d", "checked"]);
  await turns(plain, "healthy");
  const completed = await world.rtOutput(["run", "-d", "--health-retries", "7", "checked"]);
  expect((await inspect(completed)).Config.Healthcheck).toMatchObject({
    Test: ["CMD", "true"],
    Interval: 50_000_000,
    Retries: 7,
  });
  const off = await world.rtOutput(["run", "-d", "--no-healthcheck", "checked"]);
  expect((await inspect(off)).State.Health).toBeUndefined();
  await remove(plain, completed, off);
});

test("a paused container is not probed, and the next daemon goes on probing", async () => {
  const { world, registry } = stage();
  const id = await run("echo x >>/probes");
  await turns(id, "healthy");
  const count = async () => (await inspect(id)).State.Health?.Log.at(-1)?.Start ?? "";
  await world.rtOutput(["pause", id]);
  await Bun.sleep(100);
  const before = await count();
  await Bun.sleep(300);
  expect(await count()).toBe(before);
  expect((await inspect(id)).State.Health?.Status).toBe("healthy");
  await world.rtOutput(["unpause", id]);
  await until("a further probe", async () => (await count()) !== before);
  await world.daemonAlive().kill();
  await world.daemon({ mirrors: [registry.url] });
  const { State } = await inspect(id);
  expect(State.Health?.Status).toBe("healthy");
  const last = await count();
  await until("a probe by the next daemon", async () => (await count()) !== last);
  await remove(id);
});

test("health-on-failure: kill lets the restart policy go on, restart restarts, stop stops for good", async () => {
  const { world } = stage();
  const sick = "test -e /well";
  const started = async (id: string) => (await inspect(id)).State.Pid;
  const killed = await run(sick, "--health-on-failure", "kill", "--restart", "on-failure");
  await until("a restart by the policy", async () => (await inspect(killed)).RestartCount >= 1);
  const restarted = await run(sick, "--health-on-failure", "restart", "--stop-signal", "KILL");
  const pid = await started(restarted);
  await until("another process", async () => {
    const now = await started(restarted);
    return now !== 0 && now !== pid;
  });
  expect((await inspect(restarted)).RestartCount).toBe(0);
  const flags = ["--health-on-failure", "stop", "--stop-signal", "KILL", "--restart", "always"];
  const stopped = await run(sick, ...flags);
  await until("the stop", async () => (await inspect(stopped)).State.Status === "exited");
  const left = await run(sick, "--health-on-failure", "none");
  await turns(left, "unhealthy");
  expect((await inspect(left)).State.Status).toBe("running");
  const { HostConfig } = await inspect(stopped);
  expect(HostConfig.Annotations).toEqual({ "rt.health-on-failure": "stop" });
  await remove(killed, restarted, stopped, left);
  const wrong = await world.rt(["create", "--annotation", "rt.health-on-failure=x", "busybox"]);
  expect(wrong.stderr).toContain('invalid value for health-on-failure: "x"');
  const unchecked = await world.rt(["create", "--health-on-failure", "kill", "busybox"]);
  expect(unchecked.stderr).toContain("the container has no health check");
});

test("run --wait-healthy waits for health, and fails in words for what will not be healthy", async () => {
  const { world } = stage();
  const waiting = (check: string, period: string, ...command: string[]) =>
    world.rt([
      "run",
      "-d",
      "--wait-healthy",
      "--health-cmd",
      check,
      ...often,
      ...["--health-start-period", period, "--health-start-interval", "50ms"],
      "busybox",
      ...command,
    ]);
  const rising = ["sh", "-c", "sleep 0.3; touch /well; sleep 1000"];
  const well = await waiting("test -e /well", "25s", ...rising);
  expect([well.code, well.stderr]).toEqual([0, ""]);
  const id = well.stdout.trim();
  expect((await inspect(id)).State.Health?.Status).toBe("healthy");
  const sick = await waiting("echo broken; exit 1", "1s", "sleep", "1000");
  expect(sick.code).toBe(1);
  expect(sick.stderr).toContain("is unhealthy: the last check ended with 1: broken");
  const gone = await waiting("exit 1", "25s", "sh", "-c", "exit 5");
  expect(gone.code).toBe(1);
  expect(gone.stderr).toContain("exited with status 5 before it was healthy");
  const before = await world.rtOutput(["ps", "-aq"]);
  const unchecked = await world.rt(["run", "-d", "--wait-healthy", "busybox", "sleep", "1000"]);
  expect(unchecked.code).not.toBe(0);
  expect(unchecked.stderr).toContain("it has no health check");
  expect(await world.rtOutput(["ps", "-aq"])).toBe(before);
  await world.rtOutput(["stop", "-t", "0", id]);
  const again = await world.rt(["start", "--wait-healthy", id]);
  expect([again.code, again.stdout]).toEqual([0, `${id}\n`]);
  await remove(id, sick.stdout.trim(), gone.stdout.trim());
});

test("a check that cannot be is refused at create", async () => {
  const { daemon } = stage();
  const create = async (Healthcheck: object) => {
    const reply = await stage()
      .world.daemonAlive()
      .post("/containers/create", { Image: "busybox", Healthcheck });
    return [reply.status, await messageOf(reply)];
  };
  expect(daemon).toBeDefined();
  expect(await create({ Test: ["CMD", "a"], Interval: 10 })).toEqual([
    400,
    "Interval in Healthcheck cannot be less than 1ms",
  ]);
  expect(await create({ Test: ["CMD", "a"], Retries: -1 })).toEqual([
    400,
    "Retries in Healthcheck cannot be negative",
  ]);
  expect((await create({ Test: ["SHELL", "a"] }))[0]).toBe(400);
});
