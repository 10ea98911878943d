import type { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../store/database.ts";
import { ImageStore } from "../store/image-store.ts";
import { Collector } from "./collector.ts";
import type { StoredImage } from "./image.ts";
import { blobPart, layerPart, type Part, partsOf, splitPart } from "./parts.ts";

const digest = (text: string): string =>
  `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`;

const image = (name: string, layers: string[]): StoredImage =>
  ({
    id: digest(name),
    documents: [digest(name), digest(`${name} manifest`)],
    layers: layers.map((layer) => ({ diffId: digest(layer), blob: digest(`${layer} gz`) })),
  }) as unknown as StoredImage;

const one = image("one", ["base", "own of one"]);
const two = image("two", ["base", "own of two"]);

/** A disk that counts steps, and stops for good before one of them. */
class Disk {
  readonly parts = new Map<Part, Date>();
  stopBefore = Number.POSITIVE_INFINITY;
  steps = 0;
  gate: Promise<void> = Promise.resolve();

  #store(kind: "layer" | "blob") {
    const part = (id: string): Part => (kind === "layer" ? layerPart(id) : blobPart(id));
    return {
      list: async () =>
        [...this.parts.keys()]
          .map(splitPart)
          .flatMap((each) => (each.kind === kind ? [each.digest] : [])),
      remove: async (id: string) => {
        await this.gate;
        if (++this.steps >= this.stopBefore) await new Promise(() => {});
        this.parts.delete(part(id));
      },
      changedAt: async (id: string) => this.parts.get(part(id)),
      size: async (id: string) => (this.parts.has(part(id)) ? 10 : undefined),
      diskOf: async (id: string) => (this.parts.has(part(id)) ? 100 : 0),
      emptied: async () => {},
      sweepPartials: async () => 0,
    };
  }

  collector(images: ImageStore): Collector {
    const log = { warn: (text: string) => expect(text).toBe("") };
    return new Collector({
      ...{ content: this.#store("blob"), layers: this.#store("layer"), images, log },
    });
  }

  add(parts: Part[], at = new Date(0)): void {
    for (const part of parts) this.parts.set(part, at);
  }
}

const scratch: string[] = [];

afterEach(async () => {
  await Promise.all(scratch.splice(0).map((root) => rm(root, { recursive: true })));
});

async function world() {
  const root = await mkdtemp(join(tmpdir(), "rt-collector-"));
  scratch.push(root);
  const path = join(root, "rt.db");
  const database: Database = openDatabase(path);
  const images = new ImageStore(database);
  for (const each of [one, two]) images.save(each, []);
  const disk = new Disk();
  disk.add([...partsOf(one), ...partsOf(two)]);
  return { images, disk, database, path };
}

test("what one image needs stays, what only the other needed goes", async () => {
  const { images, disk } = await world();
  images.removeImage(one);
  // Its own layer and blob, and two documents.
  expect(await disk.collector(images).collect()).toBe(100 + 10 + 2 * 10);
  expect(new Set(disk.parts.keys())).toEqual(new Set(partsOf(two)));
  expect(images.garbage()).toEqual([]);
});

test("a daemon that is killed before any step leaves a list that the next one ends", async () => {
  for (let step = 1; step <= 4; step++) {
    const { images, disk, database, path } = await world();
    disk.stopBefore = step;
    images.removeImage(one);
    void disk.collector(images).collect();
    await Bun.sleep(5);
    expect(disk.steps).toBe(step);
    database.close();
    disk.stopBefore = Number.POSITIVE_INFINITY;
    const again = new ImageStore(openDatabase(path));
    await disk.collector(again).collect();
    expect(new Set(disk.parts.keys())).toEqual(new Set(partsOf(two)));
    expect(again.garbage()).toEqual([]);
  }
});

test("what is held waits until it is let go, and stays if an image needs it by then", async () => {
  const { images, disk } = await world();
  const collector = disk.collector(images);
  const before = disk.parts.size;
  const first = await collector.hold(partsOf(one));
  images.removeImage(one);
  expect(await collector.collect()).toBe(0);
  expect(disk.parts.size).toBe(before);
  images.save(one, []);
  first[Symbol.dispose]();
  await collector.collect();
  expect(disk.parts.size).toBe(before);
  const second = await collector.holdAll();
  images.removeImage(one);
  await collector.collect();
  expect(disk.parts.size).toBe(before);
  second[Symbol.dispose]();
  await collector.collect();
  expect(disk.parts.size).toBe(new Set(partsOf(two)).size);
});

test("who takes hold of what is just being removed waits until it is gone", async () => {
  const { images, disk } = await world();
  const collector = disk.collector(images);
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  images.removeImage(one);
  const collected = collector.collect();
  await Bun.sleep(5);
  const [first] = images.garbage();
  if (first === undefined) throw new Error("nothing is being removed");
  const hold = collector.hold(images.garbage());
  const holdAll = collector.holdAll();
  let held = 0;
  for (const each of [hold, holdAll]) void each.then(() => held++);
  await Bun.sleep(5);
  expect(held).toBe(0);
  gate.resolve();
  using _held = await hold;
  using _all = await holdAll;
  await collected;
  // The one whose removal had begun, and no other.
  expect(partsOf(one).filter((part) => !disk.parts.has(part)).length).toBe(1);
});

test("a sweep finds what nobody needs, if it is old enough", async () => {
  const { images, disk } = await world();
  const [old, young] = [layerPart(digest("old")), blobPart(digest("young"))];
  disk.add([old]);
  disk.add([young], new Date(2000));
  const collector = disk.collector(images);
  expect(await collector.sweep(new Date(1000))).toBe(100);
  expect(disk.parts.has(young)).toBe(true);
  using _held = await collector.hold([young]);
  expect(await collector.sweep(new Date(3000))).toBe(0);
  expect(disk.parts.has(young)).toBe(true);
});

test("an image that comes with another manifest gives the old one up", async () => {
  const { images, disk } = await world();
  images.save({ ...one, documents: [one.id, digest("other")] }, []);
  await disk.collector(images).collect();
  expect(disk.parts.has(blobPart(digest("one manifest")))).toBe(false);
  expect(disk.parts.has(blobPart(one.id))).toBe(true);
});
