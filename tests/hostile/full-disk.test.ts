/** A data root without a free byte: what can still be done, and that nothing is harmed by it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { expectRefusal } from "../support/sentence.ts";
import { useSmallDisk } from "../support/small-disk.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const disk = useSmallDisk();

test("a container that logs onto a full disk runs on; what it logs after that is whole", async () => {
  const { world, image } = disk();
  const script = "while [ ! -e /tmp/go ]; do echo lost; usleep 1000; done; echo found; sleep 1000";
  const id = await world.rtOutput(["run", "-d", "--tmpfs", "/tmp", image, "sh", "-c", script]);
  expect(await disk().fill()).toBe(0);
  const before = await world
    .daemonAlive()
    .json<{ State: { Running: boolean } }>(`/containers/${id}/json`);
  expect(before.State.Running).toBe(true);
  expect(await disk().empty()).toBe(0);
  // Every line that is read back is a line that was written.
  await until("a line after the fill", async () => {
    const { stdout } = await world.rt(["logs", "--tail", "3", id]);
    return /^(lost\n)+$/.test(stdout);
  });
  const { stdout } = await world.rt(["logs", id]);
  expect(new Set(stdout.trim().split("\n"))).toEqual(new Set(["lost"]));
  await world.rtOutput(["rm", "-f", id]);
});

test("a create on a full disk is one clear sentence; ps, stop and rm still work", async () => {
  const { world, image } = disk();
  const running = await world.rtOutput(["run", "-d", image, "sleep", "1000"]);
  expect(await disk().fill()).toBe(0);
  const ran = await world.rt(["run", "--rm", image, "true"]);
  if (ran.code !== 0) expectRefusal({ ...ran, stdout: "" }, 125, /no space left|full|space/i);
  expect(await world.rtOutput(["ps", "-q", "--no-trunc"])).toContain(running);
  await world.rtOutput(["stop", "-t", "1", running]);
  await world.rtOutput(["rm", running]);
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
  expect(await disk().empty()).toBe(0);
});

test("a daemon starts with no byte free, knows its containers and removes them", async () => {
  const { world, image } = disk();
  const running = await world.rtOutput(["run", "-d", image, "sleep", "1000"]);
  const ended = await world.rtOutput(["create", image, "true"]);
  expect(await disk().fill()).toBe(0);
  await world.daemonAlive().kill();
  await world.daemon();
  const list = await world.rtOutput(["ps", "-aq", "--no-trunc"]);
  expect(new Set(list.split("\n"))).toEqual(new Set([running, ended]));
  await world.rtOutput(["rm", "-f", running, ended]);
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
  expect(await disk().empty()).toBe(0);
  expect((await world.rt(["run", "--rm", image, "echo", "again"])).stdout).toBe("again\n");
});
