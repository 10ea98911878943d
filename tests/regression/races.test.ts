import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { jsonOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

async function create(daemon: Daemon, cmd: string[], more: object = {}): Promise<string> {
  const reply = await daemon.post("/containers/create", { Image: "busybox", Cmd: cmd, ...more });
  return (await jsonOf<{ Id: string }>(reply)).Id;
}

const none = { HostConfig: { NetworkMode: "none" } };

test("a container that ends while it is removed by force is removed", async () => {
  const { daemon } = stage();
  for (let round = 0; round < 300; round += 1) {
    const id = await create(daemon, ["true"], none);
    expect((await daemon.post(`/containers/${id}/start`)).status).toBe(204);
    // Around the moment of the exit.
    await Bun.sleep((round % 10) * 0.5);
    const path = `/containers/${id}?force=1`;
    const late = AbortSignal.timeout(5000);
    expect((await daemon.request(path, { method: "DELETE", signal: late })).status).toBe(204);
  }
}, 120_000);

const sleeper = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"];

async function start(daemon: Daemon, cmd: string[]): Promise<string> {
  const id = await create(daemon, cmd, none);
  expect((await daemon.post(`/containers/${id}/start`)).status).toBe(204);
  return id;
}

test("of two creates of one name one wins", async () => {
  const { daemon } = stage();
  const body = { Image: "busybox", Cmd: ["true"], Volumes: { "/a": {} } };
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => daemon.post("/containers/create?name=only", body)),
  );
  const statuses = replies.map(({ status }) => status).sort();
  expect(statuses).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
  expect((await daemon.request("/containers/only?v=1", { method: "DELETE" })).status).toBe(204);
  expect(await readdir(stage().world.path("data", "volumes"))).toEqual([]);
});

test("starts, stops, kills and removals of one container at once end in its removal", async () => {
  const { daemon } = stage();
  for (let round = 0; round < 10; round += 1) {
    const id = await create(daemon, ["sleep", "1000"], none);
    const ask = (path: string, method = "POST") =>
      daemon.request(`/containers/${id}${path}`, { method }).then(({ status }) => status);
    const statuses = await Promise.all([
      ask("/start"),
      ask("/start"),
      ask("/stop?t=1"),
      ask("/kill"),
      ask("/start"),
      ask("?force=1", "DELETE"),
      ask("/stop?t=0"),
    ]);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    await daemon.request(`/containers/${id}?force=1`, { method: "DELETE" });
    expect(await ask("/json", "GET")).toBe(404);
  }
});

test("a program that ignores the stop signal is killed after its time, and not before", async () => {
  const { daemon } = stage();
  const id = await start(daemon, sleeper);
  const from = performance.now();
  expect((await daemon.post(`/containers/${id}/stop?t=1`)).status).toBe(204);
  expect(performance.now() - from).toBeGreaterThan(1000);
  const { State } = await daemon.json<{ State: { ExitCode: number } }>(`/containers/${id}/json`);
  expect(State.ExitCode).toBe(137);
  expect((await daemon.post(`/containers/${id}/start`)).status).toBe(204);
  // A time that no timer can hold is for ever, not at once.
  const stopping = daemon.post(`/containers/${id}/stop?t=99999999`);
  const first = await Promise.race([stopping.then(() => "stopped"), Bun.sleep(500)]);
  expect(first).toBeUndefined();
  expect((await daemon.post(`/containers/${id}/kill`)).status).toBe(204);
  expect((await stopping).status).toBe(204);
  await daemon.request(`/containers/${id}`, { method: "DELETE" });
});

test("kill -9 is answered when the container has ended", async () => {
  const { daemon } = stage();
  const id = await start(daemon, sleeper);
  expect((await daemon.post(`/containers/${id}/kill`)).status).toBe(204);
  expect((await daemon.post(`/containers/${id}/kill`)).status).toBe(409);
  expect((await daemon.request(`/containers/${id}`, { method: "DELETE" })).status).toBe(204);
});

test("every wait ends when its container is removed", async () => {
  const { daemon } = stage();
  const running = await start(daemon, sleeper);
  const made = await create(daemon, ["true"], none);
  const paths = [
    `/containers/${running}/wait`,
    `/containers/${running}/wait?condition=next-exit`,
    `/containers/${running}/wait?condition=removed`,
    `/containers/${made}/wait?condition=next-exit`,
    `/containers/${made}/wait?condition=removed`,
  ];
  // The head of an answer says that its wait has been heard.
  const waits = await Promise.all(paths.map((path) => daemon.post(path)));
  for (const id of [running, made])
    expect((await daemon.request(`/containers/${id}?force=1`, { method: "DELETE" })).status).toBe(
      204,
    );
  const ends = await Promise.all(waits.map((reply) => jsonOf<{ StatusCode: number }>(reply)));
  expect(ends.map(({ StatusCode }) => StatusCode)).toEqual([137, 137, 137, 0, 0]);
});

test("a --rm container that cannot start is removed, and the client is told why", async () => {
  const { world, daemon } = stage();
  const ran = await world.rt(["run", "--rm", "busybox", "no-such-program"]);
  expect(ran.code).toBe(127);
  await until("it to be removed", async () => {
    return (await daemon.json<unknown[]>("/containers/json?all=1")).length === 0;
  });
});

test("a refused create leaves no anonymous volume, and a shared one stays with its other user", async () => {
  const { world, daemon } = stage();
  const volumes = (): Promise<string[]> =>
    readdir(world.path("data", "volumes")).catch((): string[] => []);
  const before = await volumes();
  const refused = await daemon.post("/containers/create", {
    Image: "busybox",
    Volumes: { "/a": {} },
    HostConfig: {
      Mounts: [
        { Type: "volume", Target: "/b" },
        { Type: "bind", Source: "/no/such/place", Target: "/c" },
      ],
    },
  });
  expect(refused.status).toBe(400);
  expect(await volumes()).toEqual(before);
  const owner = await create(daemon, ["true"], { Volumes: { "/a": {} } });
  const [name] = (await volumes()).filter((each) => !before.includes(each));
  const second = await create(daemon, ["true"], { HostConfig: { Binds: [`${name}:/a`] } });
  await daemon.request(`/containers/${owner}?v=1`, { method: "DELETE" });
  expect(await volumes()).toContain(name ?? "");
  await daemon.request(`/containers/${second}?v=1`, { method: "DELETE" });
});

test("a label filter looks at the container's own labels only", async () => {
  const { daemon } = stage();
  const id = await create(daemon, ["true"], { Labels: { a: "b" } });
  const count = async (label: string) => {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    return (await daemon.json<unknown[]>(`/containers/json?all=1&filters=${filters}`)).length;
  };
  expect(await Promise.all(["a", "a=b", "a=c", "constructor", "__proto__"].map(count))).toEqual([
    1, 1, 0, 0, 0,
  ]);
  await daemon.request(`/containers/${id}`, { method: "DELETE" });
});
