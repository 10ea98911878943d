/** What a daemon that is told to end has promised before: removals go on behind their answers. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { useStage } from "../support/stage.ts";

setDefaultTimeout(60_000);
const stage = useStage();

test("the last daemon leaves no cgroup, and one whose containers run on leaves what they need", async () => {
  const { world, registry, daemon } = stage();
  const shared = async (): Promise<string[]> =>
    (await world.cgroups()).filter((path) => path.endsWith("/rt-containers"));
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const before = await shared();
  expect(await daemon.stop()).toBe(0);
  expect(await shared()).toEqual(before);
  const next = await world.daemon({ mirrors: [registry.url] });
  await world.rtOutput(["rm", "-f", id]);
  expect(await next.stop()).toBe(0);
  expect(await shared()).toEqual([]);
  const last = await world.daemon({ mirrors: [registry.url] });
  expect(await shared()).toEqual(before);
  await world.rtOutput(["run", "--rm", "busybox", "true"]);
  // One that starts while another ends: neither is kept from anything.
  for (let round = 0; round < 5; round++) {
    const other = await world.daemon({ name: "other" });
    const ending = other.stop();
    const started = world.rtOutput(["run", "--rm", "busybox", "echo", "here"]);
    expect(await Promise.all([ending, started])).toEqual([0, "here"]);
  }
  expect(last.alive).toBe(true);
});

test("what was removed just before the daemon ended is gone with it", async () => {
  const { world } = stage();
  const daemon = world.daemonAlive();
  const { dataRoot, runRoot } = daemon;
  // Enough files that removing them takes longer than ending.
  const script = "mkdir /many && cd /many && seq 20000 | xargs touch && exec sleep 1000";
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", `${script}; :`]);
  await world.rtOutput(["exec", id, "sh", "-c", "until [ -e /many/20000 ]; do usleep 10000; done"]);
  await daemon.removeContainers();
  expect(await daemon.stop()).toBe(0);
  for (const root of [dataRoot, runRoot]) expect(await readdir(join(root, "trash"))).toEqual([]);
});
