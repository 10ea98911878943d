import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { blockSize, buildHeader, type Header, padding } from "../../archive/header.ts";
import { TarReader } from "../../archive/reader.ts";
import { packTree } from "./pack.ts";
import { unpackTree } from "./unpack.ts";

async function useDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(`${tmpdir()}/rt-copy-`);
  try {
    await work(path);
  } finally {
    await rm(path, { recursive: true });
  }
}

/** Bytes in pieces of any size. */
function readerOf(bytes: Uint8Array, piece = 100): TarReader {
  let at = 0;
  return new TarReader(async () => {
    const chunk = bytes.subarray(at, at + piece);
    at += chunk.length;
    return chunk.length === 0 ? undefined : chunk;
  });
}

function archive(entries: (Partial<Header> & { name: string; content?: string })[]): Uint8Array {
  const plain = { type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 1, link: "" } as const;
  const parts = entries.flatMap(({ content = "", ...entry }) => {
    const bytes = Buffer.from(content);
    const header = buildHeader({ ...plain, ...entry, size: bytes.length });
    return [header, bytes, padding(bytes.length)];
  });
  return Buffer.concat([...parts, new Uint8Array(2 * blockSize)]);
}

const asIs = { rename: (name: string) => name, warn: () => {} };

test("packTree and unpackTree give a tree back as it was, in pieces of any size", async () => {
  await useDirectory(async (path) => {
    const long = `${"ü".repeat(90)}`;
    await mkdir(`${path}/from/${long}`, { recursive: true });
    await writeFile(`${path}/from/${long}/f`, "x".repeat(1000), { mode: 0o600 });
    await symlink("f", `${path}/from/${long}/l`);
    await mkdir(`${path}/to`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of packTree(`${path}/from`, "d")) chunks.push(chunk);
    for (const piece of [1, 511, 100_000]) {
      await unpackTree(readerOf(Buffer.concat(chunks), piece), `${path}/to`, asIs);
      expect(await readFile(`${path}/to/d/${long}/l`, "utf8")).toBe("x".repeat(1000));
      expect((await stat(`${path}/to/d/${long}/f`)).mode & 0o777).toBe(0o600);
    }
  });
});

test("unpackTree goes through no link, whether of the archive or from before", async () => {
  await useDirectory(async (path) => {
    await mkdir(`${path}/outside`);
    await mkdir(`${path}/to`);
    await symlink("../outside", `${path}/to/before`);
    const hostile = [
      [{ name: "before/f", content: "x" }],
      [
        { name: "l", type: "symlink" as const, link: "../outside" },
        { name: "l/f", content: "x" },
      ],
      [{ name: "../outside/f", content: "x" }],
      [{ name: "h", type: "hardlink" as const, link: "before/secret" }],
      [{ name: "before", type: "directory" as const }],
    ];
    for (const entries of hostile) {
      const unpacked = unpackTree(readerOf(archive(entries)), `${path}/to`, asIs);
      expect(
        await unpacked.then(
          () => "unpacked",
          () => "refused",
        ),
      ).toBe("refused");
    }
    // A file in the place of a link replaces the link.
    await unpackTree(readerOf(archive([{ name: "before", content: "x" }])), `${path}/to`, asIs);
    expect(await readFile(`${path}/to/before`, "utf8")).toBe("x");
    expect(await readdir(`${path}/outside`)).toEqual([]);
  });
});

test("a damaged archive is an error", async () => {
  const whole = archive([{ name: "f", content: "x".repeat(2000) }]);
  const read = async (bytes: Uint8Array) => {
    const reader = readerOf(bytes);
    while ((await reader.entry()) !== undefined);
  };
  await read(whole);
  expect(read(whole.subarray(0, 900))).rejects.toThrow("cut off");
  const bad = Buffer.from(whole);
  bad[0] = 120;
  expect(read(bad)).rejects.toThrow("checksum");
});
