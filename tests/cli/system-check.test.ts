import { beforeAll, expect, test } from "bun:test";
import { readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { buildBusybox } from "../support/images.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

interface Stored {
  diffIds: string[];
  blobs: string[];
  manifest: string;
  config: string;
}

/** Of the image "two": busybox and one more layer. */
let stored: Stored;

beforeAll(async () => {
  const { world, registry, daemon } = stage();
  const above = [{ name: "srv", content: "on top\n" }];
  await registry.push("library/two:latest", await buildBusybox({ above: [above] }));
  await world.rtOutput(["pull", "-q", "two"]);
  const config = await world.rtOutput(["inspect", "-f", "{{.Id}}", "two"]);
  const layers = await world.rtOutput(["inspect", "-f", "{{json .RootFS.Layers}}", "two"]);
  const index = await Bun.file(join(daemon.dataRoot, "content/index.json")).json();
  const entry = index.manifests.find((each: { annotations: Record<string, string> }) =>
    Object.values(each.annotations).some((name) => name.includes("two")),
  );
  const manifest = await Bun.file(blobPath(entry.digest)).json();
  const blobs = manifest.layers.map(({ digest }: { digest: string }) => digest);
  stored = { diffIds: JSON.parse(layers), blobs, manifest: entry.digest, config };
});

const hex = (digest = ""): string => digest.slice("sha256:".length);
const blobPath = (digest = ""): string =>
  join(stage().daemon.dataRoot, "content/blobs/sha256", hex(digest));
const layerPath = (digest = ""): string => join(stage().daemon.dataRoot, "layers", hex(digest));

const whole = "Checked 2 layers and 6 blobs: no damage";

async function check(...flags: string[]): Promise<{ code: number; lines: string[] }> {
  const { code, stdout, stderr } = await stage().world.rt(["system", "check", ...flags]);
  expect(stderr).toBe("");
  return { code, lines: stdout.trimEnd().split("\n") };
}

/** Told, repaired, and gone at the next look; the image runs. */
async function repairs(expected: RegExp[]): Promise<void> {
  const found = await check();
  expect(found.code).toBe(1);
  expect(found.lines.length).toBe(expected.length + 1);
  for (const [at, pattern] of expected.entries()) expect(found.lines[at]).toMatch(pattern);
  const repaired = await check("--repair");
  expect(repaired.lines.at(-1)).toMatch(/ (\d) damaged, \1 repaired$/);
  expect(repaired.code).toBe(0);
  expect(await check()).toEqual({ code: 0, lines: [whole] });
  expect(await stage().world.rtOutput(["run", "--rm", "two", "cat", "/srv"])).toBe("on top");
}

test("a store without damage", async () => {
  expect(await check()).toEqual({ code: 0, lines: [whole] });
  expect(await check("--quick")).toEqual({ code: 0, lines: [whole] });
  const names = await readdir(join(stage().daemon.dataRoot, "layers"));
  expect(names.filter((name) => name.startsWith("staging"))).toEqual([]);
});

test("a truncated blob is fetched again", async () => {
  await truncate(blobPath(stored.blobs[0]), 1000);
  const quick = await check("--quick");
  expect(quick.code).toBe(1);
  await repairs([/^blob sha256:\S{12} \(.*busybox:latest.*\): the blob has 1000 bytes of \d+$/]);
});

test("a blob with other bytes is found by its digest", async () => {
  const path = blobPath(stored.blobs[1]);
  const bytes = await Bun.file(path).bytes();
  // In gzip's header: the time, which changes nothing of the content.
  bytes[4] = (bytes[4] ?? 0) ^ 0xff;
  await Bun.write(path, bytes);
  expect((await check("--quick")).code).toBe(0);
  await repairs([/^blob sha256:\S{12} \(two:latest\): the blob has another digest$/]);
});

test("a missing blob is fetched again", async () => {
  await rm(blobPath(stored.blobs[0]));
  await repairs([/: the blob is missing$/]);
});

test("a tree that lacks or has other files is unpacked again", async () => {
  await rm(join(layerPath(stored.diffIds[0]), "bin/sh"));
  await Bun.write(join(layerPath(stored.diffIds[1]), "srv"), "not this");
  await repairs([
    /^layer sha256:\S{12} \(.*busybox:latest.*\): "bin\/sh": missing$/,
    /^layer sha256:\S{12} \(two:latest\): "srv": another size$/,
  ]);
});

test("a missing tree is unpacked again, though the registry is not asked", async () => {
  await rm(layerPath(stored.diffIds[1]), { recursive: true });
  expect((await check("--quick")).code).toBe(1);
  await repairs([/^layer sha256:\S{12} \(two:latest\): the unpacked layer is missing$/]);
});

test("documents are fetched again by their digest", async () => {
  for (const digest of [stored.manifest, stored.config]) {
    const text = await Bun.file(blobPath(digest)).text();
    await Bun.write(blobPath(digest), text.replace("{", "["));
    await repairs([/^blob sha256:\S{12} \(two:latest\): stored content \S+ is damaged$/]);
  }
});

test("the tree of a container that runs is not taken from under it", async () => {
  const { world } = stage();
  await world.rtOutput(["run", "-d", "--name", "user", "two", "sleep", "1000"]);
  await Bun.write(join(layerPath(stored.diffIds[1]), "srv"), "changed");
  const found = await check("--repair");
  expect(found.code).toBe(1);
  expect(found.lines[0]).toEndWith(
    "not repaired: a container that runs has it mounted: stop that first",
  );
  await world.rtOutput(["rm", "-f", "user"]);
  expect((await check("--repair")).code).toBe(0);
});

test("what no registry has any more stays damaged, and is told as such", async () => {
  const { world } = stage();
  await world.rtOutput(["tag", "two", "elsewhere.invalid/two"]);
  await world.rtOutput(["rmi", "two"]);
  await rm(blobPath(stored.blobs[1]));
  const found = await check("--repair");
  expect(found.code).toBe(1);
  expect(found.lines[0]).toContain(
    "(elsewhere.invalid/two:latest): the blob is missing; not repaired: ",
  );
  expect(found.lines.at(-1)).toEndWith(": 1 damaged, 0 repaired");
});
