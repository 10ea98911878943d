import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function call(method: string, path: string, body?: unknown) {
  const { daemon } = stage();
  const sent =
    body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const reply = await daemon.request(path, { method, ...sent });
  const text = await reply.text();
  return { status: reply.status, body: text === "" ? undefined : JSON.parse(text) };
}

test("a volume's life by its routes", async () => {
  const created = await call("POST", "/volumes/create", {
    ...{ Name: "life", Labels: { b: "2", a: "1" }, Driver: "local", DriverOpts: {} },
  });
  expect(created.status).toBe(201);
  expect(new Set(Object.keys(created.body))).toEqual(
    new Set("CreatedAt Driver Labels Mountpoint Name Options Scope".split(" ")),
  );
  expect(created.body).toMatchObject({ Name: "life", Labels: { a: "1", b: "2" }, Options: null });
  expect((await call("POST", "/volumes/create", { Name: "life" })).body).toEqual(created.body);
  expect(await call("GET", "/v1.45/volumes/life")).toEqual({ status: 200, body: created.body });
  const filters = encodeURIComponent(JSON.stringify({ label: { "a=1": true } }));
  expect(await call("GET", `/volumes?filters=${filters}`)).toEqual({
    status: 200,
    body: { Volumes: [created.body], Warnings: null },
  });
  const named = async (name: string): Promise<number> => {
    const asked = encodeURIComponent(JSON.stringify({ name: [name] }));
    return (await call("GET", `/volumes?filters=${asked}`)).body.Volumes.length;
  };
  expect([await named("if"), await named("^li.e$"), await named("^if")]).toEqual([1, 1, 0]);
  expect(await call("DELETE", "/volumes/life")).toEqual({ status: 204, body: undefined });
  expect(await call("GET", "/volumes/life")).toEqual({
    status: 404,
    body: { message: "get life: no such volume" },
  });
  expect((await call("DELETE", "/volumes/life?force=1")).status).toBe(204);
});

test("a volume without a name gets one, and is anonymous", async () => {
  const { body } = await call("POST", "/volumes/create", {});
  expect(body.Name).toMatch(/^[0-9a-f]{64}$/);
  expect(body.Labels).toEqual({ "com.docker.volume.anonymous": "" });
  const pruned = await call("POST", "/volumes/prune");
  expect(pruned).toEqual({
    status: 200,
    body: { VolumesDeleted: [body.Name], SpaceReclaimed: 0 },
  });
});

test("clients before API 1.42 prune named volumes too", async () => {
  await call("POST", "/volumes/create", { Name: "named" });
  expect((await call("POST", "/v1.42/volumes/prune")).body.VolumesDeleted).toEqual([]);
  expect((await call("POST", "/v1.41/volumes/prune")).body.VolumesDeleted).toEqual(["named"]);
});

test.each([
  [{ Name: 1 }, 400],
  [{ Name: "x1", Labels: { a: 1 } }, 400],
  [{ Name: "x1", DriverOpts: [] }, 400],
  [{ Name: "../up" }, 400],
  [{ Name: "x1", DriverOpts: { size: "1g" } }, 400],
  [{ Name: "x1", ClusterVolumeSpec: {} }, 501],
])("create %p answers %p", async (body, status) => {
  expect((await call("POST", "/volumes/create", body)).status).toBe(status);
  expect((await call("GET", "/volumes")).body.Volumes).toEqual([]);
});

test("unknown filters are refused", async () => {
  const filters = encodeURIComponent('{"odd":["x"]}');
  expect((await call("GET", `/volumes?filters=${filters}`)).status).toBe(400);
  expect((await call("POST", `/volumes/prune?filters=${filters}`)).status).toBe(400);
});

test("a volume's events tell its life in order", async () => {
  const { world, daemon } = stage();
  const since = Math.floor(Date.now() / 1000);
  const id = await world.rtOutput(["run", "-d", "-v", "told:/t:ro", "busybox", "true"]);
  await world.rtOutput(["wait", id]);
  await world.rtOutput(["rm", id]);
  await world.rtOutput(["volume", "rm", "told"]);
  const until = Math.floor(Date.now() / 1000) + 1;
  const filters = encodeURIComponent('{"type":["volume"]}');
  const reply = await daemon.request(`/events?since=${since}&until=${until}&filters=${filters}`);
  const lines = (await reply.text()).trim().split("\n");
  const events = lines
    .map((line) => JSON.parse(line))
    .filter(({ Actor }) => Actor.ID === "told")
    .map(({ Action, Actor }) => [Action, Actor.Attributes]);
  expect(events).toEqual([
    ["create", { driver: "local" }],
    [
      "mount",
      {
        ...{ container: id, destination: "/t", driver: "local", propagation: "" },
        "read/write": "false",
      },
    ],
    ["unmount", { container: id, driver: "local" }],
    ["destroy", { driver: "local" }],
  ]);
});

test("create, remove and prune at once leave records and directories that agree", async () => {
  const { world, daemon } = stage();
  const rounds = Array.from({ length: 60 }, async (_, number) => {
    const name = `race${number % 3}`;
    if (number % 3 === 0) return await call("POST", "/volumes/create", { Name: name });
    if (number % 5 === 0) return await call("POST", '/volumes/prune?filters={"all":["true"]}');
    if (number % 2 === 0) return await call("DELETE", `/volumes/${name}?force=1`);
    const body = { Image: "busybox", HostConfig: { Binds: [`${name}:/v`] } };
    const made = await call("POST", "/containers/create", body);
    if (made.status !== 201) return made;
    const started = await call("POST", `/containers/${made.body.Id}/start`);
    expect(started.status).toBe(204);
    return await call("DELETE", `/containers/${made.body.Id}?force=1`);
  });
  for (const reply of await Promise.all(rounds)) {
    expect([200, 201, 204, 409]).toContain(reply.status);
  }
  const listed = (await call("GET", "/volumes")).body.Volumes as { Name: string }[];
  const found = await world.run(["ls", `${daemon.dataRoot}/volumes`]);
  expect(found.stdout.trim()).toBe(listed.map(({ Name }) => Name).join("\n"));
  await call("POST", '/volumes/prune?filters={"all":["true"]}');
});

test("a driver that is not there is a 404 of a volume, and the fault of a request for a container", async () => {
  const words = 'error looking up volume plugin none: plugin "none" not found';
  expect(await call("POST", "/volumes/create", { Name: "of-none", Driver: "none" })).toEqual({
    ...{ status: 404, body: { message: `create of-none: ${words}` } },
  });
  const VolumeOptions = { DriverConfig: { Name: "none" } };
  const Mounts = [{ Type: "volume", Source: "of-none", Target: "/data", VolumeOptions }];
  const body = { Image: "busybox", HostConfig: { Mounts } };
  const refused = await call("POST", "/containers/create", body);
  expect(refused).toEqual({ status: 400, body: { message: `create of-none: ${words}` } });
});
