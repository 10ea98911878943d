/** A daemon that fetches large layers over several connections at once. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { buildLarge } from "../support/large-image.ts";
import { expectRefusal } from "../support/sentence.ts";
import { until } from "../support/until.ts";
import {
  breakEvery,
  honest,
  type Script,
  sizeOf,
  type WireRegistry,
} from "../support/wire-registry.ts";
import { useWireStage } from "../support/wire-stage.ts";
import type { World } from "../support/world.ts";

const MiB = 1024 * 1024;
let world: World;
let daemon: Daemon;
let registry: WireRegistry;

useWireStage(
  (stage) => {
    ({ world, daemon, registry } = stage);
  },
  { flags: ["--max-ranges-per-blob=4"], forgets: true },
);

async function pullAndRun(name: string): Promise<void> {
  await world.rtOutput(["pull", name], { timeoutMs: 60_000 });
  expect((await world.rt(["run", "--rm", name])).stdout).toStartWith("Hello from rt!");
  expect(await readdir(`${daemon.dataRoot}/content/ingest`)).toEqual([]);
}

test("a large layer comes over four connections, each byte once", async () => {
  const image = await buildLarge([25 * MiB], { compression: "gzip" });
  const name = registry.serve("x/ranges:latest", image);
  let open = 0;
  const four = Promise.withResolvers<void>();
  // Nobody gets an end before four have a beginning.
  registry.script = async (request, blob, wire) => {
    const bytes = wire.begin(request, blob);
    if (blob.length < 20 * MiB) return void (await wire.send(bytes));
    await wire.send(bytes.subarray(0, MiB));
    open += 1;
    if (open === 4) four.resolve();
    await four.promise;
    await wire.send(bytes.subarray(MiB));
  };
  await pullAndRun(name);
  expect(registry.sent).toBe(sizeOf(image));
});

test("the layer is extracted from its beginning while its end is on the way", async () => {
  const image = await buildLarge([25 * MiB]);
  const name = registry.serve("x/order:latest", image);
  const release = Promise.withResolvers<void>();
  registry.script = async (request, blob, wire) => {
    const bytes = wire.begin(request, blob);
    if ((request.from ?? 0) >= 12 * MiB) await release.promise;
    await wire.send(bytes);
  };
  const client = world.spawnRt(["pull", name]);
  await until("the beginning of a file in the tree", async () => {
    const all = await readdir(`${daemon.dataRoot}/layers`, { recursive: true });
    const file = all.find((each) => each.startsWith("staging-") && each.endsWith("/noise-0"));
    return file !== undefined && Bun.file(`${daemon.dataRoot}/layers/${file}`).size > 8 * MiB;
  });
  expect(client.ended).toBe(false);
  release.resolve();
  expect((await client.finished()).code).toBe(0);
});

const withoutRanges: Script = async (request, blob, wire) =>
  await honest({ ...request, from: undefined }, blob, wire);

for (const [what, script, most] of [
  ["drops every connection after 2 MiB", breakEvery(2 * MiB), 1.1],
  ["ignores ranges", withoutRanges, 1],
] as const) {
  test(`a registry that ${what} costs no more than it must`, async () => {
    const image = await buildLarge([25 * MiB]);
    const name = registry.serve("x/faults:latest", image);
    registry.script = script;
    await pullAndRun(name);
    expect(registry.sent).toBeLessThanOrEqual(sizeOf(image) * most);
  });
}

test("other bytes in one of the ranges are found, and the layer fetched in one piece", async () => {
  const image = await buildLarge([25 * MiB]);
  const name = registry.serve("x/wrong:latest", image);
  registry.script = async (request, blob, wire) => {
    const bytes = wire.begin(request, blob);
    await wire.send(request.from === undefined ? bytes : new Uint8Array(bytes.length));
  };
  await pullAndRun(name);
});

test("a number out of bounds is refused at start", async () => {
  const ran = await world.rt(["daemon", "--max-ranges-per-blob=99"]);
  expectRefusal(ran, 1, "invalid max ranges per blob: 99");
});
