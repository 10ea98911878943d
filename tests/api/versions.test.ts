/** What clients of older versions of the API are answered. */
import { expect, test } from "bun:test";
import { jsonOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

test("a wait knows no condition until 1.30, and its headers come with the answer", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", "exit 3"]);
  await world.rtOutput(["wait", id]);
  const former = await daemon.post(`/v1.29/containers/${id}/wait?condition=removed`);
  expect(former.headers.get("content-length")).not.toBeNull();
  expect(await jsonOf(former)).toEqual({ StatusCode: 3 });
  const later = await daemon.post(`/v1.30/containers/${id}/wait`);
  expect(later.headers.get("transfer-encoding")).toBe("chunked");
  expect(await jsonOf(later)).toEqual({ StatusCode: 3 });
});

test("a list of networks tells of containers until 1.28", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const listed = async (version: string) => {
    type Listed = { Name: string; Containers?: Record<string, unknown> };
    const list = await daemon.json<Listed[]>(`/v${version}/networks`);
    return Object.keys(list.find(({ Name }) => Name === "bridge")?.Containers ?? { none: true });
  };
  expect(await listed("1.27")).toContain(id);
  expect(await listed("1.28")).toEqual([]);
  expect(await listed("1.52")).toEqual(["none"]);
});

test("events are of the type that the version has or the client names", async () => {
  const typeOf = async (version: string, headers: Record<string, string> = {}) => {
    const reply = await stage().daemon.request(`/v${version}/events?until=1`, { headers });
    return reply.headers.get("content-type");
  };
  expect(await typeOf("1.51")).toBe("application/json");
  expect(await typeOf("1.52")).toBe("application/jsonl");
  expect(await typeOf("1.52", { accept: "application/json-seq" })).toBe("application/json-seq");
});

test("settings that come with a start are refused, as every version since 1.24 does", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["create", "busybox", "true"]);
  const reply = await daemon.post(`/v1.24/containers/${id}/start`, { Privileged: true });
  expect(reply.status).toBe(400);
  expect(await jsonOf(reply)).toMatchObject({
    message: expect.stringContaining("removed in v1.24"),
  });
  expect((await daemon.post(`/v1.24/containers/${id}/start`, {})).status).toBe(204);
});

test("containers of clients before 1.40 lend their memory for messages", async () => {
  const { daemon } = stage();
  const modeOf = async (version: string) => {
    const created = await daemon.post(`/v${version}/containers/create`, { Image: "busybox" });
    const { Id } = await jsonOf<{ Id: string }>(created);
    type Inspected = { HostConfig: { IpcMode: string } };
    return (await daemon.json<Inspected>(`/containers/${Id}/json`)).HostConfig.IpcMode;
  };
  expect([await modeOf("1.39"), await modeOf("1.40")]).toEqual(["shareable", "private"]);
});
