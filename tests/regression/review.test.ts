import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { jsonOf } from "../support/json.ts";
import { useStage } from "../support/stage.ts";

/** What was accepted and not done, or done and not taken back. */
const stage = useStage({ pulled: ["busybox", "hello-world"] });

async function create(daemon: Daemon, body: object): Promise<string> {
  const reply = await daemon.post("/containers/create", { Image: "busybox", ...body });
  expect(reply.status).toBe(201);
  return (await jsonOf<{ Id: string }>(reply)).Id;
}

async function inspect(daemon: Daemon, id: string) {
  type Inspect = { State: { StartedAt: string; Status: string; ExitCode: number } };
  return await jsonOf<Inspect>(await daemon.request(`/containers/${id}/json`));
}

test("the MAC address that was asked for is the container's", async () => {
  const mac = "02:00:5e:10:00:07";
  const ran = await stage().sh("cat /sys/class/net/eth0/address", ["--mac-address", mac]);
  expect(ran.stdout).toBe(`${mac}\n`);
});

test("a MAC address that is none, or that many would answer to, is refused", async () => {
  for (const MacAddress of ["nonsense", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"]) {
    const EndpointsConfig = { bridge: { MacAddress } };
    const body = { Image: "busybox", Cmd: ["true"], NetworkingConfig: { EndpointsConfig } };
    const reply = await stage().daemon.post("/containers/create", body);
    expect(reply.status).toBe(400);
    expect((await jsonOf<{ message: string }>(reply)).message).toContain("MAC address");
  }
});

test("a container without networking has the loopback alone", async () => {
  const { daemon } = stage();
  const cmd = ["sh", "-c", "ls /sys/class/net"];
  const id = await create(daemon, { Cmd: cmd, NetworkDisabled: true, Tty: true });
  await daemon.post(`/containers/${id}/start`);
  await (await daemon.post(`/containers/${id}/wait`)).text();
  const log = await (await daemon.request(`/containers/${id}/logs?stdout=1`)).text();
  expect(log.trim()).toBe("lo");
});

test("what the default network cannot do is refused at create", async () => {
  for (const settings of [
    { Aliases: ["web"] },
    { IPAMConfig: { IPv4Address: "172.17.0.9" } },
    { DriverOpts: { "com.docker.network.endpoint.ifname": "a/b" } },
  ]) {
    const NetworkingConfig = { EndpointsConfig: { bridge: settings } };
    const body = { Image: "busybox", Cmd: ["true"], NetworkingConfig };
    expect((await stage().daemon.post("/containers/create", body)).status).toBe(400);
  }
});

test("a start that fails leaves the times of the run before", async () => {
  const { daemon } = stage();
  const fresh = await create(daemon, { Cmd: ["/nowhere"] });
  expect((await daemon.post(`/containers/${fresh}/start`)).status).toBe(400);
  const { State } = await inspect(daemon, fresh);
  expect([State.Status, State.ExitCode, State.StartedAt]).toEqual([
    "created",
    127,
    "0001-01-01T00:00:00Z",
  ]);
});

test("a stop that comes while the start is under way stops the container", async () => {
  const { daemon } = stage();
  for (let round = 0; round < 5; round += 1) {
    const id = await create(daemon, { Cmd: ["sleep", "1000"] });
    const started = daemon.post(`/containers/${id}/start`);
    // The daemon reads them in this order: the second is sent when the first has been taken.
    const events = await daemon.request(`/events?since=1&until=1`);
    await events.text();
    const stopped = daemon.post(`/containers/${id}/stop?t=0`);
    expect((await started).status).toBe(204);
    expect((await stopped).status).toBe(204);
    expect((await inspect(daemon, id)).State.Status).toBe("exited");
  }
});

test("a program may have no descriptors to open at all", async () => {
  const ran = await stage().world.rt(["run", "--rm", "--ulimit", "nofile=0", "hello-world"]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
});

test("a layer that is damaged in the store is fetched again", async () => {
  const { world, daemon } = stage();
  const blobs = `${daemon.dataRoot}/content/blobs/sha256`;
  const layers = `${daemon.dataRoot}/layers`;
  const [image] = JSON.parse(await world.rtOutput(["image", "inspect", "hello-world"])) as {
    RootFS: { Layers: string[] };
  }[];
  const layer = image?.RootFS.Layers[0]?.slice(7) ?? "";
  // As a disk would leave it: the tree is gone, and the blob has other bytes.
  await Bun.$`rm -r ${layers}/${layer}`;
  const manifest = await Bun.$`grep -l '"layers"' ${blobs}/*`.text();
  for (const path of manifest.trim().split("\n")) {
    const parsed = JSON.parse(await Bun.file(path).text()) as { layers?: { digest: string }[] };
    for (const { digest } of parsed.layers ?? []) {
      const file = `${blobs}/${digest.slice(7)}`;
      if ((await Bun.file(file).exists()) && digest) await damage(file);
    }
  }
  expect((await world.rt(["pull", "hello-world"])).code).toBe(0);
  expect(await readdir(layers)).toContain(layer);
  expect((await world.rt(["run", "--rm", "hello-world"])).stdout).toStartWith("Hello from rt!");
});

async function damage(file: string): Promise<void> {
  const bytes = new Uint8Array(await Bun.file(file).arrayBuffer());
  bytes.fill(0, bytes.length >> 1);
  await Bun.write(file, bytes);
}
