import { beforeAll, expect, test } from "bun:test";
import type { DifferenceLine, ImageAnatomy } from "../../src/api/anatomy.ts";
import { buildBusybox, stackOn } from "../support/images.ts";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage({ pulled: [] });

const file = (name: string, size: number, mode = 0o644) => ({
  ...{ name, mode, content: "x".repeat(size) },
});
const whiteout = (path: string) => {
  const at = path.lastIndexOf("/") + 1;
  return { name: `${path.slice(0, at)}.wh.${path.slice(at)}`, content: "" };
};

beforeAll(async () => {
  const { world, registry } = stage();
  const base = await buildBusybox({
    above: [[file("data/old", 5000), file("data/sub/deep", 700), file("etc/motd", 30)]],
  });
  const changed = stackOn(base, [
    file("etc/motd", 90, 0o600),
    whiteout("data"),
    file("new/a\u001b[2J\nb", 12),
  ]);
  const opaque = stackOn(base, [{ name: "data/.wh..wh..opq", content: "" }, file("data/x", 4)]);
  await registry.push("library/app:base", base);
  await registry.push("library/app:changed", changed);
  await registry.push("library/app:opaque", opaque);
  for (const name of ["app:base", "app:changed", "app:opaque"])
    await world.rtOutput(["pull", "-q", name]);
});

const read = async (name: string): Promise<ImageAnatomy> =>
  JSON.parse(await stage().world.rtOutput(["image", "tree", "--format", "json", name]));

test("each layer is told with its sizes and with what it wastes of those below", async () => {
  const image = await read("app:changed");
  expect(image.RepoTags).toEqual(["app:changed"]);
  expect(image.Layers.map(({ WastedBytes }) => WastedBytes)).toEqual([0, 0, 5730]);
  expect(image.Layers.map(({ Files }) => Files).slice(1)).toEqual([3, 2]);
  expect(image.Layers.slice(1).map(({ Size }) => Size)).toEqual([5730, 102]);
  expect(image.WastedBytes).toBe(5730);
  for (const { CompressedSize, Digest } of image.Layers) {
    expect(CompressedSize).toBeGreaterThan(0);
    expect(Digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  }
});

test("an opaque directory wastes all that it hides", async () => {
  const { Layers } = await read("app:opaque");
  expect(Layers.map(({ WastedBytes }) => WastedBytes)).toEqual([0, 0, 5700]);
});

test("tree is a plain table in a pipe and a picture on a terminal", async () => {
  const { world } = stage();
  const plain = await world.rtOutput(["image", "tree", "app:changed"]);
  expect(plain).toMatch(/^LAYER +SIZE +COMPRESSED +WASTED +CREATED BY\n/);
  expect(plain.split("\n")).toHaveLength(4);
  expect(plain).not.toMatch(/[├│█]/);
  const shown = await world.run([
    ...["script", "-qec", `${rtPath} image tree app:changed`, "/dev/null"],
  ]);
  expect(shown.stdout).toMatch(/^app:changed \([0-9a-f]{12}, linux\/amd64\)\r?\n│ {2}LAYER/);
  expect(shown.stdout).toMatch(/├─ [0-9a-f]{12} .*█/);
  expect(shown.stdout).toContain(", 5.73kB wasted (");
  expect(shown.stdout.includes("\u001b")).toBe(false);
});

test("a template names the fields of a layer, and an image that is not there is refused", async () => {
  const { world } = stage();
  const args = ["image", "tree", "--no-trunc", "--format", "{{.ID}} {{.Wasted}}", "app:changed"];
  const lines = (await world.rtOutput(args)).split("\n");
  expect(lines[2]).toMatch(/^sha256:[0-9a-f]{64} 5\.73kB$/);
  expectRefusal(await world.rt(["image", "tree", "nothing"]), 1, "No such image: nothing:latest");
});

test("diff tells layers and files, and no name forges a line or steers a terminal", async () => {
  const { world } = stage();
  const text = await world.rtOutput(["image", "diff", "app:base", "app:changed"]);
  const lines = text.split("\n");
  expect(lines.filter((line) => line.startsWith("= layer "))).toHaveLength(2);
  expect(lines.filter((line) => line.startsWith("+ layer "))).toHaveLength(1);
  expect(lines.slice(3)).toEqual([
    "D /data/",
    "D /data/old  5kB",
    "D /data/sub/",
    "D /data/sub/deep  700B",
    "C /etc/motd  30B → 90B (mode, size)",
    "A /new/",
    'A "/new/a\\033[2J\\012b"  12B',
    "2 added (+12B), 1 changed (+60B), 4 deleted (-5.7kB)",
  ]);
});

test("diff the other way round is the reverse; an image does not differ from itself", async () => {
  const { world } = stage();
  const names = await world.rtOutput(["image", "diff", "--name-only", "app:changed", "app:base"]);
  expect(names.split("\n")).toEqual([
    ...["/data", "/data/old", "/data/sub", "/data/sub/deep"],
    ...["/etc/motd", "/new", '"/new/a\\033[2J\\012b"'],
  ]);
  expect(await world.rtOutput(["image", "diff", "--name-only", "app:base", "app:base"])).toBe("");
});

test("a name that is no text is shown byte for byte", async () => {
  const { world } = stage();
  const script = `cd ${world.root} && mkdir raw && touch raw/a && tar -C raw -cf a.tar . &&
    touch "raw/$(printf 'x\\377')" && tar -C raw -cf b.tar .`;
  expect(await world.run(["sh", "-c", script])).toEqual({ code: 0, stdout: "", stderr: "" });
  for (const name of ["a", "b"]) await world.rtOutput(["import", world.path(`${name}.tar`), name]);
  const names = await world.rtOutput(["image", "diff", "--name-only", "a", "b"]);
  expect(names.split("\n")).toContain('"/x\\377"');
  const json = await world.rtOutput(["image", "diff", "--format", "json", "a", "b"]);
  expect(json).toContain('{"path":"/x\ufffd","raw":"2f78ff","change":"added"');
});

test("diff as JSON is a line for the layers and one for each file", async () => {
  const { world } = stage();
  const text = await world.rtOutput([
    "image",
    "diff",
    "--format",
    "json",
    "app:base",
    "app:opaque",
  ]);
  const [first, ...files] = text.split("\n").map((line) => JSON.parse(line) as DifferenceLine);
  const { layers } = first as Extract<DifferenceLine, { layers: unknown }>;
  expect([layers.shared.length, layers.removed.length, layers.added.length]).toEqual([2, 0, 1]);
  expect(files).toContainEqual({
    ...{ path: "/data/x", change: "added", what: [], type: "file", before: null, after: 4 },
  });
  expect(files.map((line) => "path" in line && line.path)).toEqual([
    ...["/data/old", "/data/sub", "/data/sub/deep", "/data/x"],
  ]);
});
