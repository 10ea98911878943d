import { afterEach, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { buildImage, buildIndex, buildTar, digestOf, type Image } from "../../scripts/image.ts";
import {
  blobPath,
  fileOf,
  layoutMembers,
  manifestOf,
  oldMembers,
  writeArchive,
} from "../support/archives.ts";
import { buildBusybox } from "../support/images.ts";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage({ pulled: [] });

const plain = await buildBusybox({
  above: [[{ name: "above", content: "x\n" }]],
  compression: "none",
});
const small = (content: string, options = {}): Image =>
  buildImage({ layers: [[{ name: "f", content }]], config: {}, compression: "none", ...options });
const idOf = (image: Image): string => manifestOf(image).config.digest;

const listed = async (): Promise<string[]> => {
  const text = await stage().world.rtOutput(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
  return text === "" ? [] : text.split("\n").sort();
};

afterEach(async () => {
  const ids = await stage().world.rtOutput(["images", "-q", "--no-trunc"]);
  const unique = [...new Set(ids.split("\n"))].filter(Boolean);
  if (unique.length > 0) await stage().world.rtOutput(["rmi", "-f", ...unique]);
  // What is spooled is gone, and so is all that belonged to the images.
  const { dataRoot } = stage().daemon;
  expect(await readdir(`${dataRoot}/content/ingest`)).toEqual([]);
  expect(await readdir(`${dataRoot}/content/blobs/sha256`)).toEqual([]);
  expect((await readdir(`${dataRoot}/layers`)).sort()).toEqual(["empty", "filler"]);
});

/** Loads an archive from stdin. */
async function pipe(bytes: Uint8Array, ...flags: string[]) {
  const file = path();
  await Bun.write(file, new Uint8Array(bytes));
  return await stage().world.run(["sh", "-c", `exec ${rtPath} ${flags.join(" ")} <${file}`]);
}

let count = 0;
const path = (): string => stage().world.path(`archive-${count++}.tar`);

test("the API tells the refusal of an archive as a line, as Docker's clients expect it", async () => {
  const reply = await stage().daemon.request("/images/load", { method: "POST", body: "abc" });
  expect(reply.status).toBe(200);
  const { error, errorDetail } = JSON.parse(await reply.text());
  expect(error).toContain("the archive is damaged");
  expect(errorDetail).toEqual({ message: error });
});

test("an archive of Docker before version 25 is loaded and runs", async () => {
  const { world } = stage();
  const file = await writeArchive(path(), oldMembers([{ image: plain, tags: ["old:1"] }]));
  const ran = await world.rt(["load", "-q", "-i", file]);
  expect(ran).toEqual({ code: 0, stdout: "Loaded image: old:1\n", stderr: "" });
  expect(await world.rtOutput(["image", "inspect", "-f", "{{.Id}}", "old:1"])).toBe(idOf(plain));
  expect(await world.rtOutput(["run", "--rm", "old:1", "cat", "/above"])).toBe("x");
});

test("several images, layers that are links, and members in any order", async () => {
  const other = small("other");
  const above = [[{ name: "above", content: "x\n" }]];
  const relative = await buildBusybox({ above, compression: "none", config: { Cmd: ["true"] } });
  const images = [
    { image: plain, tags: ["one:a", "one:b"] },
    { image: relative, tags: ["two:1"] },
    { image: other, tags: [] },
  ];
  const members = oldMembers(images);
  expect(members.some(({ type }) => type === "symlink")).toBe(true);
  for (const order of [members, members.toReversed()]) {
    const ran = await pipe(buildTar(order), "image load -q");
    expect(ran.stderr).toBe("");
    expect(ran.stdout.split("\n")).toEqual([
      "Loaded image: one:a",
      "Loaded image: one:b",
      "Loaded image: two:1",
      `Loaded image ID: ${idOf(other)}`,
      "",
    ]);
  }
  expect(await listed()).toEqual(["<none>:<none>", "one:a", "one:b", "two:1"]);
});

test("an OCI layout keeps its manifests, and is read compressed as a whole", async () => {
  const { world, daemon } = stage();
  const image = await buildBusybox({ compression: "gzip" });
  const members = layoutMembers([{ image, tags: ["docker.io/library/oci:1", "oci.example/x:2"] }]);
  const tar = new Uint8Array(buildTar(members));
  for (const bytes of [tar, Bun.gzipSync(tar), Bun.zstdCompressSync(tar)]) {
    const ran = await pipe(bytes, "load -q");
    expect(ran).toEqual({
      ...{ code: 0, stderr: "" },
      stdout: "Loaded image: oci:1\nLoaded image: oci.example/x:2\n",
    });
  }
  const { RepoDigests } = await daemon.json<{ RepoDigests: string[] }>("/images/oci:1/json");
  expect(RepoDigests).toEqual([`oci@${image.digest}`, `oci.example/x@${image.digest}`]);
  expect(await world.rtOutput(["run", "--rm", "oci:1", "echo", "runs"])).toBe("runs");
});

test("of an index, nested or not, the host's image is taken, or the one that --platform names", async () => {
  const { world } = stage();
  const arm = small("arm", { architecture: "arm64" });
  const amd = small("amd", { architecture: "amd64" });
  const index = buildIndex([
    { image: arm, architecture: "arm64" },
    { image: amd, architecture: "amd64" },
  ]);
  const blobs = [arm, amd].flatMap(({ digest, manifest, blobs }) => [
    [digest, manifest] as const,
    ...blobs,
  ]);
  const named = { "org.opencontainers.image.ref.name": "multi.example/app:1" };
  const { mediaType, digest, manifest } = index;
  const entry = { mediaType, digest, size: manifest.length, annotations: named };
  const flat = JSON.parse(new TextDecoder().decode(manifest));
  for (const top of [
    { schemaVersion: 2, manifests: [entry] },
    { ...flat, manifests: flat.manifests.map((each: object) => ({ ...each, annotations: named })) },
  ]) {
    const file = await writeArchive(path(), [
      fileOf("oci-layout", { imageLayoutVersion: "1.0.0" }),
      fileOf("index.json", top),
      fileOf(blobPath(digest), manifest),
      ...blobs.map(([digest, bytes]) => fileOf(blobPath(digest), bytes)),
    ]);
    for (const [flags, image] of [
      [[], process.arch === "arm64" ? arm : amd],
      [["--platform", "linux/arm64"], arm],
      [["--platform", "linux/amd64"], amd],
    ] as const) {
      await world.rtOutput(["load", "-q", ...flags, "-i", file]);
      const id = await world.rtOutput(["image", "inspect", "-f", "{{.Id}}", "multi.example/app:1"]);
      expect(id).toBe(idOf(image));
    }
    const ran = await world.rt(["load", "--platform", "linux/s390x", "-i", file]);
    expectRefusal(ran, 1, /no image for the platform linux\/s390x/);
  }
});

test("a name moves to the image that is loaded, and that is said", async () => {
  const { world } = stage();
  const [first, second] = [small("first"), small("second")];
  const load = async (image: Image) => {
    const file = await writeArchive(path(), oldMembers([{ image, tags: ["moved:1"] }]));
    return await world.rtOutput(["load", "-q", "-i", file]);
  };
  await load(first);
  expect(await load(second)).toBe(
    `The image moved:1 already exists, renaming the old one with ID ${idOf(first)} to empty string\n` +
      "Loaded image: moved:1",
  );
  expect(await world.rtOutput(["image", "inspect", "-f", "{{.Id}}", "moved:1"])).toBe(idOf(second));
});

test("save | load gives another engine the same images, with the same bytes", async () => {
  const { world, registry } = stage();
  await registry.push("library/gzip:1", await buildBusybox({ compression: "gzip" }));
  await registry.push("library/zstd:1", small("zstd", { compression: "zstd" }));
  for (const name of ["gzip:1", "zstd:1"]) await world.rtOutput(["pull", "-q", name]);
  const second = await world.daemon({ name: "second" });
  const there = ["-H", `unix://${second.socket}`];
  const pipe = `${rtPath} save gzip:1 zstd:1 | ${rtPath} ${there.join(" ")} load -q`;
  const ran = await world.run(["sh", "-c", pipe]);
  expect(ran).toEqual({
    code: 0,
    stdout: "Loaded image: gzip:1\nLoaded image: zstd:1\n",
    stderr: "",
  });
  const seen = async (flags: string[]) =>
    await world.rtOutput([...flags, "images", "--no-trunc", "--digests", "--format", "{{json .}}"]);
  const rows = (text: string) =>
    text.split("\n").map((line) => {
      const { ID, Repository, Digest, Size } = JSON.parse(line);
      return { ID, Repository, Digest, Size };
    });
  expect(rows(await seen(there))).toEqual(rows(await seen([])));
  const saved = [...there, "save", "gzip:1", "zstd:1"].join(" ");
  const same = `cmp <(${rtPath} save gzip:1 zstd:1) <(${rtPath} ${saved})`;
  expect(await world.run(["bash", "-c", same])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await world.rtOutput([...there, "run", "--rm", "gzip:1", "echo", "runs"])).toBe("runs");
  await second.removeContainers();
  expect(await second.stop()).toBe(0);
});

test("docker-archive, rt, OCI archive, skopeo and back: no digest changes", async () => {
  const { world } = stage();
  const file = await writeArchive(path(), oldMembers([{ image: plain, tags: ["round:1"] }]));
  await world.rtOutput(["load", "-q", "-i", file]);
  const saved = path();
  await world.rtOutput(["save", "-o", saved, "round:1"]);
  const skopeo = async (...args: string[]) => {
    const ran = await world.run(["skopeo", "--insecure-policy", ...args]);
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  };
  const copied = path();
  await skopeo(
    "copy",
    "-q",
    "--preserve-digests",
    `oci-archive:${saved}:1`,
    `oci-archive:${copied}:skopeo.example/round:2`,
  );
  const raw = JSON.parse(await skopeo("inspect", "--raw", `oci-archive:${copied}`));
  expect(raw.config.digest).toBe(idOf(plain));
  expect(raw.layers.map((layer: { digest: string }) => layer.digest)).toEqual(
    manifestOf(plain).layers.map(({ digest }) => digest),
  );
  const docker = path();
  await skopeo("copy", "-q", `oci-archive:${copied}`, `docker-archive:${docker}:round:3`);
  await world.rtOutput(["rmi", "round:1"]);
  expect(await world.rtOutput(["load", "-q", "-i", copied])).toBe(
    "Loaded image: skopeo.example/round:2",
  );
  expect(await world.rtOutput(["load", "-q", "-i", docker])).toBe("Loaded image: round:3");
  const ids = await world.rtOutput(["images", "-q", "--no-trunc"]);
  expect(new Set(ids.split("\n"))).toEqual(new Set([idOf(plain)]));
  expect(await world.rtOutput(["run", "--rm", "round:3", "cat", "/above"])).toBe("x");
});

test("what umoci has made is loaded", async () => {
  const { world } = stage();
  const layout = world.path("umoci");
  const script = [
    `umoci init --layout ${layout}`,
    `umoci new --image ${layout}:made`,
    `umoci config --image ${layout}:made --config.cmd /bin/sh --architecture amd64`,
    `cp "$(command -v busybox)" ${world.path("busybox")}`,
    `umoci insert --image ${layout}:made ${world.path("busybox")} /bin/sh`,
    `tar -C ${layout} -cf ${layout}.tar .`,
  ];
  expect((await world.run(["sh", "-ec", script.join("\n")])).code).toBe(0);
  const loaded = await world.rtOutput(["load", "-q", "-i", `${layout}.tar`]);
  const [, id = ""] = /^Loaded image ID: (sha256:[0-9a-f]{64})$/.exec(loaded) ?? [];
  await world.rtOutput(["tag", id, "made:1"]);
  expect((await world.rt(["run", "--rm", "made:1", "-c", "echo runs"])).stdout).toBe("");
  expect((await world.rt(["run", "--rm", "made:1", "/bin/sh", "-c", "echo runs"])).stdout).toBe(
    "runs\n",
  );
});

test("docker load says what rt says, and events tell of it", async () => {
  const { world } = stage();
  const file = await writeArchive(path(), oldMembers([{ image: plain, tags: ["by/docker:1"] }]));
  for (const flags of [[], ["-q"]]) {
    const ran = await world.docker(["load", ...flags, "-i", file]);
    expect(ran).toEqual({ code: 0, stdout: "Loaded image: by/docker:1\n", stderr: "" });
    expect((await world.rt(["load", ...flags, "-i", file])).stdout).toBe(ran.stdout);
  }
  const flags = ["--since", "1h", "--until", "0s", "--filter", "event=load"];
  const told = await world.rtOutput(["events", ...flags, "--format", "{{.Type}} {{.Actor.ID}}"]);
  expect(told.split("\n")).toContain(
    `image ${digestOf(plain.blobs.get(idOf(plain)) ?? new Uint8Array())}`,
  );
});

test("load reads stdin to its end, and says what is wrong with a file", async () => {
  const { world } = stage();
  expectRefusal(await world.rt(["load", "-i", "/no/such/file"]), 1, /no such file or directory/);
  expectRefusal(await world.rt(["load"], { stdin: "" }), 1, /holds no images/);
  expectRefusal(await world.rt(["load"], { stdin: "no archive at all" }), 1, /archive is damaged/);
});
