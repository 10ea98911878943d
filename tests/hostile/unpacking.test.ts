/**
 * Layers against the rules of unpacking, row by row, by pull, load and import: what has no meaning inside the root is
 * refused in a sentence that names the entry, and nothing is left of it; what has one becomes the tree that it says.
 * The host's own files never change, and no program of the host is executed.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir } from "node:fs/promises";
import { digestOf } from "../../scripts/image.ts";
import { isSentence } from "../support/attempt.ts";
import { Canary } from "../support/canary.ts";
import type { Daemon } from "../support/daemon.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import { containedRows } from "../support/layer-rows/contained.ts";
import { refusedRows } from "../support/layer-rows/refused.ts";
import { imageOf, Tar } from "../support/layers.ts";
import { treeOf } from "../support/tree.ts";
import { forgetImages, keptBy, take, type Way } from "../support/ways.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

const ways: Way[] = ["pull", "load", "import"];
/** Rows are declared before the world is there; its canary stands in for this name. */
const placeholder = "/rt-canary";

let world: World;
let daemon: Daemon;
let registry: FakeRegistry;
let canary: Canary;
let untouched: string;
let empty: string[];

/** Programs that an engine might be tempted to run, first in the daemon's PATH. */
async function placeTrojans(directory: string): Promise<void> {
  await mkdir(directory);
  const tools =
    "tar bsdtar gzip gunzip pigz unpigz igzip zstd xz unxz bzip2 sha256sum docker-untar";
  for (const tool of tools.split(" ")) {
    await Bun.write(`${directory}/${tool}`, `#!/bin/sh\ntouch ${directory}/triggered\n`);
    await chmod(`${directory}/${tool}`, 0o755);
  }
}

beforeAll(async () => {
  world = await World.create();
  canary = await Canary.create(world);
  await placeTrojans(world.path("trojans"));
  const env = { PATH: `${world.path("trojans")}:${process.env.PATH}` };
  daemon = await world.daemon({ env });
  registry = await FakeRegistry.start(world);
  untouched = await canary.state();
  empty = await keptBy(daemon);
});

afterAll(async () => {
  registry?.[Symbol.dispose]();
  await daemon.stop();
  await canary.remove();
  await world.end();
});

afterEach(async () => {
  await forgetImages(daemon);
  expect(await keptBy(daemon)).toEqual(empty);
  expect(await canary.state()).toBe(untouched);
  expect(await readdir(world.path("trojans"))).not.toContain("triggered");
});

for (const [what, { blob, words }] of Object.entries(refusedRows)) {
  test(`${what} is refused`, async () => {
    for (const way of ways) {
      const message = await take({ daemon, registry }, way, imageOf([{ blob }]), blob);
      for (const word of words) expect([way, message]).toEqual([way, expect.stringMatching(word)]);
      expect([message, isSentence(message)]).toEqual([message, true]);
      expect([way, await keptBy(daemon)]).toEqual([way, empty]);
    }
  });
}

for (const [what, sample] of Object.entries(containedRows(placeholder))) {
  test(`${what}: contained`, async () => {
    const row = containedRows(canary.path)[what] ?? sample;
    const blobs = row.layers.map((layer) => layer.end());
    const image = imageOf(blobs.map((blob) => ({ blob })));
    for (const way of blobs.length > 1 ? ways.slice(0, 2) : ways) {
      const message = await take({ daemon, registry }, way, image, blobs[0] ?? new Uint8Array());
      expect([way, message]).toEqual([way, ""]);
      for (const [at, blob] of blobs.entries()) {
        const tree = await treeOf(layerPath(digestOf(blob)));
        expect([way, withoutWayTo(canary.path, tree)]).toEqual([way, sorted(row.trees[at])]);
      }
      await forgetImages(daemon);
    }
  });
}

const sorted = (lines: string[] = []) => lines.toSorted((a, b) => (a < b ? -1 : 1));

function layerPath(diffId: string): string {
  return `${daemon.dataRoot}/layers/${diffId.slice(7)}`;
}

/** The directories that lead to the canary's name within a tree say nothing. */
function withoutWayTo(path: string, tree: string[]): string[] {
  const parts = path.split("/").slice(1);
  const ways = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
  const says = ways.flatMap((way) => [`d ${way}`, `d proc/1/root/${way}`]);
  return tree.filter((line) => !says.includes(line));
}

const plain = new Tar().file("f", "content").end();
const gzip = Bun.gzipSync(new Uint8Array(plain));
const zstd = Bun.zstdCompressSync(new Uint8Array(plain));
const types = ["", "+gzip", "+zstd"].map((each) => `application/vnd.oci.image.layer.v1.tar${each}`);

for (const [name, blob] of Object.entries({ plain, gzip, zstd })) {
  test(`a ${name} layer under any media type is what its first bytes say`, async () => {
    for (const mediaType of [...types, "application/vnd.docker.image.rootfs.diff.tar.gzip"]) {
      const image = imageOf([{ blob, diffId: digestOf(plain), mediaType }]);
      for (const way of ["pull", "load"] as const) {
        expect(await take({ daemon, registry }, way, image, blob)).toBe("");
        expect(await treeOf(layerPath(digestOf(plain)))).toEqual(["f f: content"]);
        await forgetImages(daemon);
      }
      const lying = imageOf([{ blob, diffId: digestOf(new Uint8Array(1)), mediaType }]);
      for (const way of ["pull", "load"] as const) {
        expect(await take({ daemon, registry }, way, lying, blob)).toMatch(/wrong content.*diffID/);
        expect(await keptBy(daemon)).toEqual(empty);
      }
    }
  });
}

test("compressed bytes that are cut off, damaged or followed by others are refused", async () => {
  const damaged = new Uint8Array(gzip);
  damaged[gzip.length - 6] = (damaged[gzip.length - 6] ?? 0) ^ 1;
  const wrong: Record<string, Uint8Array> = {
    "gzip cut off": gzip.slice(0, -9),
    "gzip with a wrong sum": damaged,
    "gzip with junk behind": Buffer.concat([gzip, new Uint8Array(64).fill(7)]),
    "zstd cut off": zstd.slice(0, -4),
    "zstd with junk behind": Buffer.concat([zstd, new Uint8Array(64).fill(7)]),
    xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, ...new Array(600).fill(0)]),
    bzip2: Buffer.concat([Buffer.from("BZh91AY&SY"), new Uint8Array(600)]),
  };
  for (const [name, blob] of Object.entries(wrong)) {
    for (const way of ways) {
      const image = imageOf([{ blob, diffId: digestOf(plain) }]);
      const message = await take({ daemon, registry }, way, image, blob);
      expect([name, way, message, isSentence(message)]).toEqual([name, way, message, true]);
      expect([name, way, await keptBy(daemon)]).toEqual([name, way, empty]);
    }
  }
});

test("what follows the end blocks is read, hashed and means nothing", async () => {
  for (const tail of [new Uint8Array(100_000), Buffer.from("junk".repeat(1000)), plain]) {
    const blob = Buffer.concat([plain, tail]);
    for (const way of ways) {
      expect(await take({ daemon, registry }, way, imageOf([{ blob }]), blob)).toBe("");
      expect(await treeOf(layerPath(digestOf(blob)))).toEqual(["f f: content"]);
      await forgetImages(daemon);
    }
  }
});
