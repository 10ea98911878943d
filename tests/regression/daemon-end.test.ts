/** What a daemon that is told to end has promised before: removals go on behind their answers. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { useStage } from "../support/stage.ts";

setDefaultTimeout(60_000);
const stage = useStage();

test("what was removed just before the daemon ended is gone with it", async () => {
  const { world, daemon } = stage();
  const { dataRoot, runRoot } = daemon;
  // Enough files that removing them takes longer than ending.
  const script = "mkdir /many && cd /many && seq 20000 | xargs touch && exec sleep 1000";
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", `${script}; :`]);
  await world.rtOutput(["exec", id, "sh", "-c", "until [ -e /many/20000 ]; do usleep 10000; done"]);
  await daemon.removeContainers();
  expect(await daemon.stop()).toBe(0);
  for (const root of [dataRoot, runRoot]) expect(await readdir(join(root, "trash"))).toEqual([]);
});
