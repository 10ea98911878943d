import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { expectRefusal } from "../support/sentence.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

/** As in a container whose own root is an overlay: the kernel stacks no writable layer on one. */
test("a data root that the kernel cannot mount containers on is named, with what to do", async () => {
  await using world = await World.create();
  const registry = await world.registry();
  await registry.push("x/hello:latest", await buildHelloImage());
  const [data, ...parts] = ["data", "low", "up", "work"].map((name) => world.path(name));
  for (const path of [data ?? "", ...parts]) await mkdir(path);
  const [low, up, work] = parts;
  const options = `lowerdir=${low},upperdir=${up},workdir=${work}`;
  await world.run(["mount", "-t", "overlay", "-o", options, "outer", data ?? ""]);
  const daemon = await world.daemon();
  const ran = await world.rt(["run", "--rm", "-q", `${registry.host}/x/hello`]);
  expectRefusal(ran, 125, /cannot hold the writable layer .*choose a --data-root on/);
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
  await daemon.stop();
  await world.run(["umount", data ?? ""]);
});
