/** Registries that lie on the wire: about lengths, ends, hosts and patience. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { Image } from "../../scripts/image.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildLarge } from "../support/large-image.ts";
import type { Finished, Running } from "../support/process.ts";
import { expectRefusal } from "../support/sentence.ts";
import { breakEvery, honest, type Script, sizeOf, WireRegistry } from "../support/wire-registry.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(90_000);

const MiB = 1024 * 1024;
/** Below this a blob is a config or the layer with the program. */
const large = 2 * MiB;
let world: World;
let daemon: Daemon;
let registry: WireRegistry;
let silent: { registry: WireRegistry; client: Running; image: Image };

beforeAll(async () => {
  world = await World.create();
  daemon = await world.daemon();
  registry = await WireRegistry.start(world);
  // Takes as long as a silent connection is borne; the other tests pass the time.
  silent = await startSilent();
});
afterAll(async () => {
  silent?.registry[Symbol.dispose]();
  registry?.[Symbol.dispose]();
  await world?.end();
});
afterEach(() => registry.reset());

/** Applies to the large layer only. */
function forLarge(script: Script): Script {
  return async (request, blob, wire) =>
    await (blob.length < large ? honest : script)(request, blob, wire);
}

/** A pull of a registry that falls silent in the middle of a body, once. */
async function startSilent(): Promise<typeof silent> {
  const other = await WireRegistry.start(world);
  const image = await buildLarge([3 * MiB]);
  const name = other.serve("x/silent:latest", image);
  other.script = forLarge(async (request, blob, wire) => {
    const bytes = wire.begin(request, blob);
    await wire.send(request.from === undefined ? bytes.subarray(0, MiB) : bytes);
  });
  return { registry: other, image, client: world.spawnRt(["pull", name], { timeoutMs: 90_000 }) };
}

async function refused(image: Image, script: Script, pattern: RegExp): Promise<Finished> {
  const name = registry.serve("x/lies:latest", image);
  registry.script = forLarge(script);
  const ran = await world.rt(["pull", name], { timeoutMs: 60_000 });
  expectRefusal({ ...ran, stdout: "" }, 1, pattern);
  const [[digest = ""] = []] = [...image.blobs].filter(([, bytes]) => bytes.length >= large);
  expect(await readdir(`${daemon.dataRoot}/content/ingest`)).not.toContain(`${digest}.partial`);
  expect(await readdir(`${daemon.dataRoot}/content/blobs/sha256`)).not.toContain(digest.slice(7));
  return ran;
}

for (const [what, by] of [
  ["longer", 1],
  ["shorter", -1],
] as const) {
  test(`a body announced as ${what} than declared is not read`, async () => {
    const image = await buildLarge([3 * MiB]);
    const script: Script = async (_, blob, wire) => {
      wire.head(200, { "content-length": blob.length + by });
      await wire.send(blob);
    };
    await refused(image, script, /wrong size: expected \d+ bytes, the registry sends \d+/);
  });
}

test("a body without an end is read to one byte more than declared", async () => {
  const image = await buildLarge([3 * MiB]);
  const endless: Script = async (_, blob, wire) => {
    wire.head(200, { connection: "close" });
    await wire.send(blob);
    const more = new Uint8Array(64 * 1024);
    while (await wire.send(more)) if (registry.sent > 100 * MiB) return wire.end();
  };
  await refused(image, endless, /larger than the declared \d+ bytes/);
  // What lies in the buffers of the way is on the wire too.
  expect(registry.sent).toBeLessThan(sizeOf(image) + 16 * MiB);
});

test("other bytes of the right length are refused after one reading", async () => {
  const image = await buildLarge([3 * MiB]);
  const lie: Script = async (request, blob, wire) => {
    const bytes = new Uint8Array(wire.begin(request, blob));
    bytes.fill(7, bytes.length >> 1);
    await wire.send(bytes);
  };
  await refused(image, lie, /wrong digest|diffID/);
  expect(registry.sent).toBeLessThanOrEqual(sizeOf(image));
});

test("other bytes, whenever it is asked, are refused after one more reading", async () => {
  const image = await buildLarge([3 * MiB]);
  const lie: Script = async (request, blob, wire) => {
    const bytes = new Uint8Array(wire.begin(request, blob));
    bytes.fill(7, bytes.length >> 1);
    await wire.send(request.count === 1 ? bytes.subarray(0, 2 * MiB) : bytes);
    if (request.count === 1) wire.end();
  };
  await refused(image, lie, /wrong digest|diffID/);
  expect(registry.sent).toBeLessThanOrEqual(3 * sizeOf(image));
});

test("a blob on another host is fetched there, and what breaks is asked of the registry again", async () => {
  const storage = await WireRegistry.start(world);
  try {
    const image = await buildLarge([5 * MiB]);
    storage.serve("x/stored:latest", image);
    const used = new Set<string>();
    // An address is good for one request, as a signed one is for its time.
    storage.script = async (request, blob, wire) => {
      if (used.has(request.path)) return wire.head(403, { "content-length": 0 });
      used.add(request.path);
      await breakEvery(2 * MiB)(request, blob, wire);
    };
    const name = registry.serve("x/stored:latest", image);
    registry.script = ({ digest }, _, wire) => {
      const location = `http://${storage.host}/x/${digest}?signature=${registry.blobs.length}`;
      wire.head(307, { location, "content-length": 0 });
    };
    await world.rtOutput(["pull", name]);
    expect((await world.rt(["run", "--rm", name])).stdout).toStartWith("Hello from rt!");
    expect(storage.blobs).toHaveLength(registry.blobs.length);
    expect(storage.sent).toBeLessThanOrEqual(sizeOf(image) * 1.1);
  } finally {
    storage[Symbol.dispose]();
  }
});

for (const [form, retryAfter] of [
  ["seconds", () => "2"],
  ["a date", () => new Date(Date.now() + 3000).toUTCString()],
] as const) {
  test(`Retry-After as ${form} is obeyed, and shown`, async () => {
    const image = await buildLarge([3 * MiB]);
    const name = registry.serve(`x/later:${form.replace(" ", "-")}`, image);
    const times: number[] = [];
    registry.script = forLarge(async (request, blob, wire) => {
      times.push(performance.now());
      if (request.count > 1) return await honest(request, blob, wire);
      wire.head(429, { "retry-after": retryAfter(), "content-length": 0 });
    });
    const ran = await world.docker(["pull", name]);
    expect(ran.stderr).toBe("");
    expect(ran.stdout).toMatch(/: Retrying in [23] seconds\n/);
    const [first = 0, second = 0] = times;
    expect(times).toHaveLength(2);
    // A date has whole seconds only.
    expect(second - first).toBeGreaterThanOrEqual(1900);
  });
}

test("a Retry-After of hours is not waited for", async () => {
  const image = await buildLarge([3 * MiB]);
  const script: Script = (_, __, wire) =>
    wire.head(429, { "retry-after": "7200", "content-length": 0 });
  await refused(image, script, /too many requests to registry/);
  expect(registry.blobs.filter(({ count }) => count > 1)).toEqual([]);
});

test("a body that falls silent is given up after a while, and goes on from where it was", async () => {
  const { client, image, registry: other } = silent;
  const { code, stderr } = await client.finished();
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(other.sent).toBe(sizeOf(image));
});
