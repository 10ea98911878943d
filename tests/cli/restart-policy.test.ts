import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

interface Inspected {
  RestartCount: number;
  HostConfig: { RestartPolicy: { Name: string; MaximumRetryCount: number } };
  State: { Status: string; Restarting: boolean; Pid: number; ExitCode: number; StartedAt: string };
}

async function inspect(id: string): Promise<Inspected> {
  return await stage().world.daemonAlive().json<Inspected>(`/containers/${id}/json`);
}

async function run(restart: string, ...command: string[]): Promise<string> {
  return await stage().world.rtOutput(["run", "-d", "--restart", restart, "busybox", ...command]);
}

async function reaches(id: string, status: string): Promise<Inspected> {
  return await until(`${id.slice(0, 12)} to be ${status}`, async () => {
    const found = await inspect(id);
    return found.State.Status === status ? found : undefined;
  });
}

async function killInit(id: string): Promise<void> {
  const { Pid } = (await inspect(id)).State;
  await stage().world.run(["sh", "-c", `kill -9 ${Pid}`]);
}

async function nextDaemon(whileDown?: () => Promise<void>): Promise<void> {
  const { world, registry } = stage();
  await world.daemonAlive().kill();
  await whileDown?.();
  await world.daemon({ mirrors: [registry.url] });
}

async function remove(...ids: string[]): Promise<void> {
  await stage().world.rtOutput(["rm", "-f", ...ids]);
}

/** Milliseconds of each start of a container. */
async function startsOf(id: string, since: number): Promise<number[]> {
  const filters = { container: [id], event: ["start"] };
  const events = await stage().world.daemonAlive().past(since, filters);
  return events.map(({ timeNano }) => timeNano / 1e6);
}

test("on-failure:2 starts a failing container twice more, each time with its events", async () => {
  const { world } = stage();
  const since = Date.now() / 1000;
  const id = await run("on-failure:2", "sh", "-c", "exit 3");
  const last = await until("the last exit", async () => {
    const found = await inspect(id);
    return found.State.Status === "exited" && found.RestartCount === 2 ? found : undefined;
  });
  expect(last.State.ExitCode).toBe(3);
  const events = await world.daemonAlive().past(since, { container: [id] });
  const twice = ["start", "die"];
  expect(events.map(({ Action }) => Action)).toEqual(["create", ...twice, ...twice, ...twice]);
  await remove(id);
});

test("on-failure leaves a success alone", async () => {
  const id = await run("on-failure", "true");
  await stage().world.rtOutput(["wait", id]);
  await Bun.sleep(300);
  expect(await inspect(id)).toMatchObject({ RestartCount: 0, State: { Status: "exited" } });
  await remove(id);
});

test("the delay doubles, `ps` says Restarting, and stop ends it there", async () => {
  const { world } = stage();
  const since = Date.now() / 1000;
  const id = await run("always", "false");
  await until("four restarts", async () => (await inspect(id)).RestartCount >= 4);
  const found = await reaches(id, "restarting");
  expect(found.State.Restarting).toBe(true);
  // Each is asked between two runs, but told perhaps of the next.
  await until("ps to say so", async () =>
    (await world.rtOutput(["ps", "--format", "{{.Status}}"])).startsWith("Restarting (1)"),
  );
  await until("rm to say so", async () =>
    (await world.rt(["rm", id])).stderr.includes("container is restarting: stop"),
  );
  await world.rtOutput(["stop", id]);
  const stopped = await inspect(id);
  expect(stopped.State.Status).toBe("exited");
  const times = await startsOf(id, since);
  const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  for (const [at, gap] of gaps.slice(0, 3).entries()) expect(gap).toBeGreaterThan(95 * 2 ** at);
  await Bun.sleep(1000);
  expect((await inspect(id)).RestartCount).toBe(stopped.RestartCount);
  await remove(id);
});

test("a stop, or a kill by KILL, is the end of it; a crash is not", async () => {
  const { world } = stage();
  const [stopped, killed, crashed] = [
    await run("always", "sleep", "1000"),
    await run("unless-stopped", "sleep", "1000"),
    await run("unless-stopped", "sleep", "1000"),
  ];
  await world.rtOutput(["stop", "-t", "0", stopped]);
  await world.rtOutput(["kill", killed]);
  await killInit(crashed);
  await until("the restart", async () => {
    const { RestartCount, State } = await inspect(crashed);
    return RestartCount === 1 && State.Status === "running";
  });
  expect((await inspect(stopped)).State.Status).toBe("exited");
  expect((await inspect(killed)).State.Status).toBe("exited");
  await remove(stopped, killed, crashed);
});

test("where a stop signal is named, another one is not the end of it, but of `unless-stopped`", async () => {
  const { world } = stage();
  const script = "trap 'exit 7' TERM USR1; echo up; sleep 1000 & wait";
  const start = (policy: string) => {
    const flags = ["--restart", policy, "--stop-signal", "USR1"];
    return world.rtOutput(["run", "-d", ...flags, "busybox", "sh", "-c", script]);
  };
  const [other, own, unless] = [
    await start("always"),
    await start("always"),
    await start("unless-stopped"),
  ];
  for (const id of [other, own, unless]) await world.printed(id, "up");
  await world.rtOutput(["kill", "-s", "USR1", own]);
  await world.rtOutput(["kill", "-s", "TERM", other, unless]);
  await until("the restart", async () => (await inspect(other)).RestartCount === 1);
  for (const id of [own, unless]) {
    await until("the end", async () => (await inspect(id)).State.Status === "exited");
    expect((await inspect(id)).RestartCount).toBe(0);
  }
  await remove(other, own, unless);
});

test("what ends while the daemon is down comes back by its policy, and what was stopped by `always` alone", async () => {
  const { world } = stage();
  const endsBy = (code: number) => `trap "exit ${code}" TERM; echo up; sleep 1000 & wait`;
  const failing = await run("on-failure", "sh", "-c", endsBy(4));
  const crashing = await run("unless-stopped", "sleep", "1000");
  const plain = await run("no", "sh", "-c", endsBy(5));
  const always = await run("always", "sleep", "1000");
  const unless = await run("unless-stopped", "sleep", "1000");
  await world.rtOutput(["stop", "-t", "0", always, unless]);
  for (const id of [failing, plain]) await world.printed(id, "up");
  const pids: number[] = [];
  for (const id of [failing, plain, crashing]) pids.push((await inspect(id)).State.Pid);
  const [fails, ends, crashes] = pids;
  await nextDaemon(async () => {
    await world.run(["sh", "-c", `kill -TERM ${fails} ${ends}; kill -9 ${crashes}`]);
    await world.monitorsEnd();
  });
  for (const id of [failing, crashing, always]) await reaches(id, "running");
  expect((await inspect(failing)).RestartCount).toBe(1);
  expect((await inspect(plain)).State).toMatchObject({ Status: "exited", ExitCode: 5 });
  expect((await inspect(unless)).State.Status).toBe("exited");
  await remove(failing, crashing, plain, always, unless);
});

test("a container between two restarts is started by the next daemon", async () => {
  const script =
    "if [ -e /again ]; then sleep 1000; fi; n=$(cat /n || echo 0); echo $((n+1)) >/n; exit 1";
  const id = await run("always", "sh", "-c", script);
  await until("a long delay", async () => {
    const { RestartCount, State } = await inspect(id);
    return RestartCount >= 4 && State.Status === "restarting";
  });
  await nextDaemon();
  await until("another restart", async () => (await inspect(id)).RestartCount >= 5);
  await stage().world.rtOutput(["stop", "-t", "0", id]);
  await remove(id);
});

test("update --restart counts at once, while running and while restarting", async () => {
  const { world } = stage();
  const id = await run("no", "sleep", "1000");
  await world.rtOutput(["update", "--restart", "on-failure:7", id]);
  const { HostConfig } = await inspect(id);
  expect(HostConfig.RestartPolicy).toEqual({ Name: "on-failure", MaximumRetryCount: 7 });
  await killInit(id);
  await until("the restart", async () => (await inspect(id)).RestartCount === 1);
  const looping = await run("always", "false");
  await until("a delay", async () => (await inspect(looping)).RestartCount >= 4);
  await reaches(looping, "restarting");
  await world.rtOutput(["update", "--restart", "no", looping]);
  await reaches(looping, "exited");
  const refused = await world.rt(["update", "--restart", "sometimes", id]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("unknown policy");
  await remove(id, looping);
});

test("a container removed by force does not come back, whatever its policy", async () => {
  const { world } = stage();
  const ids = [await run("always", "sleep", "1000"), await run("always", "false")];
  await reaches(ids[1] ?? "", "restarting");
  await remove(...ids);
  await Bun.sleep(500);
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
});

test("a program that cannot be started is not tried again", async () => {
  const { world } = stage();
  const failed = await world.rt([
    "run",
    "-d",
    "--name",
    "bad",
    "--restart",
    "always",
    "busybox",
    "/no",
  ]);
  expect(failed.code).toBe(127);
  await Bun.sleep(500);
  expect(await inspect("bad")).toMatchObject({ RestartCount: 0, State: { Status: "created" } });
  await remove("bad");
});

test("a daemon killed again and again among restarts loses none, and starts none twice", async () => {
  const { world } = stage();
  const ids: string[] = [];
  for (let index = 0; index < 6; index++)
    ids.push(await run("always", "sh", "-c", "sleep 0.2765; exit 1"));
  for (let round = 0; round < 8; round++) {
    await Bun.sleep(100 + round * 37);
    await nextDaemon();
  }
  const counts = async () =>
    await Promise.all(ids.map(async (id) => (await inspect(id)).RestartCount));
  const before = await counts();
  const restarted = async () => {
    const now = await counts();
    return now.every((count, at) => count > (before[at] ?? 0));
  };
  // The delay has doubled with each round.
  await until("a further restart of each", restarted, 40_000);
  await world.rtOutput(["stop", "-t", "0", ...ids]);
  for (const id of ids) expect((await inspect(id)).State.Status).toBe("exited");
  const { stdout } = await world.run(["sh", "-c", "pgrep -xf 'sleep 0.2765' | wc -l"]);
  expect(Number(stdout)).toBe(0);
  await remove(...ids);
});
