/** What somebody else does to networks by hand: the next start, change or removal copes with it. */
import { afterEach, expect, test } from "bun:test";
import { Envoy } from "../support/envoy.ts";
import { on, usePlaces } from "../support/places.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const { call, network, run, connect, disconnect, inside, wires, clear } = usePlaces(stage);

afterEach(clear);

const router = "10.85.0.1";
const other = "10.86.0.1";

const ip = async (...words: string[]): Promise<void> => {
  expect(await stage().world.run(["ip", ...words])).toMatchObject({ code: 0 });
};

/** Of the host's ends of wires. */
const names = async (): Promise<string[]> =>
  (await wires()).map((line) => /^\d+: ([^@]+)@/.exec(line)?.[1] ?? "");

const reaches = async (name: string, address: string): Promise<boolean> =>
  (await stage().world.rt(["exec", name, "ping", "-c1", "-W2", address])).code === 0;

const address = async (name: string, net: string): Promise<string> =>
  (await call("GET", `/containers/${name}/json`)).body.NetworkSettings.Networks[net].IPAddress;

test("a bridge that was removed comes back with the next start, and those who run hang on it again", async () => {
  const { world } = stage();
  const id = await network("bh-a", "10.85.0.0/24");
  const ports = { PortBindings: { "80/tcp": [{ HostPort: "8078" }] } };
  await run("web", { ...on("bh-a"), HostConfig: { NetworkMode: "bh-a", ...ports } });
  const pid = (await call("GET", "/containers/web/json")).body.State.Pid;
  using web = Envoy.in(world, pid);
  using host = Envoy.in(world);
  await web.serve("web", { address: "0.0.0.0", port: 80 });
  const reached = async () => (await host.call({ address: "127.0.0.1", port: 8078 })).server;
  expect(await reached()).toBe("web");

  await ip("link", "del", `br-${id.slice(0, 12)}`);
  await run("next", on("bh-a"));
  for (const name of ["next", "web"]) expect(await reaches(name, router)).toBe(true);
  expect(await reaches("next", await address("web", "bh-a"))).toBe(true);
  expect(await reached()).toBe("web");

  // And with the next daemon, where nothing starts.
  await ip("link", "del", `br-${id.slice(0, 12)}`);
  await world.daemonAlive().kill();
  await world.daemon();
  const next = await address("next", "bh-a");
  await until("the bridge to be back", () => reaches("web", next));
  await world.daemonAlive().removeContainers();
  await ip("link", "del", `br-${id.slice(0, 12)}`);
  expect(await call("DELETE", "/networks/bh-a")).toMatchObject({ status: 204 });
});

test("a wire that was removed, or taken out of its bridge, is there again after a change", async () => {
  await network("bh-a", "10.85.0.0/24");
  await network("bh-b", "10.86.0.0/24");
  await run("web", on("bh-a"));
  await connect("bh-b", "web");
  const [first, second] = await names();
  await ip("link", "del", first ?? "");
  await ip("link", "set", second ?? "", "nomaster");
  expect(await disconnect("bh-b", "web")).toMatchObject({ status: 200 });
  expect(await connect("bh-b", "web")).toMatchObject({ status: 200 });
  expect(await reaches("web", other)).toBe(true);
  expect(await call("POST", "/containers/web/restart?t=0")).toMatchObject({ status: 204 });
  for (const each of [router, other]) expect(await reaches("web", each)).toBe(true);
  expect(await names()).toHaveLength(2);
});

test("what a privileged container does to its own interfaces does not hold it in a network", async () => {
  await network("bh-a", "10.85.0.0/24");
  await network("bh-b", "10.86.0.0/24");
  await run("web", { HostConfig: { NetworkMode: "bh-a", Privileged: true } });
  const wayOut = { EndpointConfig: { GwPriority: 1 } };
  for (const meddle of [
    "ip link del eth1",
    "ip link set eth1 down; ip link set eth1 name odd",
    "ip route del default; ip addr flush dev eth1",
    "ip link set eth0 down",
  ]) {
    expect(await connect("bh-b", "web", wayOut)).toMatchObject({ status: 200 });
    await inside("web", "sh", "-c", meddle);
    expect(await disconnect("bh-b", "web")).toMatchObject({ status: 200 });
    expect(await inside("web", "ip", "-o", "link")).not.toMatch(/eth1|odd/);
    expect(await names()).toHaveLength(1);
  }
  expect(await connect("bh-b", "web", wayOut)).toMatchObject({ status: 200 });
  expect(await reaches("web", other)).toBe(true);
});

test("a monitor that is killed while its container is connected leaves no place behind", async () => {
  await network("bh-a", "10.85.0.0/24");
  await network("bh-b", "10.86.0.0/24");
  const ports = { PortBindings: { "80/tcp": [{ HostPort: "8077" }] } };
  for (let round = 0; round < 10; round += 1) {
    await run("web", { HostConfig: { NetworkMode: "bh-a", ...ports } });
    const pid = (await call("GET", "/containers/web/json")).body.State.Pid;
    const script = `read _ _ _ monitor _ < /proc/${pid}/stat; usleep ${round * 700}; kill -9 $monitor`;
    const killing = stage().world.run(["busybox", "sh", "-c", script]);
    const connected = await connect("bh-b", "web", { EndpointConfig: { GwPriority: 1 } });
    if (connected.status !== 200)
      expect(connected.body.message).toMatch(/is not running$|: the container has ended$/);
    expect(await killing).toMatchObject({ code: 0 });
    expect((await call("POST", "/containers/web/wait")).body.StatusCode).toBe(137);
    expect(await call("DELETE", "/containers/web")).toMatchObject({ status: 204 });
  }
  for (const name of ["bh-a", "bh-b"])
    expect(await call("DELETE", `/networks/${name}`)).toMatchObject({ status: 204 });
});
