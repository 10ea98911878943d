import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Archive } from "@napi-rs/tar";
import { buildImage, buildTar, digestOf } from "./image.ts";

test("buildTar writes an archive that tar reads back with modes, links and contents", async () => {
  const dir = await mkdtemp(join(tmpdir(), "rt-tar-"));
  try {
    await Bun.write(
      join(dir, "a.tar"),
      buildTar([
        { name: "bin", type: "directory" },
        { name: "bin/tool", mode: 0o4711, content: "x".repeat(600) },
        { name: "bin/alias", type: "symlink", mode: 0o777, target: "tool" },
        { name: "bin/twin", type: "hardlink", target: "bin/tool" },
        { name: "data", mode: 0o640, content: "", uid: 7, gid: 8 },
      ]),
    );
    const listed = Bun.spawnSync(["tar", "--numeric-owner", "-tvf", "a.tar"], { cwd: dir });
    const lines = listed.stdout.toString().trim().split("\n");
    expect(lines.map((line) => line.replace(/\s+\d+ \d\S+ \d\S+ /, " "))).toEqual([
      "drwxr-xr-x 0/0 bin/",
      "-rws--x--x 0/0 bin/tool",
      "lrwxrwxrwx 0/0 bin/alias -> tool",
      "hrwxr-xr-x 0/0 bin/twin link to bin/tool",
      "-rw-r----- 7/8 data",
    ]);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("buildImage gives the same digest for the same input", () => {
  const options = { layers: [[{ name: "a", content: "b" }]], config: { Cmd: ["/a"] } };
  expect(buildImage(options).digest).toBe(buildImage(options).digest);
});

test("buildImage lists plain digests in the config and compressed ones in the manifest", () => {
  const entries = [{ name: "a", content: "b" }];
  const image = buildImage({ layers: [entries], config: {}, compression: "zstd" });
  const manifest = JSON.parse(new TextDecoder().decode(image.manifest));
  const config = JSON.parse(new TextDecoder().decode(image.blobs.get(manifest.config.digest)));
  expect(config.rootfs.diff_ids).toEqual([digestOf(buildTar(entries))]);
  expect(manifest.layers[0].mediaType).toBe("application/vnd.oci.image.layer.v1.tar+zstd");
  expect(image.blobs.has(manifest.layers[0].digest)).toBe(true);
});

test("buildTar writes an archive that a foreign library reads back", () => {
  const archive = new Archive(buildTar([{ name: "etc/motd", content: "hello\n" }]));
  const read: [string | null, string][] = [];
  // Each in its turn: the bytes of an entry are gone once the next one is asked for.
  for (const entry of archive.entries()) read.push([entry.path(), entry.asBytes().toString()]);
  expect(read).toEqual([["etc/motd", "hello\n"]]);
});
