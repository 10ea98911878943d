/** A data root without a free byte: what can still be done, and that nothing is harmed by it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { buildBusybox } from "../support/images.ts";
import { expectRefusal } from "../support/sentence.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let daemon: Daemon;
let image: string;
const filler = () => `/proc/${world.namespace.pid}/root${world.path("data", "filler")}`;

beforeAll(async () => {
  world = await World.create();
  const registry = await world.registry();
  await registry.push("x/busybox:latest", await buildBusybox());
  image = `${registry.host}/x/busybox`;
  await mkdir(world.path("data"));
  await world.run(["mount", "-t", "tmpfs", "-o", "size=24m", "small", world.path("data")]);
  daemon = await world.daemon();
  await world.rtOutput(["pull", "-q", image]);
});

afterAll(async () => {
  await rm(filler(), { force: true });
  await daemon.removeContainers();
  await daemon.stop();
  await world.run(["umount", world.path("data")]);
  await world.end();
});

/** Takes every free byte of the data root. */
async function fill(): Promise<void> {
  await world.run(["sh", "-c", `cat /dev/zero >>${world.path("data", "filler")} 2>/dev/null`]);
  const { stdout } = await world.run(["df", "--output=avail", world.path("data")]);
  expect(stdout.trim().split("\n").at(-1)?.trim()).toBe("0");
}

test("a container that logs onto a full disk runs on; what it logs after that is whole", async () => {
  const script = "while [ ! -e /tmp/go ]; do echo lost; usleep 1000; done; echo found; sleep 1000";
  const id = await world.rtOutput(["run", "-d", "--tmpfs", "/tmp", image, "sh", "-c", script]);
  await fill();
  const before = await daemon.json<{ State: { Running: boolean } }>(`/containers/${id}/json`);
  expect(before.State.Running).toBe(true);
  await rm(filler());
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
  const running = await world.rtOutput(["run", "-d", image, "sleep", "1000"]);
  await fill();
  const ran = await world.rt(["run", "--rm", image, "true"]);
  if (ran.code !== 0) expectRefusal({ ...ran, stdout: "" }, 125, /no space left|full|space/i);
  expect(await world.rtOutput(["ps", "-q", "--no-trunc"])).toContain(running);
  await world.rtOutput(["stop", "-t", "1", running]);
  await world.rtOutput(["rm", running]);
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
  await rm(filler());
});

test("a daemon starts with no byte free, knows its containers and removes them", async () => {
  const running = await world.rtOutput(["run", "-d", image, "sleep", "1000"]);
  const ended = await world.rtOutput(["create", image, "true"]);
  await fill();
  await daemon.kill();
  daemon = await world.daemon();
  const list = await world.rtOutput(["ps", "-aq", "--no-trunc"]);
  expect(new Set(list.split("\n"))).toEqual(new Set([running, ended]));
  await world.rtOutput(["rm", "-f", running, ended]);
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
  await writeFile(filler(), "");
  expect((await stat(filler())).size).toBe(0);
  expect((await world.rt(["run", "--rm", image, "echo", "again"])).stdout).toBe("again\n");
});
