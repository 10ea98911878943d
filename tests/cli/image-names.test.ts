import { afterEach, expect, test } from "bun:test";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage({ pulled: ["busybox", "hello-world"] });

const listed = async (): Promise<string[]> =>
  (await stage().world.rtOutput(["images", "--format", "{{.Repository}}:{{.Tag}}"])).split("\n");

afterEach(async () => {
  for (const name of await listed()) {
    if (!/^(busybox|hello-world):/.test(name)) await stage().world.rtOutput(["rmi", name]);
  }
});

test("tag gives an image one more name, and takes it from the one that had it", async () => {
  const { world } = stage();
  const id = (name: string) => world.rtOutput(["image", "inspect", "-f", "{{.Id}}", name]);
  const busybox = await id("busybox");
  await world.rtOutput(["tag", "busybox", "some/where:v1"]);
  await world.rtOutput(["image", "tag", busybox.slice(7, 19), "localhost:5000/deep/name"]);
  expect(await listed()).toEqual(
    expect.arrayContaining(["busybox:latest", "some/where:v1", "localhost:5000/deep/name:latest"]),
  );
  expect(await id("some/where:v1")).toBe(busybox);
  await world.rtOutput(["tag", "hello-world", "some/where:v1"]);
  expect(await id("some/where:v1")).toBe(await id("hello-world"));
  expect(await id("busybox")).toBe(busybox);
});

test("tag tells of it, and the layout names it for other tools", async () => {
  const { world, daemon } = stage();
  await world.rtOutput(["tag", "busybox", "told:1"]);
  const events = await world.rtOutput([
    ...["events", "--since", "1h", "--until", "0s", "--filter", "event=tag"],
    ...["--format", "{{.Type}} {{.Actor.Attributes.name}}"],
  ]);
  expect(events.split("\n")).toContain("image told:1");
  const index = await Bun.file(`${daemon.dataRoot}/content/index.json`).text();
  expect(index).toContain('"org.opencontainers.image.ref.name":"docker.io/library/told:1"');
});

test("tag refuses what is no name, a digest, and an image that is not there", async () => {
  const { world } = stage();
  const digest = `sha256:${"0".repeat(64)}`;
  for (const [args, words] of [
    [["busybox", "Not Valid"], /invalid reference format/],
    [["busybox", `x@${digest}`], /refusing to create a tag with a digest reference/],
    [["nothing", "x"], /No such image: nothing:latest/],
  ] as const) {
    expectRefusal(await world.rt(["tag", ...args]), 1, words);
  }
});

test("history tells the steps, their sizes, and the image's names", async () => {
  const { world, daemon } = stage();
  const steps = await daemon.json<Record<string, unknown>[]>("/images/busybox/history");
  const image = await daemon.json<{ Id: string; Size: number }>("/images/busybox/json");
  expect(steps[0]).toMatchObject({ Id: image.Id, Tags: ["busybox:latest"] });
  expect(steps.reduce((sum, { Size }) => sum + Number(Size), 0)).toBe(image.Size);
  expect(await world.rtOutput(["history", "-q", "--no-trunc", "busybox"])).toStartWith(image.Id);
  const [header = ""] = (await world.rtOutput(["image", "history", "busybox"])).split("\n");
  expect(header.split(/ {2,}/)).toEqual(["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"]);
});

test("history and inspect of another platform than the image's are refused, by docker too", async () => {
  const { world } = stage();
  const words = /does not provide the specified platform \(linux\/s390x\)/;
  const flags = ["--platform", "linux/s390x", "busybox"];
  for (const command of [["history"], ["image", "inspect"]]) {
    const docker = await world.docker([...command, ...flags]);
    expect([docker.code, docker.stderr]).toEqual([1, expect.stringMatching(words)]);
  }
  expectRefusal(await world.rt(["history", ...flags]), 1, words);
  const own = ["--platform", "linux/$(dpkg --print-architecture)", "busybox"].join(" ");
  expect((await world.run(["sh", "-c", `${rtPath} history -q ${own}`])).code).toBe(0);
});

test("docker tag and docker history say what rt's say", async () => {
  const { world } = stage();
  const tagged = await world.docker(["tag", "busybox", "by/docker:1"]);
  expect(tagged).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await listed()).toContain("by/docker:1");
  for (const flags of [
    ...[[], ["-q"], ["--no-trunc"], ["-H=false"], ["--format", "json"]],
    ...[["--format", "{{.ID}} {{.CreatedAt}} {{.Size}}"]],
  ]) {
    const docker = await world.docker(["history", ...flags, "busybox"]);
    expect(docker.code).toBe(0);
    expect(await world.rt(["history", ...flags, "busybox"])).toEqual(docker);
  }
});
