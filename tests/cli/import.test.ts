import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { buildImage, buildIndex, buildTar, hostArchitecture } from "../../scripts/image.ts";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage();

test("what export writes is imported, and runs with the settings that were asked for", async () => {
  const { world, daemon } = stage();
  const made = await world.rtOutput(["create", "busybox"]);
  const flags = ["-c", 'CMD ["cat", "/etc/passwd"]', "-c", "ENV A=b", "-m", "why"];
  const quoted = flags.map((flag) => `'${flag}'`).join(" ");
  const pipe = `${rtPath} export ${made} | ${rtPath} import ${quoted} - imported:1`;
  const ran = await world.run(["sh", "-c", pipe]);
  expect(ran.stderr).toBe("");
  const id = ran.stdout.trim();
  expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await world.rtOutput(["run", "--rm", "imported:1"])).toContain("guest:x:405:100");
  const image = await daemon.json<Record<string, unknown>>("/images/imported:1/json");
  expect(image).toMatchObject({
    Id: id,
    Config: { Env: ["A=b"] },
    Architecture: hostArchitecture(),
  });
  const [step] = await daemon.json<{ Comment: string }[]>("/images/imported:1/history");
  expect(step?.Comment).toBe("why");
  await world.rtOutput(["rm", made]);
  await world.rtOutput(["rmi", "imported:1"]);
});

test("archives are read plain, as gzip and as zstd, and kept as they came", async () => {
  const { world, daemon } = stage();
  const tar = new Uint8Array(buildTar([{ name: "some/file", mode: 0o600, content: "x" }]));
  const kinds = { tar, "tar+gzip": Bun.gzipSync(tar), "tar+zstd": Bun.zstdCompressSync(tar) };
  for (const [kind, bytes] of Object.entries(kinds)) {
    const file = world.path("root.tar");
    await Bun.write(file, new Uint8Array(bytes));
    const id = await world.rtOutput(["import", "--platform", "linux/arm64", file]);
    const { RootFS, Architecture } = await daemon.json<{
      RootFS: { Layers: string[] };
      Architecture: string;
    }>(`/images/${id}/json`);
    const hash = new Bun.CryptoHasher("sha256").update(tar).digest("hex");
    expect(RootFS.Layers).toEqual([`sha256:${hash}`]);
    expect(Architecture).toBe("arm64");
    const saved = await world.run(["sh", "-c", `${rtPath} save ${id} | tar -xO index.json`]);
    const [{ digest }] = JSON.parse(saved.stdout).manifests;
    const manifest = `${daemon.dataRoot}/content/blobs/sha256/${digest.slice(7)}`;
    expect(await Bun.file(manifest).json()).toMatchObject({
      layers: [{ mediaType: `application/vnd.oci.image.layer.v1.${kind}`, size: bytes.length }],
    });
    await world.rtOutput(["rmi", id]);
  }
});

test("docker import makes the same image, and tells of it", async () => {
  const { world } = stage();
  const file = world.path("docker.tar");
  await Bun.write(file, new Uint8Array(buildTar([{ name: "f", content: "x" }])));
  const ran = await world.docker(["import", "-c", 'CMD ["/f"]', "-m", "m", file, "by/docker:2"]);
  expect(ran.stderr).toBe("");
  expect(ran.stdout.trim()).toBe(
    await world.rtOutput(["image", "inspect", "-f", "{{.Id}}", "by/docker:2"]),
  );
  const flags = ["--since", "1h", "--until", "0s", "--filter", "type=image"];
  const told = await world.rtOutput(["events", ...flags, "--format", "{{.Action}}"]);
  expect(told.split("\n").slice(-2)).toEqual(["import", "tag"]);
  await world.rtOutput(["rmi", "by/docker:2"]);
});

test("what cannot be imported is refused, and nothing is left of it", async () => {
  const { world, daemon } = stage();
  const kept = async () => {
    const { dataRoot } = daemon;
    const names = await readdir(`${dataRoot}/content`, { recursive: true });
    return new Set([...names, ...(await readdir(`${dataRoot}/layers`))]);
  };
  const before = await kept();
  await Bun.write(world.path("junk"), "no archive, whatever it is called");
  await Bun.write(world.path("xz"), new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]));
  await Bun.write(world.path("good.tar"), new Uint8Array(buildTar([{ name: "f" }])));
  for (const [args, words] of [
    [["/no/such/file"], /no such file or directory/],
    [[world.path("junk")], /layer|archive/],
    [[world.path("xz")], /compressed with xz/],
    [[world.path("good.tar"), "Not Valid"], /invalid reference format/],
    [["-c", "RUN x", world.path("good.tar")], /run is not a valid change command/],
    [["--platform", "a/b/c/d", world.path("good.tar")], /invalid platform/],
    [["https://example.org/root.tar"], /imports no archive from an address/],
  ] as const) {
    expectRefusal(await world.rt(["import", ...args]), 1, words);
    expect(await kept()).toEqual(before);
  }
});

test("inspect tells every manifest that a name leads to, and which of them is here", async () => {
  const { world, daemon, registry } = stage();
  const other = hostArchitecture() === "amd64" ? "arm64" : "amd64";
  const build = (architecture: string) =>
    buildImage({ layers: [[{ name: architecture }]], config: {}, architecture });
  const [own, foreign] = [build(hostArchitecture()), build(other)];
  for (const image of [own, foreign]) await registry.push(`library/many@${image.digest}`, image);
  const index = buildIndex([
    { image: foreign, architecture: other },
    { image: own, architecture: hostArchitecture() },
  ]);
  await registry.push("library/many:1", index);
  await world.rtOutput(["pull", "-q", "many:1"]);
  interface Inspected {
    Descriptor: { digest: string };
    Manifests?: Record<string, unknown>[];
  }
  const plain = await daemon.json<Inspected>("/images/many:1/json");
  expect(plain.Manifests).toBeUndefined();
  expect(plain.Descriptor.digest).toBe(own.digest);
  const id = await world.rtOutput(["create", "many:1", "x"]);
  const { Manifests = [] } = await daemon.json<Inspected>("/images/many:1/json?manifests=true");
  expect(Manifests).toMatchObject([
    { ID: foreign.digest, Available: false, Kind: "image", Size: { Total: 0 } },
    {
      ...{ ID: own.digest, Available: true, Kind: "image" },
      ImageData: { Platform: { architecture: hostArchitecture() }, Containers: [id] },
    },
  ]);
  const docker = ["image", "inspect", "--platform", `linux/${other}`, "many:1"];
  expect((await world.docker(docker)).code).toBe(1);
  await world.rtOutput(["rm", id]);
  await world.rtOutput(["rmi", "many:1"]);
});
