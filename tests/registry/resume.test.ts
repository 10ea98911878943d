/** Broken and foolish registries: what has arrived is kept, and what is wrong is fetched anew. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { Image } from "../../scripts/image.ts";
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
  { forgets: true },
);

/** Pulls and runs an image, and looks for what should not be left besides. */
async function pullAndRun(name: string): Promise<string> {
  const ran = await world.rt(["pull", name], { timeoutMs: 60_000 });
  expect(ran.stderr).toBe("");
  expect(ran.code).toBe(0);
  expect((await world.rt(["run", "--rm", name])).stdout).toStartWith("Hello from rt!");
  expect(await partials()).toEqual([]);
  const layers = await readdir(`${daemon.dataRoot}/layers`);
  expect(layers.filter((each) => each.startsWith("staging-"))).toEqual([]);
  return ran.stdout;
}

async function partials(): Promise<string[]> {
  return await readdir(`${daemon.dataRoot}/content/ingest`);
}

/** The largest blob of an image, by digest. */
function largest(image: Image): string {
  const [[digest = ""] = []] = [...image.blobs].toSorted(([, a], [, b]) => b.length - a.length);
  return digest;
}

test("a registry that drops every connection after 2 MiB: each byte is fetched once", async () => {
  const image = await buildLarge([12 * MiB, 9 * MiB]);
  const name = registry.serve("x/drops:latest", image);
  registry.script = breakEvery(2 * MiB);
  await pullAndRun(name);
  expect(registry.sent).toBeLessThanOrEqual(sizeOf(image) * 1.1);
  expect(registry.blobs.filter(({ from }) => from !== undefined).length).toBeGreaterThan(8);
});

const foolish: Record<string, Script> = {
  "200 and everything to a Range": async (request, blob, wire) => {
    const rest = wire.begin({ ...request, from: undefined }, blob);
    // Ever a little further, or it would never end.
    await wire.send(rest.subarray(0, 2 * MiB * request.count));
    wire.end();
  },
  "416 to a Range": async (request, blob, wire) => {
    if (request.from !== undefined) return wire.head(416, { "content-length": 0 });
    const bytes = wire.begin(request, blob);
    await wire.send(bytes.subarray(0, 2 * MiB * request.count));
    wire.end();
  },
  "another range than the one that was asked for": async (request, blob, wire) => {
    if (request.from === undefined) return await breakOnce(request, blob, wire);
    const to = blob.length;
    wire.head(206, { "content-length": to - 5, "content-range": `bytes 5-${to - 1}/${to}` });
    await wire.send(blob.subarray(5));
    wire.end();
  },
  "a Content-Range of another size": async (request, blob, wire) => {
    if (request.from === undefined) return await breakOnce(request, blob, wire);
    const { from } = request;
    const range = `bytes ${from}-${blob.length - 1}/${blob.length + 1}`;
    wire.head(206, { "content-length": blob.length - from, "content-range": range });
    await wire.send(blob.subarray(from));
  },
  "other bytes to a Range": async (request, blob, wire) => {
    if (request.from === undefined) return await breakOnce(request, blob, wire);
    wire.begin(request, blob);
    await wire.send(new Uint8Array(blob.length - request.from));
  },
};

const breakOnce: Script = async (request, blob, wire) => {
  if (request.count > 1 || blob.length < MiB) return await honest(request, blob, wire);
  await breakEvery(MiB)(request, blob, wire);
};

for (const [what, script] of Object.entries(foolish)) {
  test(`a registry that answers ${what}: the blob begins again and comes out right`, async () => {
    const image = await buildLarge([5 * MiB]);
    const name = registry.serve("x/foolish:latest", image);
    registry.script = script;
    await pullAndRun(name);
    const digest = largest(image);
    expect(registry.blobs.some((each) => each.digest === digest && each.from)).toBe(true);
    expect(registry.sent).toBeLessThan(3 * sizeOf(image));
  });
}

test("a registry that breaks off without a byte is given up after a few tries, with pauses", async () => {
  const image = await buildLarge([5 * MiB]);
  const name = registry.serve("x/never:latest", image);
  registry.script = async (request, blob, wire) => {
    if (blob.length < 2 * MiB) return await honest(request, blob, wire);
    if (request.from === undefined) return await breakEvery(MiB)(request, blob, wire);
    wire.begin(request, blob);
    wire.end();
  };
  // Docker's own client, since it prints each message.
  const ran = await world.docker(["pull", name], { timeoutMs: 60_000 });
  expectRefusal({ ...ran, stdout: "" }, 1, /connection closed before the answer was complete/);
  expect(ran.stdout).toMatch(/: Retrying in \d+ seconds?\n/);
  const tries = registry.blobs.filter(({ digest }) => digest === largest(image)).length;
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThanOrEqual(6);
  expect(await partials()).toEqual([`${largest(image)}.partial`]);
  // What has arrived is not fetched again.
  registry.reset();
  await pullAndRun(name);
  expect(registry.sent).toBeLessThanOrEqual(sizeOf(image) - MiB);
});

test("a client that is interrupted leaves what has arrived to the next one", async () => {
  const image = await buildLarge([8 * MiB]);
  const name = registry.serve("x/interrupted:latest", image);
  let total = 0;
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    registry.reset();
    registry.script = async (request, blob, wire) => {
      const rest = wire.begin(request, blob);
      // Slowly: what is sent while the client is killed is no part of what is asked here.
      await wire.send(rest, { piece: 64 * 1024, pauseMs: 25 });
    };
    const client = world.spawnRt(["pull", name]);
    await until("a part to be sent", () => registry.sent > 2 * MiB);
    process.kill(await world.innerPid(client), signal);
    await client.finished();
    // The daemon breaks off too, and does not go on for nobody.
    const stopped = await until("the daemon to stop", async () => {
      const before = registry.sent;
      await Bun.sleep(100);
      return registry.sent === before && before;
    });
    expect(stopped).toBeLessThan(6 * MiB);
    total += stopped;
  }
  registry.reset();
  await pullAndRun(name);
  expect(total + registry.sent).toBeLessThanOrEqual(sizeOf(image) * 1.1);
});

test("a layer is extracted while it arrives", async () => {
  const image = await buildLarge([6 * MiB]);
  const name = registry.serve("x/growing:latest", image);
  const release = Promise.withResolvers<void>();
  registry.script = async (request, blob, wire) => {
    const bytes = wire.begin(request, blob);
    await wire.send(bytes.subarray(0, bytes.length >> 1));
    if (bytes.length > MiB) await release.promise;
    await wire.send(bytes.subarray(bytes.length >> 1));
  };
  const client = world.spawnRt(["pull", name]);
  await until("half of a file in the tree", async () => {
    const all = await readdir(`${daemon.dataRoot}/layers`, { recursive: true });
    const file = all.find((each) => each.startsWith("staging-") && each.endsWith("/noise-0"));
    return file !== undefined && Bun.file(`${daemon.dataRoot}/layers/${file}`).size > MiB;
  });
  expect(client.ended).toBe(false);
  release.resolve();
  expect((await client.finished()).code).toBe(0);
});
