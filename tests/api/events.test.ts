import { expect, test } from "bun:test";
import { connect } from "node:net";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

const past = (since: number, filters: Record<string, string[]>) =>
  stage().world.daemonAlive().past(since, filters);

test("events outlive the daemon, in order, and exits while it was down follow when it is back", async () => {
  const { world, registry } = stage();
  const since = Date.now() / 1000;
  const flags = ["--label", "team=blue"];
  const id = await world.rtOutput([
    "run",
    "-d",
    ...flags,
    "busybox",
    "sh",
    "-c",
    "sleep 0.5; exit 9",
  ]);
  await world.daemonAlive().kill();
  await world.monitorsEnd();
  await world.daemon({ mirrors: [registry.url] });
  const times = ["inspect", "-f", "{{.State.StartedAt}} {{.State.FinishedAt}}", id];
  const [started = 0, finished = 0] = (await world.rtOutput(times)).split(" ").map(Date.parse);
  await world.rtOutput(["rm", id]);
  const events = await past(since, { container: [id] });
  expect(events.map(({ Action }) => Action)).toEqual(["create", "start", "die", "destroy"]);
  const told = events.map(({ timeNano }) => timeNano);
  expect(told.every((time, at) => at === 0 || time > (told[at - 1] ?? 0))).toBe(true);
  const { Attributes } = events[2]?.Actor ?? { Attributes: {} };
  expect(Attributes).toMatchObject({
    exitCode: "9",
    execDuration: `${Math.floor((finished - started) / 1000)}`,
    image: "busybox",
    team: "blue",
  });
});

test("filters choose by type, event, container, image, label and scope; every label counts", async () => {
  const { world } = stage();
  const since = Date.now() / 1000;
  const create = ["create", "--label", "a=1", "--label", "b=2", "--name", "chosen", "busybox"];
  const id = await world.rtOutput(create);
  await world.rtOutput(["rm", id]);
  const count = async (filters: Record<string, string[]>) => (await past(since, filters)).length;
  expect(await count({ container: ["chosen"] })).toBe(2);
  expect(await count({ container: [id], event: ["destroy"] })).toBe(1);
  expect(await count({ type: ["image"], container: [id] })).toBe(0);
  expect(await count({ image: ["busybox"], label: ["a", "b=2"] })).toBe(2);
  expect(await count({ label: ["a", "c"] })).toBe(0);
  expect(await count({ scope: ["local"], label: ["a=1"] })).toBe(2);
  expect(await count({ scope: ["swarm"] })).toBe(0);
  expect(await count({ daemon: ["x"] })).toBe(0);
});

test("a stream with both past and future ends at `until`, and the docker CLI reads it", async () => {
  const { world } = stage();
  const daemon = world.daemonAlive();
  const listen = async (seconds: number): Promise<void> => {
    const since = Date.now() / 1000;
    const first = await world.rtOutput(["create", "busybox"]);
    const end = Date.now() / 1000 + seconds;
    const window = ["--since", String(since), "--until", String(end)];
    const format = ["--format", "{{.Action}} {{.Actor.ID}}", "--filter", "type=container"];
    const stream = world.docker(["events", ...window, ...format]);
    await until(
      "somebody to listen",
      async () => (await daemon.listeners()) > 0 || Date.now() / 1000 > end,
    );
    const second = await world.rtOutput(["create", "busybox"]);
    const isLate = Date.now() / 1000 > end;
    const { stdout, code } = await stream;
    await world.rtOutput(["rm", first, second]);
    // On a busy machine all that was to come may come too late.
    if (isLate && seconds < 30) return await listen(seconds * 2);
    expect(code).toBe(0);
    expect(stdout).toBe(`create ${first}\ncreate ${second}\n`);
  };
  await listen(1);
});

test("a thousand aborted event streams leave no listener and no descriptor", async () => {
  const { world } = stage();
  const daemon = world.daemonAlive();
  const count = async () => {
    const { stdout } = await world.run(["sh", "-c", `ls /proc/${await pidInside()}/fd | wc -l`]);
    return Number(stdout);
  };
  const pidInside = async () => {
    const found = await world.run(["sh", "-c", "pgrep -f 'rt daemon' | head -1"]);
    return found.stdout.trim();
  };
  const before = await count();
  for (let round = 0; round < 20; round++) {
    const sockets = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connect(daemon.socket);
        socket.on("error", () => undefined);
        const { promise, resolve } = Promise.withResolvers<void>();
        socket.once("data", () => resolve());
        socket.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
        await promise;
        return socket;
      }),
    );
    for (const socket of sockets) socket.destroy();
  }
  await until("the listeners to be gone", async () => {
    const info = await daemon.json<{ NEventsListener: number }>("/info");
    return info.NEventsListener === 0;
  });
  await until("the descriptors to be closed", async () => (await count()) <= before + 5);
});
