import { expect, test } from "bun:test";
import { buildImage } from "../../scripts/image.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

test("an image that names a layer twice runs, as many with an empty layer do", async () => {
  const { world, registry } = stage();
  const program = { name: "bin/busybox", content: await Bun.file(await busybox()).bytes() };
  const image = buildImage({
    layers: [[program], [], [{ name: "a", content: "second\n" }], [], [program]],
    config: { Cmd: ["/bin/busybox", "cat", "/a"] },
  });
  await registry.push("library/twice:latest", image);
  expect((await world.rt(["run", "--rm", "-q", "twice"])).stdout).toBe("second\n");
});

async function busybox(): Promise<string> {
  const found = await stage().world.run(["sh", "-c", "command -v busybox"]);
  return found.stdout.trim();
}
