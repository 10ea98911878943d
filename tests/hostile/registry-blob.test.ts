/** An image that lies about a blob which an honest image has too: the honest one must not suffer. */
import { expect, test } from "bun:test";
import { digestOf, type Image } from "../../scripts/image.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildLarge } from "../support/large-image.ts";
import { expectRefusal } from "../support/sentence.ts";
import { until } from "../support/until.ts";
import type { WireRegistry } from "../support/wire-registry.ts";
import { useWireStage } from "../support/wire-stage.ts";
import type { World } from "../support/world.ts";

const MiB = 1024 * 1024;
let world: World;
let daemon: Daemon;
let registry: WireRegistry;

useWireStage((stage) => {
  ({ world, daemon, registry } = stage);
});

/** The layers of `image`, but a config that has other diffIDs for them. */
function lieAbout(image: Image): Image {
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const manifest = JSON.parse(new TextDecoder().decode(image.manifest));
  const blobs = new Map(image.blobs);
  const config = JSON.parse(new TextDecoder().decode(blobs.get(manifest.config.digest)));
  config.rootfs.diff_ids = config.rootfs.diff_ids.map((_: string, at: number) =>
    digestOf(encode(at)),
  );
  const bytes = encode(config);
  manifest.config = { ...manifest.config, digest: digestOf(bytes), size: bytes.length };
  blobs.set(manifest.config.digest, bytes);
  const lying = encode(manifest);
  return { ...image, manifest: lying, digest: digestOf(lying), blobs };
}

test("the blob of a stored image stays when another image is wrong about it", async () => {
  const image = await buildLarge([3 * MiB]);
  const honest = registry.serve("x/honest:latest", image);
  await world.rtOutput(["pull", honest]);
  const sent = registry.sent;
  const lying = registry.serve("x/lying:latest", lieAbout(image));
  const ran = await world.rt(["pull", lying]);
  expectRefusal({ ...ran, stdout: "" }, 1, /expected diffID/);
  for (const digest of image.blobs.keys())
    expect(
      await Bun.file(`${daemon.dataRoot}/content/blobs/sha256/${digest.slice(7)}`).exists(),
    ).toBe(true);
  // No layer was fetched again, only a config.
  expect(registry.sent - sent).toBeLessThan(MiB);
  await world.rtOutput(["rmi", honest]);
});

test("both at once: the honest image arrives, the other one is refused", async () => {
  const image = await buildLarge([3 * MiB]);
  const names = [
    registry.serve("y/lying:latest", lieAbout(image)),
    registry.serve("y/honest:latest", image),
  ];
  const { promise, resolve } = Promise.withResolvers<void>();
  registry.script = async (request, blob, wire) => {
    const bytes = wire.begin(request, blob);
    await wire.send(bytes.subarray(0, bytes.length >> 1));
    if (bytes.length > 2 * MiB) await promise;
    await wire.send(bytes.subarray(bytes.length >> 1));
  };
  const clients = names.map((name) => world.spawnRt(["pull", name]));
  const begun = () => registry.asked.filter((path) => path.includes("/manifests/")).length >= 2;
  await until("both to have begun", begun);
  resolve();
  const [lying, honest] = await Promise.all(clients.map((client) => client.finished()));
  expect(lying?.stderr).toMatch(/expected diffID/);
  expect(honest?.stderr).toBe("");
  expect(honest?.code).toBe(0);
});
