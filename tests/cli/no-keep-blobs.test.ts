import { expect, test } from "bun:test";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage({ flags: ["--no-keep-blobs"] });

const blobs = async (): Promise<string[]> =>
  await readdir(join(stage().daemon.dataRoot, "content/blobs/sha256"));

/** Config and manifest alone. */
const dropped = async (): Promise<void> => {
  await until("the layers' blobs to be gone", async () => (await blobs()).length === 2);
};

test("compressed layers go once they are unpacked, and what needs them is refused in words", async () => {
  const { world } = stage();
  await dropped();
  expect(await world.rtOutput(["run", "--rm", "busybox", "echo", "runs"])).toBe("runs");
  const file = world.path("saved.tar");
  const saved = await world.rt(["save", "-o", file, "busybox"]);
  expect(saved.code).toBe(1);
  expect(saved.stderr).toMatch(/cannot be saved: its blob sha256:[0-9a-f]{64} is not in the store/);
  expect(saved.stderr).toContain("--no-keep-blobs");
  expect(await Bun.file(file).exists()).toBe(false);
  await world.rtOutput(["pull", "-q", "busybox"]);
  await dropped();
});

test("a check knows, and repairs a tree by fetching its blob for the while", async () => {
  const { world, daemon } = stage();
  const text = "1 layer could not be compared: no blob is kept here\n";
  expect(await world.rtOutput(["system", "check"])).toBe(
    `${text}Checked 1 layer and 3 blobs: no damage`,
  );
  const layers = join(daemon.dataRoot, "layers");
  const tree = (await readdir(layers)).find((name) => name.length === 64) ?? "";
  await rm(join(layers, tree), { recursive: true });
  expect((await world.rt(["system", "check", "--quick"])).code).toBe(1);
  expect(await world.rtOutput(["system", "check", "--repair"])).toContain("1 damaged, 1 repaired");
  await dropped();
  expect(await world.rtOutput(["run", "--rm", "busybox", "echo", "whole"])).toBe("whole");
});
