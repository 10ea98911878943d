import { expect, test } from "bun:test";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { output } from "../support/process.ts";
import { useStage } from "../support/stage.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage({ pulled: [] });
const words = async () => await output([`${import.meta.dir}/../../dist/native/hello`]);

test("`rt run hello-world` pulls the image and shows the container's words, byte for byte", async () => {
  const image = await buildHelloImage();
  const layer = JSON.parse(new TextDecoder().decode(image.manifest)).layers[0].digest.slice(7, 19);
  expect(await stage().world.rt(["run", "hello-world"])).toEqual({
    code: 0,
    stdout: await words(),
    stderr: [
      "Unable to find image 'hello-world:latest' locally",
      "latest: Pulling from library/hello-world",
      `${layer}: Pull complete`,
      `Digest: ${image.digest}`,
      "Status: Downloaded newer image for hello-world:latest",
      "",
    ].join("\n"),
  });
});

test("the second `rt run hello-world` shows the container's words alone, with the registry gone", async () => {
  await stage().registry.stop();
  const second = await stage().world.rt(["run", "hello-world"]);
  expect(second).toEqual({ code: 0, stdout: await words(), stderr: "" });
});

test("a copy of the executable, called docker, does the same from anywhere", async () => {
  const { world } = stage();
  await output(["cp", rtPath, world.path("docker")]);
  const ran = await world.run([world.path("docker"), "run", "--rm", "hello-world"]);
  expect(ran).toEqual({ code: 0, stdout: await words(), stderr: "" });
});

test("each run without --rm leaves one stopped container with status 0", async () => {
  const { world } = stage();
  const lines = await world.rtOutput(["ps", "-a", "--format", "{{.Image}} {{.Status}}"]);
  expect(lines.split("\n")).toHaveLength(2);
  for (const line of lines.split("\n")) expect(line).toMatch(/^hello-world Exited \(0\) .* ago$/);
});
