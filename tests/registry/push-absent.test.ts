import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { buildImage, type Entry, type Image } from "../../scripts/image.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage({ pulled: [] });
const files: Entry[] = [{ name: "file", content: "the same in both ".repeat(1000) }];
const manifestOf = (image: Image) => JSON.parse(new TextDecoder().decode(image.manifest));

test("a layer that was unpacked for another image is pushed from there, or left where it is", async () => {
  const { world, registry } = stage();
  const plain = buildImage({ layers: [files], config: { Cmd: ["/a"] }, compression: "none" });
  const zipped = buildImage({ layers: [files], config: { Cmd: ["/b"] }, compression: "gzip" });
  await registry.push("one/plain:1", plain);
  await registry.push("one/zipped:1", zipped);
  for (const name of ["plain", "zipped"])
    await world.rtOutput(["pull", "-q", `${registry.host}/one/${name}:1`]);
  const from = `${registry.host}/one/zipped:1`;
  const near = `${registry.host}/two/zipped:1`;
  await world.rtOutput(["tag", from, near]);
  // The registry has the blob that is not here, so the manifest stays what it is.
  const pushed = await world.rtOutput(["push", near]);
  expect(pushed).toContain("Mounted from one/zipped");
  expect(pushed).toContain(`1: digest: ${zipped.digest} `);
  const other = await world.debianRegistry();
  const far = `${other.host}/two/zipped:1`;
  await world.rtOutput(["tag", from, far]);
  expect(await world.rtOutput(["push", far])).not.toContain(zipped.digest);
  const reply = await other.request("/v2/two/zipped/manifests/1", {
    headers: { accept: manifestOf(zipped).mediaType },
  });
  const made = JSON.parse(await reply.text());
  expect(made.config).toEqual(manifestOf(zipped).config);
  expect(made.layers).toEqual(manifestOf(plain).layers);
});

test("with --no-keep-blobs an image goes where its layers are, and is refused in words elsewhere", async () => {
  const { world, registry, daemon } = stage();
  await daemon.stop();
  const bare = await world.daemon({ flags: ["--no-keep-blobs"], mirrors: [registry.url] });
  const image = buildImage({ layers: [[{ name: "lone", content: "lone" }]], config: {} });
  await registry.push("bare/image:1", image);
  const from = `${registry.host}/bare/image:1`;
  await world.rtOutput(["pull", "-q", from]);
  const [layer] = manifestOf(image).layers;
  const blobs = join(bare.dataRoot, "content/blobs/sha256");
  await until("the blob to be gone", async () =>
    (await readdir(blobs)).every((name) => `sha256:${name}` !== layer.digest),
  );
  const near = `${registry.host}/bare/copy:1`;
  await world.rtOutput(["tag", from, near]);
  expect(await world.rtOutput(["push", near])).toContain(`1: digest: ${image.digest} `);
  const other = await world.debianRegistry();
  const far = `${other.host}/bare/copy:1`;
  await world.rtOutput(["tag", from, far]);
  const refused = await world.rt(["push", far]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/cannot be pushed: its blob sha256:[0-9a-f]{64} is not in the/);
  expect(refused.stderr).toContain("--no-keep-blobs");
});
