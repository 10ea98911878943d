import { expect, test } from "bun:test";
import type { NetworkInspect } from "../../src/api/networks.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function ip(...args: string[]): Promise<string> {
  return (
    await stage()
      .world.spawn(["ip", ...args])
      .finished()
  ).stdout;
}

async function create(body: Record<string, unknown>): Promise<NetworkInspect> {
  const reply = await stage().daemon.post("/networks/create", body);
  if (!reply.ok) throw new Error(await reply.text());
  const { Id } = (await reply.json()) as { Id: string };
  return await stage().daemon.json(`/networks/${Id}`);
}

async function remove(name: string): Promise<void> {
  const reply = await stage().daemon.request(`/networks/${name}`, { method: "DELETE" });
  expect(reply.status).toBe(204);
}

/** What a container on the network says. */
async function say(network: string, script: string): Promise<string> {
  const ran = await stage().sh(script, ["--network", network]);
  if (ran.code !== 0) throw new Error(ran.stderr);
  return ran.stdout;
}

test("a bridge of both families has its addresses, and so have its containers", async () => {
  const Config = [{ Subnet: "10.30.0.0/24" }, { Subnet: "fd30::/64", Gateway: "fd30::9" }];
  const { Id } = await create({ Name: "both", EnableIPv6: true, IPAM: { Config } });
  const shown = await ip("-o", "addr", "show", "dev", `br-${Id.slice(0, 12)}`);
  expect(shown).toContain("inet 10.30.0.1/24");
  expect(shown).toContain("inet6 fd30::9/64");
  const said = await say("both", "ip addr show dev eth0; ip route; ip -6 route");
  expect(said).toContain("inet 10.30.0.2/24");
  expect(said).toContain("inet6 fd30::1/64");
  expect(said).toContain("default via 10.30.0.1");
  expect(said).toContain("default via fd30::9");
  await remove("both");
});

test("of IPv6 alone there is no IPv4 address", async () => {
  await create({ Name: "six", EnableIPv4: false, EnableIPv6: true });
  const said = await say("six", "ip addr show dev eth0");
  expect(said).toMatch(/inet6 fd[0-9a-f:]+\/64/);
  expect(said).not.toContain("inet ");
  await remove("six");
});

test("options reach the bridge", async () => {
  await create({
    Name: "odd",
    Options: {
      "com.docker.network.bridge.name": "mine0",
      "com.docker.network.driver.mtu": "1400",
      "com.docker.network.bridge.inhibit_ipv4": "true",
      "com.docker.network.container_iface_prefix": "ct",
    },
  });
  const shown = await ip("addr", "show", "dev", "mine0");
  expect(shown).toContain("mtu 1400");
  expect(shown).not.toContain("inet ");
  expect(await say("odd", "cat /sys/class/net/ct0/mtu")).toBe("1400\n");
  await remove("odd");
  expect(await ip("link", "show", "dev", "mine0")).toBe("");
});

test("a bridge that was there stays when its network goes", async () => {
  await ip("link", "add", "found0", "type", "bridge");
  await create({ Name: "found", Options: { "com.docker.network.bridge.name": "found0" } });
  expect(await ip("addr", "show", "dev", "found0")).toContain("inet 172.");
  const rules = async () => (await stage().world.run(["nft", "list", "ruleset"])).stdout;
  expect(await rules()).toContain('"found0"');
  const again = { Name: "second", Options: { "com.docker.network.bridge.name": "found0" } };
  const refused = await stage().daemon.post("/networks/create", again);
  expect([refused.status, await refused.text()]).toEqual([
    403,
    expect.stringContaining("networks have same bridge name"),
  ]);
  await remove("found");
  expect(await ip("link", "show", "dev", "found0")).toContain("found0");
  expect(await rules()).not.toContain('"found0"');
  await ip("link", "del", "found0");
});

/** Runs with a wire of the host's that leads to nobody. */
async function withWire(name: string, work: () => Promise<void>): Promise<void> {
  await ip("link", "add", name, "type", "veth", "peer", "name", `${name}p`);
  for (const end of [name, `${name}p`]) await ip("link", "set", end, "up");
  await work();
  expect(await ip("link", "show", "dev", name)).toContain(name);
  await ip("link", "del", name);
}

/** Creates a network that needs a module of the kernel; undefined where that is missing, of which we are told. */
async function createWith(
  modules: string[],
  body: { Name: string } & Record<string, unknown>,
): Promise<NetworkInspect | undefined> {
  const reply = await stage().daemon.post("/networks/create", body);
  if (reply.ok) return await stage().daemon.json(`/networks/${body.Name}`);
  const words = await reply.text();
  expect(modules.some((module) => words.includes(`module \\"${module}\\" is missing`))).toBe(true);
  expect((await stage().daemon.request(`/networks/${body.Name}`)).status).toBe(404);
  return undefined;
}

test("macvlans hang on a wire of the host's, which leads out", async () => {
  await withWire("wire0", async () => {
    const IPAM = { Config: [{ Subnet: "10.31.0.0/24", Gateway: "10.31.0.254" }] };
    await create({ Name: "wired", Driver: "macvlan", IPAM, Options: { parent: "wire0" } });
    const said = await say("wired", "ip addr show dev eth0; ip route");
    expect(said).toContain("inet 10.31.0.1/24");
    expect(said).toContain("default via 10.31.0.254 dev eth0");
    await remove("wired");
  });
});

test("a VLAN comes and goes with the network that names it", async () => {
  await withWire("wire1", async () => {
    const body = { Name: "vlan", Driver: "macvlan", Options: { parent: "wire1.7" } };
    if ((await createWith(["8021q"], body)) === undefined) return;
    expect(await ip("-d", "link", "show", "dev", "wire1.7")).toContain("vlan protocol 802.1Q id 7");
    await remove("vlan");
    expect(await ip("link", "show", "dev", "wire1.7")).toBe("");
  });
});

test("an ipvlan of the third layer needs no router", async () => {
  await withWire("wire2", async () => {
    const Options = { parent: "wire2", ipvlan_mode: "l3" };
    await create({ Name: "layer3", Driver: "ipvlan", Options });
    const ran = await stage().sh("ip route", ["--network", "layer3"]);
    if (ran.code === 0) expect(ran.stdout).toMatch(/^default dev eth0/m);
    else expect(ran.stderr).toContain('module "ipvlan" is missing');
    await remove("layer3");
  });
});

test("a macvlan network without a wire has one of its own, for as long as it lives", async () => {
  const network = await createWith(["dummy"], { Name: "nowhere", Driver: "macvlan" });
  if (network === undefined) return;
  const link = `dm-${network.Id.slice(0, 12)}`;
  expect(await ip("link", "show", "dev", link)).toContain(link);
  expect(await say("nowhere", "ip route")).not.toContain("default");
  await remove("nowhere");
  expect(await ip("link", "show", "dev", link)).toBe("");
});

test.each([
  [{ Driver: "macvlan", Options: { parent: "absent0" } }, "absent0"],
  [{ Driver: "ipvlan", Options: { parent: "lo" } }, "loopback interface is not a valid ipvlan"],
  [{ Options: { "com.docker.network.bridge.name": "lo" } }, "is no bridge"],
])("%j is refused and leaves nothing", async (request, words) => {
  const before = await ip("-o", "link");
  const reply = await stage().daemon.post("/networks/create", { Name: "not", ...request });
  expect(reply.status).toBeWithin(400, 500);
  expect(await reply.text()).toContain(words);
  expect(await ip("-o", "link")).toBe(before);
  expect((await stage().daemon.request("/networks/not")).status).toBe(404);
});

test("the daemon's end takes bridges along, and the next brings them back", async () => {
  const { world, registry, daemon } = stage();
  const Options = { "com.docker.network.bridge.name": "again0" };
  await create({ Name: "again", EnableIPv6: true, Options });
  const before = await ip("-o", "addr", "show", "dev", "again0", "scope", "global");
  expect(before).toContain("inet6 fd");
  await daemon.stop();
  expect(await ip("link", "show", "dev", "again0")).toBe("");
  const next = await world.daemon({ mirrors: [registry.url] });
  expect((await stage().sh("true", ["--network", "again"])).code).toBe(0);
  expect(await ip("addr", "show", "dev", "again0")).toContain("inet6 fd");
  expect((await next.request("/networks/again", { method: "DELETE" })).status).toBe(204);
});
