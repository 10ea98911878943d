/** What hostile requests have turned up, each as the smallest request that did. */
import { expect, test } from "bun:test";
import { filesOf } from "../support/api/leftovers.ts";
import { jsonOf, messageOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function create(body: Record<string, unknown> = {}): Promise<string> {
  const fields = { Image: "busybox", Cmd: ["sleep", "1000"], ...body };
  const { HostConfig = {} } = body;
  const reply = await stage().daemon.post("/containers/create", {
    ...fields,
    HostConfig: { NetworkMode: "none", ...(HostConfig as object) },
  });
  expect(reply.status).toBe(201);
  return (await jsonOf<{ Id: string }>(reply)).Id;
}

async function remove(id: string): Promise<void> {
  const reply = await stage().daemon.request(`/containers/${id}?force=1`, { method: "DELETE" });
  expect(reply.status).toBe(204);
}

async function refusal(path: string, body?: unknown): Promise<[number, string]> {
  const reply = await stage().daemon.post(path, body);
  return [reply.status, await messageOf(reply)];
}

test("what is not paused cannot be unpaused, which is no failure of the engine's", async () => {
  const id = await create();
  expect(await refusal(`/containers/${id}/unpause`)).toEqual([
    409,
    `Container ${id} is not paused`,
  ]);
  await remove(id);
});

test("a type of mount that every object inherits is unknown", async () => {
  const mount = { Type: "hasOwnProperty", Target: "/mnt", Source: "/etc" };
  const [status, message] = await refusal("/containers/create", {
    ...{ Image: "busybox", HostConfig: { Mounts: [mount] } },
  });
  expect([status, message]).toEqual([
    400,
    'invalid mount config for type "hasOwnProperty": mount type unknown',
  ]);
});

test("a terminal's size in an exec has to be two numbers", async () => {
  const id = await create();
  await stage().daemon.post(`/containers/${id}/start`);
  const [status] = await refusal(`/containers/${id}/exec`, {
    ...{ Cmd: ["true"], ConsoleSize: [{ toString: "x" }, [[1]]] },
  });
  expect(status).toBe(400);
  await remove(id);
});

test("execs that are never started do not add up without end", async () => {
  const { daemon } = stage();
  const id = await create();
  await daemon.post(`/containers/${id}/start`);
  const ids: string[] = [];
  for (let count = 0; count < 1100; count++) {
    const made = await daemon.post(`/containers/${id}/exec`, { Cmd: ["true"] });
    ids.push((await jsonOf<{ Id: string }>(made)).Id);
  }
  expect((await daemon.request(`/exec/${ids[0]}/json`)).status).toBe(404);
  expect((await daemon.request(`/exec/${ids.at(-1)}/json`)).status).toBe(200);
  await remove(id);
});

test("a path in a container that is too long, or leads in circles, is the client's fault", async () => {
  const { daemon } = stage();
  const id = await create();
  for (const path of ["x".repeat(300), "/etc/passwd/", "/proc/1/root/etc"]) {
    const reply = await daemon.request(`/containers/${id}/archive?path=${path}`, {
      method: "HEAD",
    });
    expect([path, [400, 404].includes(reply.status)]).toEqual([path, true]);
  }
  await remove(id);
});

test("a registry by the name of something inherited has no mirrors", async () => {
  const [status, message] = await refusal("/auth", {
    ...{ username: "a", password: "b", serveraddress: "toString" },
  });
  expect(status).not.toBe(500);
  expect(message).not.toContain("is not a function");
});

test("a commit that is refused leaves nothing", async () => {
  const { daemon } = stage();
  const id = await create();
  const before = await filesOf(daemon);
  for (const change of ["USER %00", "STOPSIGNAL NOPE", "ENV =x", "WORKDIR a%00"]) {
    const [status] = await refusal(`/commit?container=${id}&changes=${change}`);
    expect([change, status]).toEqual([change, 400]);
  }
  const more = [...(await filesOf(daemon))].filter((path) => !before.has(path));
  expect(more.filter((path) => path.includes("/content/"))).toEqual([]);
  await remove(id);
});

test("a setting that the kernel refuses is told as such at the start", async () => {
  const settings = [
    { MaskedPaths: ["/proc/self/fd/0"] },
    { Tmpfs: { "/mnt": "nonsense=1" } },
    { BlkioDeviceReadBps: [{ Path: "/etc/passwd", Rate: 1 }] },
  ];
  for (const HostConfig of settings) {
    const id = await create({ HostConfig });
    const reply = await stage().daemon.post(`/containers/${id}/start`);
    expect([HostConfig, reply.status < 500]).toEqual([HostConfig, true]);
    await remove(id);
  }
});

test("a time is a time", async () => {
  for (const time of ["X-Evil: 1", "-1", "2006-13-45"]) {
    const reply = await stage().daemon.request(`/events?until=1&since=${encodeURIComponent(time)}`);
    expect([time, reply.status]).toEqual([time, 400]);
  }
});

test("an exec that is too long for its monitor is refused, and the container goes on", async () => {
  const { daemon, world } = stage();
  const id = await create();
  await daemon.post(`/containers/${id}/start`);
  for (const length of [1_500_000, 3_500_000]) {
    const made = await daemon.post(`/containers/${id}/exec`, { Cmd: ["true", "x".repeat(length)] });
    const exec = (await jsonOf<{ Id: string }>(made)).Id;
    const [status, message] = await refusal(`/exec/${exec}/start`, { Detach: true });
    expect([length, status]).toEqual([length, 400]);
    expect(message).toEndWith("argument list too long");
  }
  expect(await world.rtOutput(["exec", id, "echo", "alive"])).toBe("alive");
  await remove(id);
});
