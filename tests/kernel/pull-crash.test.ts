/**
 * The daemon is killed in the midst of a pull, again and again, until the pull has come to its end: 8 rounds,
 * 50 with RT_FULL=1. What has arrived is not fetched again, and nothing half done is left.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { buildLarge } from "../support/large-image.ts";
import { until } from "../support/until.ts";
import { sizeOf, WireRegistry } from "../support/wire-registry.ts";
import { World } from "../support/world.ts";

const full = process.env.RT_FULL === "1";
const rounds = full ? 50 : 8;
const MiB = 1024 * 1024;
const piece = 16 * 1024;
const window = 2 * piece;
setDefaultTimeout(full ? 600_000 : 120_000);

let world: World;
let registry: WireRegistry;

beforeAll(async () => {
  world = await World.create();
  registry = await WireRegistry.start(world);
});
afterAll(async () => {
  registry?.[Symbol.dispose]();
  await world?.end();
});

test(`a pull whose daemon is killed ${rounds} times fetches each byte once`, async () => {
  const unit = full ? 4 * MiB : MiB;
  const image = await buildLarge([9 * unit, 7 * unit, 5 * unit, 3 * unit], { compression: "gzip" });
  const total = sizeOf(image);
  const name = registry.serve("x/crash:latest", image);
  let daemon = await world.daemon();
  // A line with a small window: what is on its way is lost with the process, and buffers of loopback are large.
  registry.script = async (request, blob, wire) => {
    const partial = `${daemon.dataRoot}/content/ingest/${request.digest}.partial`;
    const bytes = wire.begin(request, blob);
    for (let at = 0; at < bytes.length && !wire.gone; at += piece) {
      const due = (request.from ?? 0) + at - window;
      while (!wire.gone && due > 0 && Bun.file(partial).size < due) await Bun.sleep(1);
      await wire.send(bytes.subarray(at, at + piece));
    }
  };
  let interrupted = 0;
  for (let round = 0; round < rounds; round++) {
    const moment = (total * (round + Math.random())) / rounds;
    const client = world.spawnRt(["pull", name], { timeoutMs: 60_000 });
    await until("the moment to kill", () => client.ended || registry.sent >= moment, 60_000);
    const killed = daemon.kill();
    // What is sent to a process while the kernel takes it apart is nobody's.
    registry.cut();
    await killed;
    const { code } = await client.finished();
    if (code !== 0) interrupted += 1;
    daemon = await world.daemon();
  }
  expect(interrupted).toBeGreaterThan(rounds / 2);
  await world.rtOutput(["pull", name], { timeoutMs: 60_000 });
  expect(registry.sent).toBeLessThanOrEqual(total * 1.1);

  expect((await world.rt(["run", "--rm", name])).stdout).toStartWith("Hello from rt!");
  const content = `${daemon.dataRoot}/content`;
  expect(await readdir(`${content}/ingest`)).toEqual([]);
  const kept = [...image.blobs.keys(), image.digest].map((digest) =>
    digest.slice("sha256:".length),
  );
  const sorted = (names: string[]) => names.toSorted((a, b) => a.localeCompare(b, "en"));
  expect(sorted(await readdir(`${content}/blobs/sha256`))).toEqual(sorted(kept));
  const layers = await readdir(`${daemon.dataRoot}/layers`);
  expect(layers.filter((each) => !/^[0-9a-f]{64}$|^empty$|^filler$/.test(each))).toEqual([]);
  expect(layers.filter((each) => each.length === 64)).toHaveLength(5);
});
