/** Networks made ahead of starts: who uses them, how many there are, and that nothing of them stays. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Daemon } from "../support/daemon.ts";
import { buildBusybox } from "../support/images.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);
let world: World;
let mirrors: string[];

beforeAll(async () => {
  world = await World.create();
  const registry = await world.registry();
  await registry.push("library/busybox:latest", await buildBusybox());
  mirrors = [registry.url];
  const daemon = await world.daemon({ mirrors });
  await world.rtOutput(["pull", "-q", "busybox"]);
  await daemon.stop();
});

afterAll(async () => {
  await world.end();
});

interface Link {
  ifname: string;
  altnames?: string[];
  master?: string;
}

/** Ends of prepared pairs on the host, those in use among them. */
async function prepared(): Promise<Link[]> {
  const { stdout } = await world.run(["ip", "-json", "link"]);
  return (JSON.parse(stdout) as Link[]).filter(({ ifname }) => ifname.startsWith("vethrt"));
}

async function waiting(): Promise<Link[]> {
  return (await prepared()).filter(({ master }) => master === undefined);
}

async function start(...flags: string[]): Promise<string> {
  return await world.rtOutput(["run", "-d", ...flags, "busybox", "sleep", "1000"]);
}

/** A daemon for one test; after it nothing of the engine's is on the host. */
async function withDaemon(flags: string[], work: (daemon: Daemon) => Promise<void>): Promise<void> {
  const daemon = await world.daemon({ mirrors, flags });
  try {
    await work(daemon);
  } finally {
    if (daemon.alive) {
      await daemon.removeContainers();
      await daemon.stop();
    }
  }
  await until("everything to be gone", async () => (await world.namespace.links()).length === 1);
}

async function remove(...ids: string[]): Promise<void> {
  await world.rtOutput(["rm", "-f", ...ids]);
}

async function expectGateway(id: string): Promise<void> {
  const ping = ["exec", id, "ping", "-c", "1", "-W", "5", "172.17.0.1"];
  expect(await world.rtOutput(ping)).toContain("1 packets received");
}

async function untilWaiting(count: number): Promise<Link[]> {
  return await until(`${count} pairs to wait`, async () => {
    const links = await waiting();
    return links.length === count && links;
  });
}

test("no pair is there before the first container on a bridge; from then on one waits for the next", async () => {
  await withDaemon([], async () => {
    const bare = [await start("--network", "none"), await start("--network", "host")];
    expect(await world.namespace.links()).toEqual(["lo"]);
    const first = await start();
    const [pair] = await untilWaiting(1);
    const second = await start();
    const mine = (await prepared()).find(({ ifname }) => ifname === pair?.ifname);
    expect(mine?.master).toMatch(/^rt0/);
    expect(mine?.altnames).toEqual([expect.stringMatching(/^veth[0-9a-f]{11}$/)]);
    const links = await world.rtOutput(["exec", second, "ip", "-o", "link"]);
    expect(links).toMatch(/^1: lo: .*\n\d+: eth0@if\d+: <[^>]*,UP,LOWER_UP/);
    await untilWaiting(1);
    await remove(first, second, ...bare);
    await until("the others to be gone", async () => (await prepared()).length === 1);
    expect(await waiting()).toHaveLength(1);
  });
});

test("a container without a network gets none, however many wait", async () => {
  await withDaemon([], async () => {
    await remove(await start());
    const [pair] = await untilWaiting(1);
    for (let round = 0; round < 3; round += 1) {
      const id = await start("--network", "none");
      expect(await world.rtOutput(["exec", id, "ls", "/sys/class/net"])).toBe("lo");
      await remove(id);
    }
    expect((await waiting()).map(({ ifname }) => ifname)).toEqual([pair?.ifname as string]);
  });
});

test("starts that come together find more, up to the ceiling", async () => {
  await withDaemon(["--network-pool", "2"], async () => {
    for (let round = 0; round < 3; round += 1) {
      await remove(...(await Promise.all(Array.from({ length: 6 }, () => start()))));
    }
    await untilWaiting(2);
  });
});

test("with 0 none is made", async () => {
  await withDaemon(["--network-pool", "0"], async () => {
    const [, id = ""] = [await start(), await start()];
    expect(await prepared()).toEqual([]);
    await expectGateway(id);
  });
});

test("a daemon that is killed leaves no pair, and containers keep theirs", async () => {
  await withDaemon([], async (daemon) => {
    await remove(await start());
    await untilWaiting(1);
    const id = await start();
    await untilWaiting(1);
    await daemon.kill();
    await untilWaiting(0);
    expect(await prepared()).toHaveLength(1);
    await withDaemon([], () => expectGateway(id));
  });
});
