/** Several clients that want the same at once. */
import { expect, test } from "bun:test";
import { stackOn } from "../support/images.ts";
import { buildLarge } from "../support/large-image.ts";
import { until } from "../support/until.ts";
import { type Script, sizeOf, type WireRegistry } from "../support/wire-registry.ts";
import { useWireStage } from "../support/wire-stage.ts";
import type { World } from "../support/world.ts";

const MiB = 1024 * 1024;
let world: World;
let registry: WireRegistry;

useWireStage(
  (stage) => {
    ({ world, registry } = stage);
  },
  { forgets: true },
);

/** Sends the first half of each large blob, and the rest when it is told to. */
function inHalves(release: Promise<unknown>): Script {
  return async (request, blob, wire) => {
    const bytes = wire.begin(request, blob);
    await wire.send(bytes.subarray(0, bytes.length >> 1));
    if (bytes.length > MiB) await release;
    await wire.send(bytes.subarray(bytes.length >> 1));
  };
}

const manifestsAsked = () => registry.asked.filter((path) => path.includes("/manifests/")).length;

test("ten clients pull one image at once: each blob is fetched once", async () => {
  const image = await buildLarge([4 * MiB, 3 * MiB, 2 * MiB]);
  const name = registry.serve("x/ten:latest", image);
  const { promise, resolve } = Promise.withResolvers<void>();
  registry.script = inHalves(promise);
  const clients = Array.from({ length: 10 }, () => world.spawnRt(["pull", name]));
  await until("all of them to have begun", () => manifestsAsked() >= 10);
  resolve();
  for (const client of clients) {
    const { code, stdout } = await client.finished();
    expect(code).toBe(0);
    expect(stdout.match(/Pull complete|Already exists/g)).toHaveLength(4);
    expect(stdout).toContain(`Digest: ${image.digest}`);
  }
  expect(registry.sent).toBe(sizeOf(image));
  expect(registry.blobs).toHaveLength(image.blobs.size);
});

test("two images that share a layer: it is fetched once", async () => {
  const base = await buildLarge([4 * MiB]);
  const other = stackOn(base, [{ name: "more", content: "more" }]);
  const names = [registry.serve("x/one:latest", base), registry.serve("y/two:latest", other)];
  const { promise, resolve } = Promise.withResolvers<void>();
  registry.script = inHalves(promise);
  const clients = names.map((name) => world.spawnRt(["pull", name]));
  await until("both of them to have begun", () => manifestsAsked() >= 2);
  resolve();
  for (const client of clients) expect((await client.finished()).code).toBe(0);
  const digests = registry.blobs.map(({ digest }) => digest);
  expect(digests).toHaveLength(new Set(digests).size);
});

test("a client that goes leaves the pull to the others; when the last one goes it stops and is kept", async () => {
  const image = await buildLarge([6 * MiB]);
  const name = registry.serve("x/leave:latest", image);
  registry.script = async (request, blob, wire) => {
    await wire.send(wire.begin(request, blob), { piece: 64 * 1024, pauseMs: 30 });
  };
  const clients = [world.spawnRt(["pull", name]), world.spawnRt(["pull", name])];
  await until("both to be under way", () => manifestsAsked() >= 2 && registry.sent > MiB);
  for (const [index, client] of clients.entries()) {
    process.kill(await world.innerPid(client), "SIGINT");
    await client.finished();
    const before = registry.sent;
    if (index === 0) await until("the other to go on", () => registry.sent > before + MiB);
  }
  const blobs = registry.blobs.length;
  expect(blobs).toBe(image.blobs.size);
  const stopped = await until("the daemon to stop", async () => {
    const before = registry.sent;
    await Bun.sleep(200);
    return registry.sent === before && before;
  });
  expect(stopped).toBeLessThan(5 * MiB);
  expect(await world.rtOutput(["images", "-q"])).toBe("");
  await world.rtOutput(["pull", name]);
  expect(registry.sent).toBeLessThanOrEqual(sizeOf(image) * 1.1);
});
