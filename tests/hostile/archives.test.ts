/**
 * Archives of images that lie, lead out, or never end: each is refused in a sentence, and nothing is left of it, in the
 * store or elsewhere.
 */
import { afterEach, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { buildImage, buildTar, digestOf, type Entry } from "../../scripts/image.ts";
import { blobPath, fileOf, layoutMembers, manifestOf, oldMembers } from "../support/archives.ts";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage({ pulled: [] });

const image = buildImage({
  ...{ config: {}, compression: "none" },
  layers: [[{ name: "f", content: "x" }], [{ name: "g", content: "y" }]],
});
const { config, layers } = manifestOf(image);
const [first = { digest: "" }, second = { digest: "" }] = layers;
const old = oldMembers([{ image, tags: ["hostile:1"] }]);
const layout = layoutMembers([{ image, tags: ["hostile.example/x:1"] }]);
const layerName = old.find(({ name }) => name.endsWith("/layer.tar"))?.name ?? "";
const manifest = JSON.parse(String(old.find(({ name }) => name === "manifest.json")?.content));

const without = (members: Entry[], name: string) => members.filter((each) => each.name !== name);
const swapped = (members: Entry[], name: string, content: unknown) => [
  ...without(members, name),
  fileOf(name, content),
];
const withManifest = (changes: object) =>
  swapped(old, "manifest.json", [{ ...manifest[0], ...changes }]);
const index = (entry: object) =>
  swapped(layout, "index.json", { schemaVersion: 2, manifests: [entry] });

/** A layout whose config names other layers than its manifest has. */
function exchanged(): Entry[] {
  const text = new TextDecoder().decode(image.blobs.get(config.digest));
  const other = text.replace(first.digest, second.digest);
  const bytes = new TextEncoder().encode(other);
  const described = JSON.parse(new TextDecoder().decode(image.manifest));
  described.config = { ...described.config, digest: digestOf(bytes), size: bytes.length };
  const raw = new TextEncoder().encode(JSON.stringify(described));
  const blobs = new Map([...image.blobs, [digestOf(bytes), bytes]]);
  const lying = { ...image, manifest: raw, digest: digestOf(raw), blobs };
  return layoutMembers([{ image: lying, tags: [] }]);
}

const junk = new Uint8Array(600).fill(7);
const refused: Record<string, [Entry[] | Uint8Array, RegExp]> = {
  "a name that climbs": [[...old, fileOf("a/../../x", "x")], /leads out of it/],
  "an absolute name": [[...old, fileOf("/etc/x", "x")], /leads out of it/],
  "a link that climbs": [
    [...old, { name: "l", type: "symlink", target: "../../etc/passwd" }],
    /leads out of it/,
  ],
  "an absolute link for a layer": [
    [...without(old, layerName), { name: layerName, type: "symlink", target: "/etc/passwd" }],
    /leads out of it/,
  ],
  "a link for manifest.json": [
    [...without(old, "manifest.json"), { name: "manifest.json", type: "symlink", target: "x" }],
    /holds no images/,
  ],
  "links that lead to each other": [
    [
      ...without(old, layerName),
      { name: layerName, type: "symlink", target: "../loop" },
      { name: "loop", type: "hardlink", target: layerName },
    ],
    /lead nowhere/,
  ],
  "a device": [
    [...old, { name: "d", type: "character", device: { major: 1, minor: 5 } }],
    /device or a pipe/,
  ],
  "a pipe": [[...old, { name: "p", type: "fifo" }], /device or a pipe/],
  "two manifest.json": [
    [...old, fileOf("manifest.json", [])],
    /two members called "manifest.json"/,
  ],
  "a layer that is not there": [without(old, layerName), /it lacks ".*layer.tar"/],
  "a config that is not there": [withManifest({ Config: "no.json" }), /it lacks "no.json"/],
  "a config under a wrong digest": [
    swapped(old, `${config.digest.slice(7)}.json`, { rootfs: { type: "layers", diff_ids: [] } }),
    /config has the wrong digest/,
  ],
  "a layer that is not the config's": [swapped(old, layerName, buildTar([])), /wrong content/],
  "a layer that is no archive": [
    swapped(old, layerName, junk),
    /not a tar|checksum|malformed|layer/,
  ],
  "fewer layers than diff_ids": [withManifest({ Layers: [layerName] }), /1 layers, the config 2/],
  "a Config that is a number": [withManifest({ Config: 7 }), /has no Config/],
  "Layers that are a text": [withManifest({ Layers: "x" }), /Layers .* no list of strings/],
  "a tag that is no name": [withManifest({ RepoTags: ["Not Valid"] }), /invalid reference format/],
  "a manifest.json that is an object": [swapped(old, "manifest.json", {}), /is no list/],
  "a manifest.json that is no JSON": [swapped(old, "manifest.json", "{"), /not valid JSON/],
  "a manifest.json without images": [swapped(old, "manifest.json", []), /holds no images/],
  "a manifest.json as large as a layer": [
    swapped(old, "manifest.json", " ".repeat(5 * 1024 * 1024)),
    /larger than \d+ bytes/,
  ],
  "a blob under a wrong digest": [
    swapped(layout, blobPath(second.digest), "x"),
    /a blob has the wrong digest/,
  ],
  "a blob that is not there": [without(layout, blobPath(first.digest)), /it lacks the blob/],
  "a manifest that is not there": [without(layout, blobPath(image.digest)), /it lacks the blob/],
  "a wrong size": [
    index({ mediaType: image.mediaType, digest: image.digest, size: 5 }),
    /wrong size: expected 5/,
  ],
  "an index that names itself no digest": [
    index({ mediaType: image.mediaType, digest: "sha256:../../x", size: 5 }),
    /no valid digest/,
  ],
  "a name that is none": [
    index({
      ...{ mediaType: image.mediaType, digest: image.digest, size: image.manifest.length },
      annotations: { "io.containerd.image.name": "../../etc:x" },
    }),
    /invalid reference format/,
  ],
  "an index of nothing": [
    swapped(layout, "index.json", { schemaVersion: 2, manifests: [] }),
    /no images/,
  ],
  "diff_ids of other layers": [exchanged(), /wrong content/],
  "no tar at all": [junk, /archive is damaged/],
  "a tar that is cut off": [buildTar(old).slice(0, 5000), /cut off/],
  "a tar whose header lies": [
    Buffer.from(buildTar(old)).fill("9", 130, 134),
    /checksum of a header is wrong/,
  ],
  "gzip that is cut off": [
    Bun.gzipSync(new Uint8Array(buildTar(old))).slice(0, -30),
    /invalid archive: gzip/,
  ],
  "gzip that is damaged": [
    new Uint8Array(Buffer.from(Bun.gzipSync(new Uint8Array(buildTar(old)))).fill(255, 40, 90)),
    /invalid archive: gzip|archive is damaged/,
  ],
  "zstd that is cut off": [
    Bun.zstdCompressSync(new Uint8Array(buildTar(old))).slice(0, -30),
    /invalid archive|cut off/,
  ],
  xz: [new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]), /compressed with xz/],
  bzip2: [new TextEncoder().encode("BZh91AY&SY"), /compressed with bzip2/],
};

let before = new Set<string>();

/** All that the engine keeps of images, by name. */
async function kept(): Promise<Set<string>> {
  const { dataRoot } = stage().daemon;
  const of = async (path: string) => await readdir(`${dataRoot}/${path}`, { recursive: true });
  return new Set([...(await of("content")), ...(await of("layers"))]);
}

afterEach(async () => {
  expect(await kept()).toEqual(before);
  expect(await stage().world.rtOutput(["images", "-aq"])).toBe("");
});

for (const [what, [content, words]] of Object.entries(refused)) {
  test(`${what} is refused`, async () => {
    const { world } = stage();
    before = await kept();
    const file = world.path(`${what.replaceAll(" ", "-")}.tar`);
    await Bun.write(
      file,
      new Uint8Array(content instanceof Uint8Array ? content : buildTar(content)),
    );
    expectRefusal(await world.rt(["load", "-i", file]), 1, words);
  });
}

test("a client that goes in the middle leaves nothing", async () => {
  const { world, daemon } = stage();
  before = await kept();
  await Bun.write(world.path("cut.tar"), new Uint8Array(buildTar(old)));
  const feed = `head -c 3000 ${world.path("cut.tar")}; exec sleep 60`;
  const running = world.spawn(["sh", "-c", `(${feed}) | timeout -s KILL 3 ${rtPath} load`]);
  const spooled = async () => (await readdir(`${daemon.dataRoot}/content/ingest`)).length;
  await until("the archive to be spooled", async () => (await spooled()) > 0);
  await until("the archive to be gone", async () => (await spooled()) === 0);
  process.kill(await world.innerPid(running), "SIGKILL");
});

test("what a killed daemon has spooled is gone with the next one's start", async () => {
  const { daemon } = stage();
  before = await kept();
  await Bun.write(`${daemon.dataRoot}/content/ingest/load-0011223344556677-0.partial`, "x");
  const { world, registry } = stage();
  expect(await daemon.stop()).toBe(0);
  await world.daemon({ mirrors: [registry.url] });
  expect(await readdir(`${daemon.dataRoot}/content/ingest`)).toEqual([]);
});
