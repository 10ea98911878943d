import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { buildImage } from "../../scripts/image.ts";
import { expectRefusal } from "../support/sentence.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

test("a full disk refuses a pull in one sentence, gives the space back, and is no lasting harm", async () => {
  await using world = await World.create();
  const registry = await world.registry();
  const large = buildImage({
    layers: [[{ name: "zeros", content: new Uint8Array(24 * 1024 * 1024) }]],
    config: {},
  });
  await registry.push("x/large:latest", large);
  await registry.push("x/hello:latest", await buildHelloImage());
  await mkdir(world.path("data"));
  const used = async () => {
    const { stdout } = await world.run(["df", "--output=used", world.path("data")]);
    return Number(stdout.trim().split("\n").at(-1));
  };
  await world.run(["mount", "-t", "tmpfs", "-o", "size=12m", "small", world.path("data")]);
  const daemon = await world.daemon();
  const before = await used();
  const ran = await world.rt(["pull", `${registry.host}/x/large`]);
  expectRefusal({ ...ran, stdout: "" }, 1, /no space left|disk is full|space/i);
  await until("the space to be given back", async () => (await used()) < before + 512);
  expect(await world.rtOutput(["images", "-q"])).toBe("");
  const hello = await world.rt(["run", "--rm", "-q", `${registry.host}/x/hello`]);
  expect(hello.stdout).toStartWith("Hello from rt!");
  await daemon.stop();
  await world.run(["umount", world.path("data")]);
});
