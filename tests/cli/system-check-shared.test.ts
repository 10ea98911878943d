import { expect, test } from "bun:test";
import { buildBusybox } from "../support/images.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

test("a blob that was never fetched, since its layer was here, is not missing", async () => {
  const { world, registry, daemon } = stage();
  await registry.push("library/other:latest", await buildBusybox({ compression: "zstd" }));
  await world.rtOutput(["pull", "-q", "other"]);
  const checking = world.rtOutput(["system", "check"]);
  const started = performance.now();
  await daemon.request("/_ping");
  expect(performance.now() - started).toBeLessThan(1000);
  expect(await checking).toEndWith(": no damage");
  const again = await world.rt(["system", "check", "--repair"]);
  expect(again.code).toBe(0);
});
