/**
 * What a large pull costs the daemon: memory, and the time in which it answers others. Five layers of 24 MiB;
 * 1 GB in all with RT_FULL=1.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFile } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { buildLarge } from "../support/large-image.ts";
import type { Finished } from "../support/process.ts";
import { WireRegistry } from "../support/wire-registry.ts";
import { World } from "../support/world.ts";

const full = process.env.RT_FULL === "1";
const MiB = 1024 * 1024;
const layer = (full ? 204 : 24) * MiB;
/** KiB of memory at most, the program's own file included. */
const most = 200 * 1024;
/** Milliseconds of a ping; where other tests share the processors one in a hundred may take longer. */
const slowest = 100;
setDefaultTimeout(full ? 600_000 : 120_000);

let world: World;
let daemon: Daemon;
let registry: WireRegistry;

beforeAll(async () => {
  world = await World.create();
  daemon = await world.daemon();
  registry = await WireRegistry.start(world);
});
afterAll(async () => {
  registry?.[Symbol.dispose]();
  await world?.end();
});

/** Pulls, and asks the daemon for its health all the while. */
async function pullWatched(name: string): Promise<{ ran: Finished; pings: number[] }> {
  const program = `${import.meta.dir}/../support/pinger.ts`;
  const options = { stdin: "open" as const, timeoutMs: 600_000 };
  const pinger = world.spawn([process.execPath, program, daemon.socket], options);
  const ran = await world.rt(["pull", name], { timeoutMs: 600_000 });
  pinger.closeInput();
  const { stdout } = await pinger.finished();
  return { ran, pings: JSON.parse(stdout) as number[] };
}

for (const compression of ["gzip", "zstd"] as const) {
  test(`an image of large ${compression} layers is pulled in little memory, and the daemon answers meanwhile`, async () => {
    const image = await buildLarge([layer, layer, layer, layer, layer], { compression });
    const name = registry.serve(`x/${compression}:latest`, image);
    const { ran, pings } = await pullWatched(name);
    expect(ran.code).toBe(0);
    const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
    expect(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1])).toBeLessThan(most);
    expect(pings.length).toBeGreaterThan(10);
    expect(pings[full ? 0 : Math.ceil(pings.length / 100)]).toBeLessThan(slowest);
    await world.rtOutput(["rmi", name]);
  });
}
