import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHosts, type Hosts, interfaceNumber, worldAddresses } from "./hosts.ts";
import { until } from "./until.ts";
import { World } from "./world.ts";

let world: World;
let hosts: Hosts;

beforeAll(async () => {
  world = await World.create();
  hosts = await createHosts(world);
});
afterAll(async () => {
  await hosts[Symbol.asyncDispose]();
  await world.end();
});

test("hosts reach each other by both families and are seen under their own addresses", async () => {
  for (const protocol of ["tcp", "udp"] as const) {
    for (const family of ["ipv4", "ipv6"] as const) {
      const address = worldAddresses[family];
      const port = await hosts.world.serve("world", { address, protocol });
      for (const from of [hosts.near, hosts.other, hosts.far, hosts.router]) {
        expect(await from.envoy.call({ protocol, address, port })).toEqual(
          expect.objectContaining({ server: "world", seen: from[family] }),
        );
      }
    }
  }
});

test("what nobody serves is refused, and what nobody has is silence", async () => {
  const { near } = hosts;
  const address = worldAddresses.ipv4;
  expect(near.envoy.call({ address, port: 9 })).rejects.toThrow("ECONNREFUSED");
  expect(near.envoy.call({ address, port: 9, protocol: "udp" })).rejects.toThrow("ECONNREFUSED");
  expect(near.envoy.call({ address: "198.51.100.77", port: 9, timeout: 200 })).rejects.toThrow(
    /ETIMEDOUT|ENETUNREACH/,
  );
});

test("a connection that is kept busy tells its longest silence", async () => {
  const port = await hosts.far.envoy.serve("far");
  await hosts.world.stream({ address: hosts.far.ipv4, port });
  await until("some exchanges", async () => {
    const [fate] = await hosts.world.streams();
    expect(fate?.error).toBeNull();
    return (fate?.exchanges ?? 0) > 5;
  });
  await hosts.world.hush();
});

test("frames arrive as they were sent", async () => {
  const [here, there] = await Promise.all([
    interfaceNumber(world, "lan0", hosts.near.pid),
    interfaceNumber(world, "lan0", hosts.other.pid),
  ]);
  const frame = `ffffffffffff02000000000188b5${"5a".repeat(50)}`;
  let isOver = false;
  const heard = hosts.other.envoy.listen(there, 15_000, "88b55a", 1).finally(() => {
    isOver = true;
  });
  // Who listens does not say since when.
  await until("a frame to be heard", async () => {
    await hosts.near.envoy.send([frame], here);
    return isOver;
  });
  expect(await heard).toEqual([frame]);
});
