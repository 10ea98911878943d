import { afterAll, expect, mock, test } from "bun:test";
import { rmSync } from "node:fs";
import * as files from "node:fs/promises";
import { mkdtemp, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { digestOf } from "./digest.ts";

/** What reaches the disk, in order; names without what is chance in them. */
const steps: string[] = [];
const real = { ...files };

const short = (path: unknown): string =>
  basename(String(path))
    .replace(/\.[0-9a-f]{12}\.tmp$/, ".tmp")
    .replace(/[0-9a-f]{64}/, "HEX");

function record(handle: files.FileHandle, path: unknown): files.FileHandle {
  for (const name of ["datasync", "sync"] as const) {
    const call = handle[name].bind(handle);
    handle[name] = async () => {
      await call();
      steps.push(`${name} ${short(path)}`);
    };
  }
  return handle;
}

mock.module("node:fs/promises", () => ({
  ...real,
  open: async (...parameters: Parameters<typeof files.open>) =>
    record(await real.open(...parameters), parameters[0]),
  rename: async (from: string, to: string) => {
    await real.rename(from, to);
    steps.push(`rename ${short(from)} to ${short(to)}`);
  },
}));

afterAll(() => {
  mock.module("node:fs/promises", () => real);
});

async function scratch(): Promise<string> {
  const root = await mkdtemp("/tmp/rt-order-");
  afterAll(() => rmSync(root, { recursive: true }));
  return root;
}

test("a blob is synced, then named, then its name is synced", async () => {
  const { ContentStore } = await import("./layout.ts");
  const store = await ContentStore.open(await scratch());
  const bytes = Buffer.from("a layer");
  const ingest = await store.ingest(digestOf(bytes), bytes.length);
  await ingest.write(bytes);
  steps.length = 0;
  await ingest.commit({ verify: true });
  expect(steps).toEqual([
    "datasync sha256:HEX.partial",
    "rename sha256:HEX.partial to HEX",
    "sync sha256",
  ]);
});

test("so is a document, and index.json, which is left alone if it says the same", async () => {
  const { ContentStore } = await import("./layout.ts");
  const store = await ContentStore.open(await scratch());
  steps.length = 0;
  await store.write(Buffer.from("{}"));
  expect(steps).toEqual(["datasync .HEX.tmp", "rename .HEX.tmp to HEX", "sync sha256"]);
  steps.length = 0;
  const entry = { descriptor: { mediaType: "x", digest: digestOf("x"), size: 1 }, name: "x" };
  await store.setIndex([entry]);
  await store.setIndex([entry]);
  expect(steps).toEqual([
    "datasync .index.json.tmp",
    "rename .index.json.tmp to index.json",
    expect.stringMatching(/^sync rt-order-/),
  ]);
});

test("what a power cut leaves of a write is removed at a start", async () => {
  const { ContentStore } = await import("./layout.ts");
  const store = await ContentStore.open(await scratch());
  const left = [
    join(store.root, ".index.json.0123456789ab.tmp"),
    join(store.root, "blobs/sha256", `.${"0".repeat(64)}.0123456789ab.tmp`),
  ];
  for (const path of left) await writeFile(path, "");
  await store.sweepTemporary();
  for (const path of left) expect(await Bun.file(path).exists()).toBe(false);
});
