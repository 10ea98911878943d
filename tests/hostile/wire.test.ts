/** Containers that own their wire (NET_ADMIN and NET_RAW) and lie on it. */
import { beforeAll, expect, test } from "bun:test";
import { arpClaim, routerAdvertisement, udpFrame } from "../support/frames.ts";
import { interfaceNumber, worldAddresses, worldInterface } from "../support/hosts.ts";
import { type Member, useMembers } from "../support/members.ts";
import { until } from "../support/until.ts";

const members = useMembers();
let liar: Member;
let victim: Member;
let stranger: Member;
let face: number;

const gateway = "10.40.0.1";

/** Runs a program of the host's with all rights in a member's network, as one with NET_ADMIN could. */
async function inside(member: Member, ...command: string[]): Promise<string> {
  const there = ["nsenter", "--target", `${member.pid}`, "--net", ...command];
  const { code, stdout, stderr } = await members().world.run(there);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

async function macOf(name: string, member?: Member): Promise<string> {
  const command = ["ip", "-json", "link", "show", "dev", name];
  const text =
    member === undefined
      ? (await members().world.run(command)).stdout
      : await inside(member, ...command);
  return (JSON.parse(text) as { address: string }[])[0]?.address ?? "";
}

beforeAll(async () => {
  const options = { "com.docker.network.bridge.name": "lied" };
  const subnets = ["10.40.0.0/24", "fd00:40::/64"];
  await members().network("lied", { subnets, ipv6: true, options });
  await members().network("apart", { subnets: ["10.41.0.0/24"] });
  const host = { CapAdd: ["NET_ADMIN", "NET_RAW"] };
  liar = await members().member("liar", { network: "lied", host });
  victim = await members().member("victim", {
    network: "lied",
    ports: ["127.0.0.1:8080:80/tcp", "127.0.0.1:8080:80/udp", "8081:80/tcp"],
  });
  stranger = await members().member("stranger", { network: "apart" });
  await victim.envoy.serve("victim", { port: 80 });
  await victim.envoy.serve("victim", { port: 80, protocol: "udp" });
  await stranger.envoy.serve("stranger", { port: 80 });
  face = await interfaceNumber(members().world, "eth0", liar.pid);
});

test("what the host serves on its loopback stays there, for a container that routes 127.0.0.1 to it", async () => {
  const { hosts } = members();
  const port = await hosts.world.serve("own", { address: "127.0.0.1" });
  await hosts.world.serve("own", { address: "127.0.0.1", port: 8888, protocol: "udp" });
  // As one with NET_ADMIN does, who wants to be on the host's loopback.
  await inside(liar, "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1");
  await inside(liar, "ip", "address", "del", "127.0.0.1/8", "dev", "lo");
  await inside(liar, "ip", "route", "add", "127.0.0.1/32", "via", gateway, "src", liar.ipv4);
  const call = { address: "127.0.0.1", from: liar.ipv4, timeout: 500 };
  for (const place of [
    { port },
    { port: 8888, protocol: "udp" as const },
    { port: 8080 },
    { port: 8080, protocol: "udp" as const },
  ]) {
    const called = await liar.envoy.call({ ...call, ...place }).catch((e: Error) => e.message);
    expect(called).toBeString();
  }
  await inside(liar, "ip", "address", "add", "127.0.0.1/8", "dev", "lo");
});

test("so does it for a machine next to the host", async () => {
  const { hosts, world } = members();
  const { near } = hosts;
  const there = ["nsenter", "--target", `${near.pid}`, "--net"];
  const port = await hosts.world.serve("own", { address: "127.0.0.1" });
  for (const command of [
    ["sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"],
    ["ip", "address", "del", "127.0.0.1/8", "dev", "lo"],
    ["ip", "route", "add", "127.0.0.1/32", "via", worldAddresses.ipv4, "src", near.ipv4],
  ]) {
    expect((await world.run([...there, ...command])).stderr).toBe("");
  }
  for (const place of [{ port }, { port: 8080 }, { port: 8080, protocol: "udp" as const }]) {
    const call = { address: "127.0.0.1", from: near.ipv4, timeout: 500, ...place };
    const called = await near.envoy.call(call).catch((e: Error) => e.message);
    expect(called).toBeString();
  }
});

test("a frame made by hand reaches neither another network nor a loopback of the host", async () => {
  const { world } = members();
  const fromMac = await macOf("eth0", liar);
  const toMac = await macOf("lied");
  const there = await interfaceNumber(world, "eth0", stranger.pid);
  const here = await interfaceNumber(world, "eth0", victim.pid);
  const [text, hex] = ["lie-7f3a", Buffer.from("lie-7f3a").toString("hex")];
  const heardThere = stranger.envoy.listen(there, 1500, hex);
  const heardHere = victim.envoy.listen(here, 1500, hex);
  await Bun.sleep(100);
  const to = (address: string, port: number, from = liar.ipv4) =>
    udpFrame({ fromMac, toMac, from, to: address }, port, text);
  await liar.envoy.send(
    [
      to(stranger.ipv4, 80),
      // As if it came from the other network itself, from its gateway, from the host, from a neighbour.
      to(stranger.ipv4, 80, "10.41.0.77"),
      to(stranger.ipv4, 80, "10.41.0.1"),
      to(stranger.ipv4, 80, worldAddresses.ipv4),
      to(stranger.ipv4, 80, victim.ipv4),
      to("127.0.0.1", 8080),
      to("127.0.0.1", 8080, "127.0.0.1"),
      to(worldAddresses.ipv4, 8080),
      to("10.41.0.255", 80),
    ],
    face,
  );
  expect(await heardThere).toEqual([]);
  expect(await heardHere).toEqual([]);
});

test("a packet of the host's own address leaves the host by no wire", async () => {
  const { world, hosts } = members();
  const outward = await interfaceNumber(world, worldInterface);
  const [text, hex] = ["lie-9b1c", Buffer.from("lie-9b1c").toString("hex")];
  const [fromMac, toMac] = [await macOf("eth0", liar), await macOf("lied")];
  const heard = hosts.world.listen(outward, 1500, hex);
  await Bun.sleep(100);
  const from = ["10.40.0.1", "10.41.0.1", worldAddresses.ipv4, "127.0.0.1"];
  const ends = from.map((each) => ({ fromMac, toMac, from: each, to: hosts.far.ipv4 }));
  await liar.envoy.send(
    ends.map((each) => udpFrame(each, 9, text)),
    face,
  );
  expect((await heard).map((frame) => frame.slice(52, 60))).toEqual([]);
});

test("router advertisements of a container change no route, of the host or of a neighbour", async () => {
  const { world } = members();
  const look = async () => [
    (await world.run(["ip", "-6", "route"])).stdout,
    (await world.run(["ip", "-6", "-brief", "address"])).stdout,
    await inside(victim, "ip", "-6", "route"),
    await inside(victim, "ip", "-6", "-brief", "address"),
  ];
  const before = await look();
  const mac = await macOf("eth0", liar);
  const local = /(fe80::[0-9a-f:]+)/.exec(await inside(liar, "ip", "-6", "address", "show"))?.[1];
  const frame = routerAdvertisement(mac, local ?? "fe80::1", "2001:db8:bad::");
  await liar.envoy.send([frame, frame, frame], face);
  await Bun.sleep(300);
  expect(await look()).toEqual(before);
});

test("a network without IPv6 hears no router advertisement either", async () => {
  const { world } = members();
  const wish = { network: "apart", host: { CapAdd: ["NET_ADMIN"] } };
  const plain = await members().member("plain", wish);
  const number = await interfaceNumber(world, "eth0", plain.pid);
  const mac = await macOf("eth0", plain);
  const before = (await world.run(["ip", "-6", "-brief", "address"])).stdout;
  await plain.envoy.send([routerAdvertisement(mac, "fe80::1", "2001:db8:bad::")], number);
  await Bun.sleep(300);
  expect((await world.run(["ip", "-6", "-brief", "address"])).stdout).toBe(before);
  expect(await inside(stranger, "ip", "-6", "address", "show", "dev", "eth0")).toBe("");
});

test("a container that claims the gateway's address does not get the host's own packets", async () => {
  const { hosts } = members();
  const mac = await macOf("eth0", liar);
  await liar.envoy.send([arpClaim(mac, gateway), arpClaim(mac, worldAddresses.ipv4)], face);
  expect(await hosts.world.call({ address: victim.ipv4, port: 80 })).toEqual(
    expect.objectContaining({ server: "victim" }),
  );
  const { far } = hosts;
  expect(await far.envoy.call({ address: worldAddresses.ipv4, port: 8081 })).toEqual(
    expect.objectContaining({ server: "victim", seen: far.ipv4 }),
  );
});

test("an address that a removed container had carries nothing of its published ports on", async () => {
  const { far } = members().hosts;
  const gone = await members().member("gone", { network: "lied", ports: ["8090:80"] });
  await members().remove(gone.id);
  await inside(liar, "ip", "address", "add", `${gone.ipv4}/24`, "dev", "eth0");
  await liar.envoy.serve("liar", { address: gone.ipv4, port: 80 });
  await until("the port to be closed", async () => {
    const call = { address: worldAddresses.ipv4, port: 8090, timeout: 400 };
    const called = await far.envoy.call(call).catch((error: Error) => error.message);
    return called === "ECONNREFUSED";
  });
});

test("a flood of questions and of nonsense leaves the resolver answering", async () => {
  const ask = async (member: Member) => {
    const { replies, times } = await member.envoy.lookup({ names: ["victim"], count: 200 });
    expect(replies.every(({ answers }) => answers[0] === victim.ipv4)).toBe(true);
    return times.sort((a, b) => a - b)[190] ?? 0;
  };
  await ask(victim);
  const floods = Array.from({ length: 8 }, async (_, at) => {
    // Odd ones have to be asked for elsewhere, where nobody answers.
    const odd = at % 2 === 1;
    const names = odd ? ["..", "x".repeat(63), `${"a.".repeat(120)}b`] : ["victim", "liar"];
    const flood = { names, count: odd ? 6 : 2000, tcp: at > 5, timeout: 1000 };
    await liar.envoy.lookup(flood).catch(() => undefined);
  });
  const during = await ask(victim);
  await Promise.all(floods);
  await ask(liar);
  expect(during).toBeLessThan(50_000);
}, 120_000);
