/**
 * Layers and archives that are small on the wire and huge behind it: each ends in one sentence, within the memory of an
 * honest one, and the disk is as free as before. The data root has a file system of its own.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { digestOf } from "../../scripts/image.ts";
import { isSentence } from "../support/attempt.ts";
import type { Daemon } from "../support/daemon.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import { head, imageOf, Tar } from "../support/layers.ts";
import { until } from "../support/until.ts";
import { forgetImages, keptBy, send, take, type Way } from "../support/ways.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(600_000);

const [mebibyte, gibibyte] = [2 ** 20, 2 ** 30];
const full = process.env.RT_FULL === "1";
/** What is behind the bombs. */
const yields = (full ? 64 : 1) * gibibyte;
/** Room for an honest image, and inodes for a few thousand files. */
const disk = "size=256m,nr_inodes=20000";
/** Beyond what the daemon held before: buffers of the pipeline, and what the collector has not seen yet. */
const slack = 160 * mebibyte;

let world: World;
let daemon: Daemon;
let registry: FakeRegistry;
let empty: string[];

beforeAll(async () => {
  world = await World.create();
  await mkdir(world.path("data"));
  await world.run(["mount", "-t", "tmpfs", "-o", disk, "small", world.path("data")]);
  daemon = await world.daemon();
  registry = await FakeRegistry.start(world);
  empty = await keptBy(daemon, root());
});
afterAll(async () => {
  registry?.[Symbol.dispose]();
  await daemon.stop();
  await world.run(["umount", world.path("data")]);
  await world.end();
});

type Compress = (bytes: Uint8Array) => Uint8Array;
const compressions: Record<string, Compress> = {
  gzip: (bytes) => Bun.gzipSync(new Uint8Array(bytes), { level: 9 }),
  zstd: (bytes) => Bun.zstdCompressSync(new Uint8Array(bytes)),
};

interface Bomb {
  begin?: Uint8Array;
  piece: Uint8Array;
  size: number;
}

/** `piece` until there are `size` bytes of it, and an end: members of gzip and frames of zstd follow each other. */
function build(compress: Compress, { begin, piece, size }: Bomb): Uint8Array {
  const count = Math.ceil(size / piece.length);
  const first = begin === undefined ? [] : [compress(begin)];
  const pieces = new Array<Uint8Array>(count).fill(compress(piece));
  return Buffer.concat([...first, ...pieces, compress(new Uint8Array(1024))]);
}

const zeros = new Uint8Array(16 * mebibyte);
/** The same header over and over: `count` entries. */
const entries = (count: number, name: string): Bomb => ({
  ...{ piece: Buffer.concat(new Array<Uint8Array>(2000).fill(head({ name }))), size: count * 512 },
});

/** More than the disk, in files that each fit. */
function filesOfZeros(): Uint8Array {
  const tar = new Tar();
  for (let at = 0; at < 20; at++) tar.head({ name: `z${at}`, size: zeros.length }).raw(zeros);
  return tar.openEnd();
}

/** Empty files under names of their own. */
function manyFiles(count: number): Uint8Array {
  const tar = new Tar();
  for (let at = 0; at < count; at++) tar.head({ name: `f${at}` });
  return tar.end();
}

const bombs: Record<string, [Bomb, RegExp]> = {
  "one file of zeros": [
    { begin: head({ name: "zeros", raw: [[124, wide(yields)]] }), piece: zeros, size: yields },
    /no space left/,
  ],
  "many files of zeros": [{ piece: filesOfZeros(), size: yields }, /no space left/],
  "a file beyond every budget": [
    { begin: head({ name: "f", raw: [[124, wide(2 ** 62)]] }), piece: zeros, size: zeros.length },
    /over its budget.*137438953472 bytes/,
  ],
  "zeros after the end": [
    { begin: new Tar().file("f", "x").end(), piece: zeros, size: yields },
    /wrong content.*diffID/,
  ],
  "global headers": [
    { piece: new Tar().extension("g", "x".repeat(mebibyte)).openEnd(), size: yields },
    /wrong content.*diffID/,
  ],
  "five million entries that mean nothing": [
    entries(5_000_000, ".wh..wh.x"),
    /over its budget.*4000000 entries/,
  ],
};

/** A size in base 256, for what octal has no digits for. */
function wide(size: number): Uint8Array {
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt(size), 4);
  field[0] = 0x80;
  return field;
}

const root = () => `/proc/${world.namespace.pid}/root${daemon.dataRoot}`;

async function used(): Promise<number> {
  const { stdout } = await world.run(["df", "--output=used,iused", daemon.dataRoot]);
  const [blocks = 0, inodes = 0] = (stdout.trim().split("\n").at(-1) ?? "")
    .trim()
    .split(/\s+/)
    .map(Number);
  return blocks + inodes;
}

/** What the daemon has held at most since `forgetPeak`, in bytes. */
async function peak(): Promise<number> {
  const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) * 1024;
}

/**
 * The refusal; in the meantime neither memory nor disk were taken for good. What a full disk has cut short of a blob on
 * the wire is kept for the next pull, as is what a broken connection has.
 */
async function explode(run: () => Promise<string>): Promise<string> {
  const before = await used();
  await writeFile(`/proc/${daemon.pid}/clear_refs`, "5");
  const held = await peak();
  const message = await run();
  expect((await peak()) - held).toBeLessThan(slack);
  expect([message, isSentence(message)]).toEqual([message, true]);
  if (/no space left/.test(message)) await dropPartials();
  expect(await keptBy(daemon, root())).toEqual(empty);
  // The log of the database may have grown by a page or two.
  await until("the space to be given back", async () => (await used()) < before + 64);
  return message;
}

async function dropPartials(): Promise<void> {
  const ingest = `${root()}/content/ingest`;
  for (const name of await readdir(ingest)) {
    expect(name).toMatch(/^sha256:[0-9a-f]{64}\.partial$/);
    await rm(`${ingest}/${name}`);
  }
}

/** All three end in the same extraction: of what takes long, one is enough for a run that is not full. */
function waysOf(what: string, compression: string): Way[] {
  if (full || !/million|after|global/.test(what)) return ["pull", "load", "import"];
  if (compression === "gzip") return ["pull"];
  return /million/.test(what) ? [] : ["load"];
}

for (const [what, [bomb, words]] of Object.entries(bombs)) {
  for (const [name, compress] of Object.entries(compressions)) {
    if (waysOf(what, name).length === 0) continue;
    test(`${what}, by ${name}`, async () => {
      const blob = build(compress, bomb);
      expect(blob.length).toBeLessThan(64 * mebibyte);
      const image = imageOf([{ blob, diffId: digestOf(new Uint8Array(1)) }]);
      for (const way of waysOf(what, name)) {
        // The diffID of an import is what it turns out to be.
        if (way === "import" && /diffID/.test(words.source)) continue;
        const message = await explode(() => take({ daemon, registry }, way, image, blob));
        expect([way, message]).toEqual([way, expect.stringMatching(words)]);
      }
    });
  }
}

test("sparse files of any size that are told of", async () => {
  const sparse = (size: string, name = "s") =>
    new Tar().pax({ "GNU.sparse.size": size, "GNU.sparse.map": "0,1" }).file(name, "x");
  const three = ["a", "b", "c"].map((name) => sparse(String(2 ** 36), name).openEnd());
  const rows: [Uint8Array, RegExp][] = [
    [sparse(String(2n ** 62n)).end(), /over its budget/],
    [sparse(String(2n ** 64n)).end(), /extended header/],
    [sparse("-1").end(), /extended header|negative/],
    [Buffer.concat([...three, new Uint8Array(1024)]), /over its budget/],
    [
      head({
        name: "s",
        flag: "S",
        raw: [
          [257, "ustar  \0"],
          [483, wide(2 ** 60)],
        ],
      }),
      /over its budget/,
    ],
  ];
  for (const [blob, words] of rows) {
    for (const way of ["pull", "load", "import"] as const) {
      const message = await explode(() =>
        take({ daemon, registry }, way, imageOf([{ blob }]), blob),
      );
      expect([way, message]).toEqual([way, expect.stringMatching(words)]);
    }
  }
});

test("more empty files than the disk has inodes", async () => {
  const blob = compressions.gzip?.(manyFiles(full ? 5_000_000 : 50_000)) ?? new Uint8Array();
  for (const way of ["pull", "load", "import"] as const) {
    const message = await explode(() => take({ daemon, registry }, way, imageOf([{ blob }]), blob));
    expect([way, message]).toEqual([way, expect.stringMatching(/no space left/)]);
  }
});

test("archives of images that are bombs themselves", async () => {
  const rows: Record<string, [Bomb, RegExp]> = {
    "one member of zeros": [
      {
        begin: head({ name: "x/layer.tar", raw: [[124, wide(yields)]] }),
        piece: zeros,
        size: yields,
      },
      /no space left/,
    ],
    "more members than any archive has": [
      entries(60_000, "x"),
      /two members called|more than 50000 members/,
    ],
    "directories without number": [
      {
        piece: Buffer.concat(new Array<Uint8Array>(2000).fill(head({ name: "d", flag: "5" }))),
        size: 60_000 * 512,
      },
      /more than 50000 members/,
    ],
    "zeros after the end": [
      { begin: new Uint8Array(1024), piece: zeros, size: yields },
      /holds no images/,
    ],
  };
  for (const [what, [bomb, words]] of Object.entries(rows)) {
    for (const compress of Object.values(compressions)) {
      const blob = build(compress, bomb);
      const message = await explode(() => send(daemon, "/images/load", blob));
      expect([what, message]).toEqual([what, expect.stringMatching(words)]);
    }
  }
});

test("after all of this the daemon takes an honest image", async () => {
  const blob = new Tar().file("f", "content").end();
  for (const way of ["pull", "load", "import"] as Way[]) {
    expect([way, await take({ daemon, registry }, way, imageOf([{ blob }]), blob)]).toEqual([
      way,
      "",
    ]);
    await forgetImages(daemon);
  }
});
