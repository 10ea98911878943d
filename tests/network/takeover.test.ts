/** Open connections while the daemon dies, is gone and comes back: none breaks, none waits. */
import { beforeAll, expect, test } from "bun:test";
import type { Daemon } from "../support/daemon.ts";
import type { Envoy } from "../support/envoy.ts";
import { setBridgeFilter } from "../support/firewalls.ts";
import { worldAddresses } from "../support/hosts.ts";
import { type Member, useMembers } from "../support/members.ts";
import { until } from "../support/until.ts";

const members = useMembers();

/** Who keeps a connection busy, by what it is. */
const callers = new Map<string, Envoy>();
let server: Member;

/** Microseconds that an exchange may take on a machine that does much else. */
const patience = 1_500_000;

beforeAll(async () => {
  const { hosts, world } = members();
  // With it, ::1 is out of the reach of what comes back.
  await setBridgeFilter(world, false);
  await members().network("own", { ipv6: true });
  const ports = ["8080:80", "[::1]:8081:80", "127.0.0.1:8082:80"];
  server = await members().member("server", { network: "own", ports });
  for (const address of ["0.0.0.0", "::"])
    await server.envoy.serve("server", { address, port: 80 });
  const peer = await members().member("peer", { network: "own" });
  const guest = await members().member("guest");
  const outside = await hosts.far.envoy.serve("far", { address: hosts.far.ipv4 });
  const outside6 = await hosts.far.envoy.serve("far", { address: hosts.far.ipv6 });
  const open = async (what: string, from: Envoy, address: string, port: number) => {
    await from.stream({ address, port });
    callers.set(what, from);
  };
  await open("container to container", peer.envoy, server.ipv4, 80);
  await open("container to container, IPv6", peer.envoy, server.ipv6, 80);
  await open("container to a published port", guest.envoy, worldAddresses.ipv4, 8080);
  await open("container to outside", guest.envoy, hosts.far.ipv4, outside);
  await open("container to outside, IPv6", peer.envoy, hosts.far.ipv6, outside6);
  await open("outside to a published port", hosts.far.envoy, worldAddresses.ipv4, 8080);
  await open("host to a port on its loopback", hosts.world, "127.0.0.1", 8082);
  await open("host to a port on its loopback, IPv6", hosts.world, "::1", 8081);
  await open("host to container", hosts.world, server.ipv4, 80);
});

async function fates() {
  const envoys = [...new Set(callers.values())];
  return (await Promise.all(envoys.map((envoy) => envoy.streams()))).flat();
}

/** Every connection goes on, and none has been silent for long since the last question. */
async function expectBusy(): Promise<void> {
  const before = await fates();
  await until("further exchanges", async () => {
    const now = await fates();
    for (const fate of now) expect(fate.error).toBeNull();
    return now.every((fate, at) => fate.exchanges > (before[at]?.exchanges ?? 0) + 3);
  });
  for (const { longest, error } of before) {
    expect(error).toBeNull();
    expect(longest).toBeLessThan(patience);
  }
}

async function comeBack(): Promise<Daemon> {
  const daemon = await members().world.daemon();
  // Taking over goes on behind the listening; a container that starts and ends is served by all of it.
  const { code, stderr } = await members().world.rt(["run", "--rm", "busybox", "true"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return daemon;
}

test("all of them are busy to begin with", async () => {
  await expectBusy();
  expect(await fates()).toHaveLength(callers.size);
});

test("a daemon that is killed and comes back, three times", async () => {
  for (let round = 0; round < 3; round += 1) {
    await members().daemon.kill();
    await expectBusy();
    await comeBack();
    await expectBusy();
  }
});

test("a daemon that ends as it should and comes back", async () => {
  expect(await members().daemon.stop()).toBe(0);
  await expectBusy();
  await comeBack();
  await expectBusy();
});

test("while it is gone, new connections are made as before", async () => {
  const { hosts } = members();
  await members().daemon.kill();
  const { far } = hosts;
  expect(await far.envoy.call({ address: worldAddresses.ipv4, port: 8080 })).toEqual(
    expect.objectContaining({ server: "server", seen: far.ipv4 }),
  );
  expect(await hosts.world.call({ address: "::1", port: 8081 })).toEqual(
    expect.objectContaining({ server: "server" }),
  );
  await comeBack();
});

test("the daemon that took over knows what is taken, and lets go of it", async () => {
  const taken = await members()
    .start("second", { network: "own", ports: ["8080:80"] })
    .catch((error: Error) => error.message);
  expect(taken).toMatch(/port is already allocated|address already in use/);
  await members().remove("second");
  const { ipv4 } = await members().member("third", { network: "own" });
  expect([server.ipv4]).not.toContain(ipv4);
  for (const envoy of new Set(callers.values())) await envoy.hush();
  await members().remove(server.id);
  const next = await members().member("next", { network: "own", ports: ["8080:80"] });
  await next.envoy.serve("next", { port: 80 });
  const { far } = members().hosts;
  expect(await far.envoy.call({ address: worldAddresses.ipv4, port: 8080 })).toEqual(
    expect.objectContaining({ server: "next" }),
  );
});
