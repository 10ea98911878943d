import { beforeAll, expect, test } from "bun:test";
import { buildImage, buildIndex, hostArchitecture, type Image } from "../../scripts/image.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ pulled: [] });

const own = hostArchitecture();
const other = own === "amd64" ? "arm64" : "amd64";
const build = (architecture: string) =>
  buildImage({ layers: [[{ name: architecture, content: "x" }]], config: {}, architecture });

let index: Image;

beforeAll(async () => {
  const { registry } = stage();
  const images = [other, own].map((architecture) => ({ architecture, image: build(architecture) }));
  for (const { image } of images) await registry.push(`library/both@${image.digest}`, image);
  index = buildIndex(images);
  await registry.push("library/both:1", index);
});

async function save(...flags: string[]) {
  const { world } = stage();
  const file = world.path(`both-${flags.join("").replaceAll("/", "-")}.tar`);
  await world.rtOutput(["save", ...flags, "-o", file, "both:1"]);
  const read = async (member: string) =>
    JSON.parse((await world.run(["tar", "-xOf", file, member])).stdout);
  const listed = (await world.run(["tar", "-tf", file])).stdout.trim().split("\n");
  expect(new Set(listed).size).toBe(listed.length);
  return { file, read, blobs: listed.filter((name) => /\/[0-9a-f]{64}$/.test(name)) };
}

test("an index is saved once the images of all its platforms are here, and loaded by platform", async () => {
  const { world } = stage();
  await world.rtOutput(["pull", "-q", "--platform", `linux/${other}`, "both:1"]);
  const first = await save();
  expect((await first.read("index.json")).manifests[0].digest).not.toBe(index.digest);
  expect(first.blobs).toHaveLength(3);

  await world.rtOutput(["pull", "-q", "both:1"]);
  const { file, read, blobs } = await save();
  const [entry] = (await read("index.json")).manifests;
  expect([entry.digest, entry.mediaType]).toEqual([index.digest, index.mediaType]);
  expect(blobs).toHaveLength(1 + 2 * 3);
  expect((await read("manifest.json"))[0].RepoTags).toEqual(["both:1"]);

  const copied = world.path("copied");
  const skopeo = await world.run([
    ...["skopeo", "--insecure-policy", "copy", "-q", "--all"],
    ...[`oci-archive:${file}`, `dir:${copied}`],
  ]);
  expect([skopeo.code, skopeo.stderr]).toEqual([0, ""]);
  const copiedIndex = await Bun.file(`${copied}/manifest.json`).bytes();
  expect(new Uint8Array(copiedIndex)).toEqual(new Uint8Array(index.manifest));

  await world.rtOutput(["image", "prune", "-af"]);
  await world.rtOutput(["load", "-q", "--platform", `linux/${other}`, "-i", file]);
  const shown = ["inspect", "-f", "{{.Architecture}}", "both:1"];
  expect(await world.rtOutput(shown)).toBe(other);
});

test("with --platform the one image is saved", async () => {
  const { world } = stage();
  await world.rtOutput(["pull", "-q", "--platform", `linux/${other}`, "both:1"]);
  await world.rtOutput(["pull", "-q", "both:1"]);
  const { read, blobs } = await save("--platform", `linux/${own}`);
  expect((await read("index.json")).manifests[0].digest).not.toBe(index.digest);
  expect(blobs).toHaveLength(3);
});
