/** What docker lacks: ports that come and go while a container runs. */
import { expect, test } from "bun:test";
import { Envoy } from "../support/envoy.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function bindingsOf(id: string): Promise<unknown> {
  const { world } = stage();
  return JSON.parse(
    await world.rtOutput(["inspect", "-f", "{{json .HostConfig.PortBindings}}", id]),
  );
}

async function update(id: string, body: object): Promise<{ status: number; message: string }> {
  const reply = await stage().daemon.post(`/containers/${id}/update`, body);
  const { message = "" } = (await reply.json()) as { message?: string };
  return { status: reply.status, message };
}

test("a running container gains and loses ports, connections of the others live on, and a restart keeps it", async () => {
  const { world } = stage();
  const run = ["run", "-d", "-p", "8080:80", "busybox", "sleep", "1000"];
  const id = await world.rtOutput(run);
  const pid = Number(await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", id]));
  using web = Envoy.in(world, pid);
  using host = Envoy.in(world);
  await web.serve("80", { port: 80 });
  await web.serve("81", { port: 81 });
  const at = (port: number) => ({ address: "127.0.0.1", port, timeout: 1000 });
  await host.stream(at(8080));

  const add = { PublishAdd: { "81/tcp": [{ HostIp: "", HostPort: "8081" }] } };
  expect(await update(id, add)).toMatchObject({ status: 200 });
  expect(await host.call(at(8081))).toMatchObject({ server: "81" });
  const move = {
    PublishRemove: ["8081:81"],
    PublishAdd: { "80/tcp": [{ HostPort: "8081" }] },
  };
  expect(await update(id, move)).toMatchObject({ status: 200 });
  expect(await host.call(at(8081))).toMatchObject({ server: "80" });
  expect(await host.streams()).toMatchObject([{ error: null }]);
  expect(await update(id, { PublishRemove: ["8080:80"] })).toMatchObject({ status: 200 });
  await expect(host.call(at(8080))).rejects.toThrow("ECONNREFUSED");

  expect(await bindingsOf(id)).toEqual({ "80/tcp": [{ HostIp: "", HostPort: "8081" }] });
  await world.rtOutput(["restart", "-t", "0", id]);
  expect(await world.rtOutput(["port", id])).toBe("80/tcp -> 0.0.0.0:8081");
  await world.rtOutput(["rm", "-f", id]);
  await host.serve("foreign", { address: "0.0.0.0", port: 8081 });
});

test("a change that cannot be leaves everything as it was", async () => {
  const { world } = stage();
  using host = Envoy.in(world);
  await host.serve("foreign", { address: "0.0.0.0", port: 8092 });
  const id = await world.rtOutput(["run", "-d", "-p", "8090:80", "busybox", "sleep", "1000"]);
  const change = {
    PublishRemove: ["80"],
    PublishAdd: { "80/tcp": [{ HostPort: "8091" }], "81/tcp": [{ HostPort: "8092" }] },
  };
  const refused = await update(id, change);
  expect(refused.status).toBe(500);
  expect(refused.message).toMatch(
    /^Cannot update container .*: driver failed programming external connectivity on endpoint .*: failed to bind host port for 0\.0\.0\.0:8092:/,
  );
  expect(await world.rtOutput(["port", id])).toBe("80/tcp -> 0.0.0.0:8090");
  expect(await bindingsOf(id)).toEqual({ "80/tcp": [{ HostIp: "", HostPort: "8090" }] });
  await host.serve("free", { address: "0.0.0.0", port: 8091 });
  expect(await update(id, { PublishRemove: ["81"] })).toMatchObject({ status: 404 });
  const both = { PublishRemove: ["81"], RestartPolicy: { Name: "always" }, CpuShares: 512 };
  expect(await update(id, both)).toMatchObject({ status: 404 });
  const limits = "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.CpuShares}}";
  expect(await world.rtOutput(["inspect", "-f", limits, id])).toBe("no 0");
  expect(await update(id, { PublishRemove: ["x"] })).toMatchObject({ status: 400 });
  expect(await update(id, { PublishAdd: { "80/tcp": [{ HostPort: 1 }] } })).toMatchObject({
    status: 400,
  });
  await world.rtOutput(["rm", "-f", id]);
});

test("limits stay as they were where ports cannot be had, and ports where limits cannot", async () => {
  const { world } = stage();
  using host = Envoy.in(world);
  await host.serve("foreign", { address: "0.0.0.0", port: 8097 });
  const run = ["run", "-d", "-p", "8098:80", "--pids-limit", "50", "busybox", "sleep", "1000"];
  const id = await world.rtOutput(run);
  const limits = { PidsLimit: 60, CpuShares: 512, RestartPolicy: { Name: "always" } };
  const refused = await update(id, { PublishAdd: { "81/tcp": [{ HostPort: "8097" }] }, ...limits });
  expect(refused).toMatchObject({ status: 500 });
  const shown =
    "{{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}} {{.HostConfig.RestartPolicy.Name}}";
  expect(await world.rtOutput(["inspect", "-f", shown, id])).toBe("50 0 no");
  const stats = await stage().daemon.json<{ pids_stats: { limit: number } }>(
    `/containers/${id}/stats?stream=false`,
  );
  expect(stats.pids_stats.limit).toBe(50);

  // Beyond what the kernel counts to.
  const ports = { PublishRemove: ["80"], PublishAdd: { "81/tcp": [{ HostPort: "8099" }] } };
  const beyond = await update(id, { ...ports, PidsLimit: 2 ** 40 });
  expect(beyond).toMatchObject({ status: 400 });
  expect(await world.rtOutput(["port", id])).toBe("80/tcp -> 0.0.0.0:8098");
  expect(await bindingsOf(id)).toEqual({ "80/tcp": [{ HostIp: "", HostPort: "8098" }] });
  await expect(host.serve("held", { address: "0.0.0.0", port: 8098 })).rejects.toThrow();
  await host.serve("free", { address: "0.0.0.0", port: 8099 });
  await world.rtOutput(["rm", "-f", id]);
});

test("of a stopped container the record alone changes", async () => {
  const { world } = stage();
  const id = await world.rtOutput([
    "create",
    "-P",
    "--expose",
    "80-81",
    "busybox",
    "sleep",
    "1000",
  ]);
  const change = { PublishRemove: ["80"], PublishAdd: { "82/tcp": [{ HostPort: "8095" }] } };
  expect(await update(id, change)).toMatchObject({ status: 200 });
  expect(await world.rtOutput(["port", id])).toBe("");
  await world.rtOutput(["start", id]);
  const ports = await world.rtOutput(["port", id]);
  expect(ports).toMatch(/^81\/tcp -> 0\.0\.0\.0:\d+\n82\/tcp -> 0\.0\.0\.0:8095$/);
  await world.rtOutput(["rm", "-f", id]);
});

test("a container with the host's network is told that its ports are discarded", async () => {
  const { world } = stage();
  const ran = await world.rt([
    "run",
    "--rm",
    "--network",
    "host",
    "-p",
    "8080:80",
    "busybox",
    "true",
  ]);
  expect(ran.code).toBe(0);
  expect(ran.stderr).toContain("Published ports are discarded when using host network mode");
});

test("a port of both families loses one and then the other", async () => {
  const { world } = stage();
  await world.rtOutput(["network", "create", "--ipv6", "both"]);
  const run = ["run", "-d", "--network", "both", "-p", "8096:80", "busybox", "sleep", "1000"];
  const id = await world.rtOutput(run);
  expect(await update(id, { PublishRemove: ["0.0.0.0:8096:80"] })).toMatchObject({ status: 200 });
  expect(await world.rtOutput(["port", id])).toBe("80/tcp -> [::]:8096");
  await world.rtOutput(["restart", "-t", "0", id]);
  expect(await world.rtOutput(["port", id])).toBe("80/tcp -> [::]:8096");
  expect(await update(id, { PublishRemove: ["[::]:8096:80"] })).toMatchObject({ status: 200 });
  expect(await world.rtOutput(["port", id])).toBe("");
  await world.rtOutput(["rm", "-f", id]);
});
