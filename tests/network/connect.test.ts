import { afterEach, expect, test } from "bun:test";
import { on, usePlaces } from "../support/places.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const { call, network, create, run, settings, connect, disconnect, inside, wires, clear } =
  usePlaces(stage);

afterEach(clear);

const route = (name: string) => inside(name, "sh", "-c", "ip route | grep default");

test("a container begins in several networks, the first of which is its mode's", async () => {
  await network("cx-a", "10.81.0.0/24");
  await network("cx-b", "10.82.0.0/24");
  const asked = {
    "cx-a": {},
    "cx-b": { IPAMConfig: { IPv4Address: "10.82.0.9" }, Aliases: ["x"] },
  };
  const id = await run("two", on("cx-b", asked));
  expect(await inside("two", "ip", "-o", "-4", "addr")).toMatch(
    /eth0 +inet 10\.82\.0\.9\/24.*eth1 +inet 10\.81\.0\.2\/24/s,
  );
  expect(await route("two")).toContain("via 10.81.0.1 dev eth1");
  const { Networks: networks } = await settings("two");
  expect(Object.keys(networks)).toEqual(["cx-a", "cx-b"]);
  expect(networks["cx-b"]).toEqual({
    IPAMConfig: { IPv4Address: "10.82.0.9" },
    Links: null,
    Aliases: ["x"],
    MacAddress: "02:42:0a:52:00:09",
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: expect.stringMatching(/^[0-9a-f]{64}$/),
    EndpointID: expect.stringMatching(/^[0-9a-f]{64}$/),
    Gateway: "10.82.0.1",
    IPAddress: "10.82.0.9",
    IPPrefixLen: 24,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: ["two", "x", id.slice(0, 12)],
  });
  const members = (await call("GET", "/networks/cx-b")).body.Containers;
  expect(members[id]).toMatchObject({ Name: "two", IPv4Address: "10.82.0.9/24" });
});

test("the priority decides which network is the way out", async () => {
  await network("cx-a");
  await network("cx-b", "10.82.0.0/24");
  await run("prior", on("cx-a", { "cx-a": {}, "cx-b": { GwPriority: 5 } }));
  expect(await route("prior")).toContain("via 10.82.0.1 dev eth1");
});

test("networks come and go while a container runs, and the way out moves along", async () => {
  await network("cx-a", "10.81.0.0/24");
  await network("cx-b", "10.82.0.0/24");
  const id = await run("live", on("cx-a"));
  const since = Date.now() / 1000;
  const asked = { GwPriority: 1, IPAMConfig: { IPv4Address: "10.82.0.7" } };
  expect(await connect("cx-b", "live", { EndpointConfig: asked })).toMatchObject({ status: 200 });
  expect(await inside("live", "ip", "-o", "-4", "addr", "show", "eth1")).toContain("10.82.0.7/24");
  expect(await route("live")).toContain("via 10.82.0.1 dev eth1");
  expect(await inside("live", "ping", "-c1", "-W5", "10.82.0.1")).toContain(" 0% packet loss");

  expect(await disconnect("cx-b", "live")).toMatchObject({ status: 200 });
  expect(await route("live")).toBe("default via 10.81.0.1 dev eth0 ");
  expect(await inside("live", "ip", "-o", "link")).not.toContain("eth1");
  expect(Object.keys((await settings("live")).Networks)).toEqual(["cx-a"]);

  expect(await disconnect("cx-a", "live")).toMatchObject({ status: 200 });
  expect(await inside("live", "ip", "route")).toBe("");
  await connect("cx-b", "live");
  expect(await inside("live", "ip", "-o", "-4", "addr", "show", "eth0")).toContain("10.82.0.");
  expect(await wires()).toHaveLength(1);

  const events = await stage().daemon.past(since, { type: ["network"] });
  expect(events.map(({ Action, Actor }) => [Action, Actor.Attributes.name])).toEqual([
    ["connect", "cx-b"],
    ["disconnect", "cx-b"],
    ["disconnect", "cx-a"],
    ["connect", "cx-b"],
  ]);
  expect(events[0]?.Actor.Attributes).toEqual({ container: id, name: "cx-b", type: "bridge" });
});

test("what does not run is connected at its next start", async () => {
  await network("cx-a", "10.81.0.0/24");
  await network("cx-b");
  await create("later", on("cx-a"));
  const asked = { Aliases: ["x"], MacAddress: "02:00:00:00:00:07" };
  expect(await connect("cx-b", "later", { EndpointConfig: asked })).toMatchObject({ status: 200 });
  expect((await settings("later")).Networks["cx-b"]).toMatchObject({
    ...{ Aliases: ["x"], MacAddress: "02:00:00:00:00:07", NetworkID: "", IPAddress: "" },
  });
  // As Docker: no refusal, and no change.
  expect(await connect("cx-b", "later")).toMatchObject({ status: 200 });
  expect(await disconnect("cx-a", "later")).toMatchObject({ status: 200 });
  await call("POST", "/containers/later/start");
  expect(await inside("later", "cat", "/sys/class/net/eth0/address")).toBe("02:00:00:00:00:07");
  await call("POST", "/containers/later/stop?t=0");
  const stopped = (await settings("later")).Networks["cx-b"];
  expect(stopped).toMatchObject({ IPAddress: "", EndpointID: "", MacAddress: "", Aliases: ["x"] });
});

test("an interface has the name and the settings of the kernel that were asked for", async () => {
  await network("cx-a");
  const DriverOpts = {
    "com.docker.network.endpoint.ifname": "lan7",
    "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1",
  };
  await run("named", on("cx-a", { "cx-a": { DriverOpts } }));
  expect(await inside("named", "cat", "/proc/sys/net/ipv4/conf/lan7/log_martians")).toBe("1");
  await connect("bridge", "named");
  expect(await inside("named", "ip", "-o", "link")).toContain("eth0");
});

test("published ports follow the way out, and keep their numbers", async () => {
  await network("cx-a", "10.81.0.0/24");
  await network("cx-b", "10.82.0.0/24");
  const serve = "while :; do echo hello | nc -l -p 80; done";
  await run("web", {
    Cmd: ["sh", "-c", serve],
    HostConfig: { NetworkMode: "cx-a", PortBindings: { "80/tcp": [{ HostPort: "" }] } },
  });
  const before = (await settings("web")).Ports["80/tcp"];
  const get = async (): Promise<string> => {
    const { HostPort } = before[0];
    const script = `for i in $(seq 50); do nc -w 2 127.0.0.1 ${HostPort} </dev/null && break; sleep 0.1; done`;
    return (await stage().world.run(["busybox", "sh", "-c", script])).stdout;
  };
  expect(await get()).toBe("hello\n");
  await connect("cx-b", "web", { EndpointConfig: { GwPriority: 1 } });
  expect((await settings("web")).Ports["80/tcp"]).toEqual(before);
  expect(await get()).toBe("hello\n");
  await disconnect("cx-b", "web");
  expect(await get()).toBe("hello\n");
});

test("what cannot be is refused in Docker's words, and nothing is left of it", async () => {
  await network("cx-a", "10.81.0.0/24");
  await network("cx-none");
  const id = await run(
    "full",
    on("cx-a", { "cx-a": { IPAMConfig: { IPv4Address: "10.81.0.5" } } }),
  );
  await create("idle", on("cx-a"));
  await run("hosted", on("host"));
  await run("guest", on("container:full"));
  await run("lonely", on("none"));
  const refusals: [Promise<{ status: number; body: unknown }>, number, string][] = [
    [connect("nope", "full"), 404, "network nope not found"],
    [connect("cx-a", "nope"), 404, "No such container: nope"],
    [connect("cx-a", "full"), 403, "endpoint with name full already exists in network cx-a"],
    [
      connect("cx-a", "hosted"),
      400,
      "container sharing network namespace with another container or host cannot be connected to any other network",
    ],
    [
      connect("cx-none", "guest"),
      400,
      "container sharing network namespace with another container or host cannot be connected to any other network",
    ],
    [
      connect("cx-a", "lonely"),
      400,
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    ],
    [
      connect("host", "full"),
      400,
      "cannot connect container to host network - container must be created in host network mode",
    ],
    [
      disconnect("host", "hosted"),
      400,
      "cannot disconnect container from host network - container was created in host network mode",
    ],
    [disconnect("cx-none", "full"), 500, `container ${id} is not connected to network cx-none`],
    [disconnect("nope", "full"), 404, "network nope not found"],
    [disconnect("cx-a", "nope"), 404, "No such container: nope"],
    [disconnect("cx-a", "nope", { Force: true }), 404, "endpoint nope not found"],
    [
      connect("cx-none", "full", { EndpointConfig: { IPAMConfig: { IPv4Address: "10.81.0.9" } } }),
      400,
      "invalid endpoint settings:\nuser specified IP address is supported only when connecting to networks with user configured subnets",
    ],
  ];
  for (const [answer, status, message] of refusals)
    expect(await answer).toEqual({ status, body: { message } });
  const taken = { EndpointConfig: { IPAMConfig: { IPv4Address: "10.81.0.5" } } };
  await run("other", on("cx-none"));
  const twice = await connect("cx-a", "other", taken);
  expect(twice.body.message).toContain("Address already in use");
  expect(Object.keys((await settings("other")).Networks)).toEqual(["cx-none"]);
  expect(await inside("other", "ip", "-o", "link")).not.toContain("eth1");
});

test("a network that containers are in stays, and one that is gone ends a start", async () => {
  await network("cx-a");
  await run("user", on("cx-a"));
  const refused = await call("DELETE", "/networks/cx-a");
  expect(refused.status).toBe(403);
  expect(refused.body.message).toContain("network cx-a has active endpoints");
  await call("POST", "/containers/user/stop?t=0");
  expect(await call("DELETE", "/networks/cx-a")).toMatchObject({ status: 204 });
  const started = await call("POST", "/containers/user/start");
  expect(started.status).toBe(404);
  expect(started.body.message).toBe(
    "failed to set up container networking: network cx-a not found",
  );
  expect(await disconnect("cx-a", "user", { Force: true })).toMatchObject({ status: 200 });
  expect(await call("POST", "/containers/user/start")).toMatchObject({ status: 204 });
});

test("a paused container comes into networks too, and its counters are told by interface", async () => {
  await network("cx-a");
  const id = await run("still", on("cx-a"));
  await call("POST", "/containers/still/pause");
  expect(await connect("bridge", "still")).toMatchObject({ status: 200 });
  await call("POST", "/containers/still/unpause");
  const stats = await call("GET", `/containers/${id}/stats?stream=false&one-shot=true`);
  expect(Object.keys(stats.body.networks)).toEqual(["eth0", "eth1"]);
});

test("a network can be called what every object has", async () => {
  await network("constructor");
  await network("toString");
  await run("odd", on("constructor"));
  expect(await connect("toString", "odd")).toMatchObject({ status: 200 });
  expect(await disconnect("constructor", "odd")).toMatchObject({ status: 200 });
  expect(await disconnect("constructor", "odd")).toMatchObject({ status: 500 });
  expect(Object.keys((await settings("odd")).Networks)).toEqual(["toString"]);
  await create("idle", on("bridge"));
  expect(await disconnect("toString", "idle")).toMatchObject({ status: 500 });
  expect(await connect("toString", "idle")).toMatchObject({ status: 200 });
  expect(Object.keys((await settings("idle")).Networks)).toEqual(["bridge", "toString"]);
});

test("a network is named by its name, its id or the start of it", async () => {
  const id = await network("cx-a");
  for (const [index, mode] of ["cx-a", id, id.slice(0, 12)].entries()) {
    await create(`by-${index}`, on(mode));
    const { HostConfig, NetworkSettings } = (await call("GET", `/containers/by-${index}/json`))
      .body;
    expect(HostConfig.NetworkMode).toBe("cx-a");
    expect(Object.keys(NetworkSettings.Networks)).toEqual(["cx-a"]);
  }
  const filters = encodeURIComponent(JSON.stringify({ network: [id.slice(0, 9)] }));
  const listed = (await call("GET", `/containers/json?all=1&filters=${filters}`)).body;
  expect(listed).toHaveLength(3);
});

test("a container that shares another one's network is in what that one joins", async () => {
  await network("cx-a", "10.81.0.0/24");
  await run("donor");
  await run("guest", on("container:donor"));
  await connect("cx-a", "donor");
  await until("the guest to see it", async () =>
    (await inside("guest", "ip", "-o", "-4", "addr")).includes("10.81.0."),
  );
  expect((await settings("guest")).Networks).toEqual({});
});

test("names and /etc/hosts follow what a container joins and leaves", async () => {
  await network("cx-a", "10.81.0.0/24");
  await network("cx-b", "10.82.0.0/24");
  await run("peer", on("cx-b", { "cx-b": { Aliases: ["db"] } }));
  await run("mover", on("cx-a"));
  const resolves = async (name: string): Promise<boolean> => {
    const { world } = stage();
    return (await world.rt(["exec", "mover", "nslookup", name])).stdout.includes("10.82.0.2");
  };
  expect(await resolves("db")).toBe(false);
  await connect("cx-b", "mover");
  expect(await resolves("db")).toBe(true);
  expect(await inside("mover", "cat", "/etc/hosts")).toContain("10.82.0.3");
  expect(await inside("peer", "nslookup", "mover")).toContain("10.82.0.3");
  await call("POST", "/containers/mover/rename?name=renamed");
  expect(await inside("peer", "nslookup", "renamed")).toContain("10.82.0.3");
  await disconnect("cx-b", "renamed");
  expect(await inside("renamed", "cat", "/etc/hosts")).not.toContain("10.82.0.3");
});

test("a restart brings all networks back, static addresses the same", async () => {
  await network("cx-a", "10.81.0.0/24");
  await network("cx-b", "10.82.0.0/24");
  await run("again", on("cx-a"));
  await connect("cx-b", "again", { EndpointConfig: { IPAMConfig: { IPv4Address: "10.82.0.77" } } });
  expect(await call("POST", "/containers/again/restart?t=0")).toMatchObject({ status: 204 });
  const { Networks: networks } = await settings("again");
  expect(Object.keys(networks)).toEqual(["cx-a", "cx-b"]);
  expect(networks["cx-b"].IPAddress).toBe("10.82.0.77");
  expect(await inside("again", "ip", "-o", "-4", "addr")).toMatch(
    /eth0 .*10\.81\..*eth1 .*10\.82\./s,
  );
});

test("both families are given, shown and led out by", async () => {
  const IPAM = { Config: [{ Subnet: "10.81.0.0/24" }, { Subnet: "fd00:81::/64" }] };
  await network("cx-a", undefined, { EnableIPv6: true, IPAM });
  await network("cx-b", "10.82.0.0/24");
  await run("six", on("cx-b"));
  const asked = { EndpointConfig: { IPAMConfig: { IPv6Address: "fd00:81::42" } } };
  expect(await connect("cx-a", "six", asked)).toMatchObject({ status: 200 });
  expect((await settings("six")).Networks["cx-a"]).toMatchObject({
    ...{ GlobalIPv6Address: "fd00:81::42", GlobalIPv6PrefixLen: 64, IPv6Gateway: "fd00:81::1" },
  });
  expect(await inside("six", "ip", "-6", "route")).toContain("default via fd00:81::1 dev eth1");
  // Who leads out by both families leads out by IPv4 too.
  expect(await route("six")).toContain("via 10.81.0.1 dev eth1");
  expect(await inside("six", "cat", "/proc/sys/net/ipv6/conf/eth0/disable_ipv6")).toBe("1");
});
