/** Interfaces of containers as these see them: both families, and containers that change what they were given. */
import { afterEach, expect, test } from "bun:test";
import { createCall } from "../support/call.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const call = createCall(stage);

afterEach(async () => {
  await stage().world.daemonAlive().removeContainers();
  expect((await call("POST", "/networks/prune")).status).toBe(200);
});

async function network(Name: string, more: Record<string, unknown> = {}): Promise<void> {
  expect(await call("POST", "/networks/create", { Name, ...more })).toMatchObject({ status: 201 });
}

/** A container that sleeps, with the right to change its network. */
async function run(name: string, NetworkMode: string): Promise<void> {
  const HostConfig = { NetworkMode, CapAdd: ["NET_ADMIN"] };
  const body = { Image: "busybox", Cmd: ["sleep", "1000"], HostConfig };
  expect(await call("POST", `/containers/create?name=${name}`, body)).toMatchObject({
    status: 201,
  });
  expect(await call("POST", `/containers/${name}/start`)).toMatchObject({ status: 204 });
}

async function say(name: string, script: string): Promise<string> {
  return await stage().world.rtOutput(["exec", name, "sh", "-c", script]);
}

const join = async (name: string, Container: string) =>
  await call("POST", `/networks/${name}/connect`, { Container });
const leave = async (name: string, Container: string) =>
  await call("POST", `/networks/${name}/disconnect`, { Container });

/** Interfaces of the host that lead into containers. */
async function wires(): Promise<string[]> {
  const { stdout } = await stage().world.run(["ip", "-o", "link", "show", "type", "veth"]);
  return stdout.split("\n").filter((line) => line.includes("master"));
}

test("IPv6 is wholly on or wholly off, one interface beside the other", async () => {
  await network("dual", { EnableIPv6: true });
  await run("both", "bridge");
  expect((await join("dual", "both")).status).toBe(200);
  expect(await say("both", "ip -6 -o addr show dev eth0")).toBe("");
  const addresses = await say("both", "ip -6 -o addr show dev eth1");
  expect(addresses).toMatch(/inet6 fd[0-9a-f:]+\/64 scope global/);
  expect(addresses).not.toContain("tentative");
  const switches = "cat /proc/sys/net/ipv6/conf/eth[01]/disable_ipv6";
  expect(await say("both", switches)).toBe("1\n0");
  expect(await say("both", "ip -6 route show default")).toMatch(/^default via fd.* dev eth1/);
  const gateway = "ip -6 route show default | sed 's/.*via //; s/ .*//'";
  const ping = `ping -6 -c 1 -W 5 $(${gateway})`;
  expect(await say("both", ping)).toContain("1 packets received");
});

test("a name that the container has taken is a conflict, and what it has stays", async () => {
  await network("more");
  await run("maker", "bridge");
  await say("maker", "ip link add eth1 type bridge");
  const before = await wires();
  const refused = await join("more", "maker");
  expect(refused).toMatchObject({ status: 409 });
  expect(refused.body.message).toContain('"eth1" in the container');
  expect(await wires()).toEqual(before);
  await say("maker", "ip link del eth1");
  expect((await join("more", "maker")).status).toBe(200);
});

test("an interface is taken away whatever the container calls it, or has done with it", async () => {
  await network("first");
  await network("second");
  await run("player", "bridge");
  for (const name of ["first", "second"]) expect((await join(name, "player")).status).toBe(200);
  expect(await wires()).toHaveLength(3);
  await say("player", "ip link set eth1 down; ip link set eth1 name mine; ip link del eth2");
  for (const name of ["first", "second"]) expect((await leave(name, "player")).status).toBe(200);
  expect(await say("player", "ls /sys/class/net")).toBe("eth0\nlo");
  expect(await wires()).toHaveLength(1);
  expect(await say("player", "ping -c 1 -W 5 172.17.0.1")).toContain("1 packets received");
});

test("without icc containers reach the host and not each other, in either family", async () => {
  const Options = { "com.docker.network.bridge.enable_icc": "false" };
  const Config = [{ Subnet: "10.90.0.0/24" }, { Subnet: "fd90::/64" }];
  await network("mute", { EnableIPv6: true, Options, IPAM: { Config } });
  await run("one", "mute");
  await run("two", "mute");
  const reaches = async (address: string) =>
    (await say("one", `ping -c 1 -W 1 ${address} || true`)).includes("1 packets received");
  for (const gateway of ["10.90.0.1", "fd90::1"]) expect(await reaches(gateway)).toBe(true);
  const list = await say("two", "ip -o addr show dev eth0");
  for (const address of ["10.90.0.3", "fd90::3"]) {
    expect(list).toContain(address);
    expect(await reaches(address)).toBe(false);
  }
});
