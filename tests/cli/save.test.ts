import { beforeAll, expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { buildSeeded } from "../support/seeded.ts";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ pulled: ["busybox", "hello-world"] });

beforeAll(async () => {
  const { world, registry } = stage();
  await registry.push("library/seeded:v1", await buildSeeded());
  await world.rtOutput(["pull", "-q", "seeded:v1"]);
  await world.rtOutput(["tag", "seeded:v1", "seeded:other"]);
});

/** Unpacks an archive with GNU tar and reads its documents. */
async function open(archive: string) {
  const { world } = stage();
  const root = `${archive}.d`;
  await mkdir(root);
  const ran = await world.run(["tar", "-C", root, "-xf", archive]);
  expect(ran).toEqual({ code: 0, stdout: "", stderr: "" });
  const json = async (path: string) => JSON.parse(await Bun.file(`${root}/${path}`).text());
  return { root, json, blobs: (await readdir(`${root}/blobs/sha256`)).sort() };
}

test("an archive is an OCI layout and a docker-archive, each blob as it was pulled", async () => {
  const { world, daemon } = stage();
  const file = world.path("seeded.tar");
  await world.rtOutput(["save", "-o", file, "seeded:v1"]);
  const { root, json, blobs } = await open(file);
  expect(await json("oci-layout")).toEqual({ imageLayoutVersion: "1.0.0" });
  const [entry] = (await json("index.json")).manifests;
  expect(entry.annotations).toEqual({
    "io.containerd.image.name": "docker.io/library/seeded:v1",
    "org.opencontainers.image.ref.name": "v1",
  });
  const manifest = await json(`blobs/sha256/${entry.digest.slice(7)}`);
  const image = await daemon.json<{ Id: string }>("/images/seeded:v1/json");
  expect(manifest.config.digest).toBe(image.Id);
  const path = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
  expect(await json("manifest.json")).toEqual([
    {
      Config: path(image.Id),
      RepoTags: ["seeded:v1"],
      Layers: manifest.layers.map(({ digest }: { digest: string }) => path(digest)),
    },
  ]);
  expect(Object.keys(await json("repositories"))).toEqual(["seeded"]);
  expect(blobs).toHaveLength(2 + manifest.layers.length);
  for (const hex of blobs) {
    const bytes = await Bun.file(`${root}/blobs/sha256/${hex}`).bytes();
    expect(new Bun.CryptoHasher("sha256").update(bytes).digest("hex")).toBe(hex);
  }
});

test("one archive holds several images, a bare name all its tags, and shared blobs once", async () => {
  const { world } = stage();
  const file = world.path("several.tar");
  const hello = await world.rtOutput(["image", "inspect", "-f", "{{.Id}}", "hello-world"]);
  await world.rtOutput(["save", "-o", file, "seeded", hello.slice(7, 19), "busybox:latest"]);
  const { json } = await open(file);
  const tags = (await json("manifest.json")).map((entry: { RepoTags: unknown }) => entry.RepoTags);
  expect(tags).toEqual([["seeded:other", "seeded:v1"], null, ["busybox:latest"]]);
  expect((await json("index.json")).manifests).toHaveLength(4);
  const listed = await world.run(["tar", "-tf", file]);
  const names = listed.stdout.trim().split("\n");
  expect(new Set(names).size).toBe(names.length);
});

test("the same images make the same archive, by rt and by docker, to a file and to a pipe", async () => {
  const { world } = stage();
  const hash = async (command: string): Promise<string> => {
    const ran = await world.run(["sh", "-c", `${command} | sha256sum`]);
    expect(ran.stderr).toBe("");
    return ran.stdout;
  };
  const rt = `${process.cwd()}/dist/rt`;
  const first = await hash(`${rt} save busybox seeded:v1`);
  expect(await hash(`${rt} image save busybox seeded:v1`)).toBe(first);
  expect(await hash(`docker -H unix://${world.socket} save busybox seeded:v1`)).toBe(first);
  const flags = "--platform linux/$(dpkg --print-architecture)";
  expect(await hash(`docker -H unix://${world.socket} save ${flags} busybox seeded:v1`)).toBe(
    first,
  );
  const file = world.path("again.tar");
  await world.rtOutput(["save", "-o", file, "busybox", "seeded:v1"]);
  expect(await hash(`cat ${file}`)).toBe(first);
});

test("skopeo and umoci read it, and find every digest as it was", async () => {
  const { world, daemon } = stage();
  const file = world.path("foreign.tar");
  await world.rtOutput(["save", "-o", file, "seeded:v1"]);
  const { root, json } = await open(file);
  const [{ digest }] = (await json("index.json")).manifests;
  const skopeo = async (from: string) => await world.run(["skopeo", "inspect", "--raw", `${from}`]);
  const raw = await skopeo(`oci-archive:${file}:v1`);
  expect(raw.stderr).toBe("");
  expect(new Bun.CryptoHasher("sha256").update(raw.stdout).digest("hex")).toBe(digest.slice(7));
  const config = await world.run([
    "skopeo",
    "inspect",
    "--config",
    "--raw",
    `docker-archive:${file}`,
  ]);
  const image = await daemon.json<{ Id: string }>("/images/seeded:v1/json");
  expect(new Bun.CryptoHasher("sha256").update(config.stdout).digest("hex")).toBe(
    image.Id.slice(7),
  );
  const unpack = ["umoci", "raw", "unpack", "--image", `${root}:v1`, world.path("rootfs")];
  expect((await world.run(unpack)).code).toBe(0);
  expect(await Bun.file(world.path("rootfs", "srv/data/sub/file")).text()).toBe("from the image\n");
});

test("what is not there is refused before a byte is written", async () => {
  const { world } = stage();
  const file = world.path("nothing.tar");
  for (const [args, words] of [
    [["nothing"], /No such image: nothing:latest/],
    [["busybox", "seeded:none"], /No such image: seeded:none/],
    [["--platform", "linux/s390x", "busybox"], /does not provide the specified platform/],
    [["--platform", "a/b/c/d", "busybox"], /invalid platform/],
  ] as const) {
    expectRefusal(await world.rt(["save", "-o", file, ...args]), 1, words);
    expect(await Bun.file(file).exists()).toBe(false);
  }
  expectRefusal(
    await world.rt(["save", "-o", "/no/such/place", "busybox"]),
    1,
    /invalid output path/,
  );
});
