import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "./digest.ts";
import { ContentStore } from "./layout.ts";
import { ociManifest } from "./media-types.ts";

let root: string;
let store: ContentStore;
const bytes = Buffer.from("hello");
const digest = digestOf(bytes);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "rt-oci-"));
  store = await ContentStore.open(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("ContentStore", () => {
  test("a new store is an OCI layout", async () => {
    expect(JSON.parse(await readFile(join(root, "oci-layout"), "utf8"))).toEqual({
      imageLayoutVersion: "1.0.0",
    });
    expect(JSON.parse(await readFile(join(root, "index.json"), "utf8")).manifests).toEqual([]);
  });

  test("opening again keeps what is there", async () => {
    await store.write(bytes);
    await store.setIndex([
      { descriptor: { mediaType: ociManifest, digest, size: 5 }, name: "a:b" },
    ]);
    const again = await ContentStore.open(root);
    expect(await again.list()).toEqual([digest]);
    expect(JSON.parse(await readFile(join(root, "index.json"), "utf8")).manifests).toEqual([
      {
        mediaType: ociManifest,
        digest,
        size: 5,
        annotations: { "org.opencontainers.image.ref.name": "a:b" },
      },
    ]);
  });

  test("bytes come back as they were written, and only if they fit the digest", async () => {
    expect(await store.write(bytes, digest)).toBe(digest);
    expect(Buffer.from(await store.read(digest, 5)).toString()).toBe("hello");
    expect(await store.size(digest)).toBe(5);
    await expect(store.write(Buffer.from("other"), digest)).rejects.toThrow("wrong digest");
    await expect(store.read(digest, 4)).rejects.toThrow("larger than 4 bytes");
    await expect(store.read(digestOf("no"), 4)).rejects.toMatchObject({ code: "not_found" });
    expect(await readdir(join(root, "blobs", "sha256"))).toEqual([digest.slice(7)]);
  });

  test("rot is noticed, and mended by writing again", async () => {
    await store.write(bytes);
    await writeFile(store.path(digest), "hell");
    await expect(store.read(digest, 10)).rejects.toThrow("is damaged");
    await store.write(bytes, digest);
    expect(await store.read(digest, 10)).toHaveLength(5);
  });

  test("what is no digest never becomes a path", () => {
    expect(() => store.path("sha256:../../etc/passwd")).toThrow("invalid digest");
  });

  test("index writes at once leave the last one, whole", async () => {
    const entries = Array.from({ length: 20 }, (_, i) => ({
      descriptor: { mediaType: ociManifest, digest, size: 5 },
      name: `x:${i}`,
    }));
    await Promise.all(entries.map((_, i) => store.setIndex(entries.slice(0, i + 1))));
    expect(JSON.parse(await readFile(join(root, "index.json"), "utf8")).manifests).toHaveLength(20);
  });
});

describe("Ingest", () => {
  test("a blob is visible only when it is whole", async () => {
    const ingest = await store.ingest(digest, 5);
    await ingest.write(bytes.subarray(0, 2));
    expect(await store.has(digest)).toBe(false);
    await ingest.write(bytes.subarray(2));
    await ingest.commit({ verify: true });
    expect(await store.has(digest)).toBe(true);
    expect(await readdir(join(root, "ingest"))).toEqual([]);
  });

  test("an ingest that was kept goes on where it ended, in a new process too", async () => {
    const first = await store.ingest(digest, 5);
    await first.write(bytes.subarray(0, 3));
    await first.abort(true);
    const later = await (await ContentStore.open(root)).ingest(digest, 5);
    expect(later.offset).toBe(3);
    await later.write(bytes.subarray(3));
    await later.commit({ digest, size: 5 });
    expect(Buffer.from(await store.read(digest, 5)).toString()).toBe("hello");
  });

  test("reset starts from nothing", async () => {
    const ingest = await store.ingest(digest, 5);
    await ingest.write(Buffer.from("xyz"));
    await ingest.reset();
    expect(ingest.offset).toBe(0);
    await ingest.write(bytes);
    await ingest.commit({ verify: true });
  });

  test("the byte beyond the size is refused", async () => {
    const ingest = await store.ingest(digest, 4);
    await expect(ingest.write(bytes)).rejects.toThrow("larger than the declared 4 bytes");
    await ingest.abort();
    expect(await readdir(join(root, "ingest"))).toEqual([]);
  });

  test("wrong content leaves nothing behind", async () => {
    for (const seen of [
      { verify: true } as const,
      { digest: digestOf("hellO"), size: 5 },
      { digest, size: 4 },
    ]) {
      const ingest = await store.ingest(digest, 5);
      await ingest.write(Buffer.from("hellO"));
      await expect(ingest.commit(seen)).rejects.toThrow(/wrong (digest|size)/);
      expect(await store.has(digest)).toBe(false);
      expect(await readdir(join(root, "ingest"))).toEqual([]);
    }
  });

  test("too few bytes are no blob, even if somebody vouches for them", async () => {
    const ingest = await store.ingest(digest, 5);
    await ingest.write(bytes.subarray(0, 4));
    await expect(ingest.commit({ digest, size: 5 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(await store.has(digest)).toBe(false);
  });

  test("two at once for one digest are refused, one after the other are not", async () => {
    const first = await store.ingest(digest, 5);
    await expect(store.ingest(digest, 5)).rejects.toMatchObject({ code: "conflict" });
    await first.abort();
    await (await store.ingest(digest, 5)).abort();
  });

  test("a partial file longer than the blob is thrown away", async () => {
    await writeFile(join(root, "ingest", `${digest}.partial`), "much too long");
    const ingest = await store.ingest(digest, 5);
    expect(ingest.offset).toBe(0);
    expect((await stat(ingest.path)).size).toBe(0);
    await ingest.abort();
  });

  test("old partial files are swept, those in use are not", async () => {
    const old = join(root, "ingest", `${digestOf("old")}.partial`);
    await writeFile(old, "x");
    const ingest = await store.ingest(digest, 5);
    await ingest.write(bytes);
    await utimes(old, 1, 1);
    await utimes(ingest.path, 1, 1);
    await store.sweepPartials(new Date(1e9));
    expect(await readdir(join(root, "ingest"))).toEqual([`${digest}.partial`]);
    await ingest.abort();
  });
});
