/** The stock docker CLI pulls: all tags, platforms, digests, and what it draws. */
import { expect } from "bun:test";
import { buildImage, buildIndex, hostArchitecture } from "../../scripts/image.ts";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ pulled: [] });
const test = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");
const host = hostArchitecture();
const other = host === "amd64" ? "arm64" : "amd64";
const build = (name: string, architecture = host) =>
  buildImage({ layers: [[{ name, content: name }]], config: {}, architecture });

async function docker(...args: string[]): Promise<string> {
  const ran = await stage().world.docker(args);
  if (ran.code !== 0)
    throw new Error(`docker ${args.join(" ")} exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

test("docker pull -a brings every tag", async () => {
  const { registry } = stage();
  const images = { one: build("one"), three: build("three"), two: build("two") };
  for (const [tag, image] of Object.entries(images)) await registry.push(`all/tags:${tag}`, image);
  const name = `${registry.host}/all/tags`;
  const lines = (await docker("pull", "-a", name)).split("\n");
  expect(lines.filter((line) => !/^[0-9a-f]{12}: /.test(line))).toEqual([
    ...Object.entries(images).flatMap(([tag, { digest }]) => [
      `${tag}: Pulling from all/tags`,
      `Digest: ${digest}`,
    ]),
    `Status: Downloaded newer image for ${name}`,
    name,
  ]);
  const tags = await docker("images", "--format", "{{.Tag}}", name);
  expect(tags.split("\n").sort()).toEqual(["one", "three", "two"]);
});

test("docker pull --platform takes another platform of what is here, and is refused what is not there", async () => {
  const { registry } = stage();
  const pair = [build("here"), build("there", other)] as const;
  for (const image of pair) await registry.push(`multi@${image.digest}`, image);
  const index = buildIndex([
    { image: pair[0], architecture: host },
    { image: pair[1], architecture: other },
  ]);
  await registry.push("multi:latest", index);
  const name = `${registry.host}/multi:latest`;
  for (const wanted of [host, other]) {
    expect(await docker("pull", "-q", "--platform", `linux/${wanted}`, name)).toBe(name);
    expect(await docker("inspect", "-f", "{{.Architecture}}", name)).toBe(wanted);
  }
  const none = await stage().world.docker(["pull", "--platform", "linux/s390x", name]);
  expect(none.code).toBe(1);
  expect(none.stderr).toContain(
    "no matching manifest for linux/s390x in the manifest list entries",
  );
});

test("docker pull takes a digest, with a tag beside it too", async () => {
  const { registry } = stage();
  const image = build("digest");
  await registry.push("by/digest:x", image);
  const name = `${registry.host}/by/digest@${image.digest}`;
  const words = await docker("pull", name);
  expect(words).toContain(`${name}: Pulling from by/digest\n`);
  expect(words).toContain(`Status: Downloaded newer image for ${name}\n`);
  await docker("pull", `${registry.host}/by/digest:x@${image.digest}`);
  expect(await docker("images", "-q", `${registry.host}/by/digest`)).not.toContain("\n");
});

test("docker draws every layer in a line of its own on a terminal", async () => {
  const { registry, world } = stage();
  const layers = ["a", "b", "c"].map((name) => [{ name: `drawn-${name}`, content: name }]);
  await registry.push("drawn:latest", buildImage({ layers, config: {} }));
  const command = ["docker", "-H", `unix://${world.socket}`, "pull", `${registry.host}/drawn`];
  const pull = world.spawn(command, {
    terminal: { cols: 100, rows: 24 },
    env: { TERM: "xterm" },
  });
  const { code, stdout } = await pull.finished();
  expect(code).toBe(0);
  for (const word of ["Pulling fs layer", "Download complete", "Pull complete"])
    expect(stdout.split(`: ${word}`).length).toBeGreaterThan(3);
});
