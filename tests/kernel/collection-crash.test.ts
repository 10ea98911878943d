import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "../../scripts/image.ts";
import { buildBusybox } from "../support/images.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

/** Images of many small layers, so that their removal takes many steps. */
async function pushMany(name: string): Promise<void> {
  const above = Array.from({ length: 12 }, (_, layer): Entry[] =>
    Array.from({ length: 20 }, (_, file) => ({
      name: `${name}-${layer}-${file}`,
      content: `${name} ${layer} ${file}`,
    })),
  );
  await stage().registry.push(`library/${name}:latest`, await buildBusybox({ above }));
}

async function listStore(dataRoot: string): Promise<string[]> {
  const layers = await readdir(join(dataRoot, "layers"));
  const blobs = await readdir(join(dataRoot, "content/blobs/sha256"));
  return [...layers.filter((name) => name !== "empty" && name !== "filler"), ...blobs].toSorted(
    (a, b) => a.localeCompare(b, "en"),
  );
}

test("a daemon killed in the midst of removals leaves nothing, and loses nothing that is used", async () => {
  const { world, registry } = stage();
  let daemon = world.daemonAlive();
  const alone = await listStore(daemon.dataRoot);
  await pushMany("first");
  await pushMany("second");
  let interrupted = 0;
  for (let round = 0; round < 12; round++) {
    for (const name of ["first", "second"]) await world.rtOutput(["pull", "-q", name]);
    const whole = (await listStore(daemon.dataRoot)).length;
    const removal = world.spawnRt(["rmi", "first", "second"]);
    let now = whole;
    // Further on in each round.
    await until("the moment to kill", async () => {
      now = (await listStore(daemon.dataRoot)).length;
      return removal.ended || whole - now >= (round * (whole - alone.length)) / 12;
    });
    await daemon.kill();
    await removal.finished();
    if (now > alone.length && now < whole) interrupted++;
    daemon = await world.daemon({ mirrors: [registry.url] });
    const left = await world.rtOutput(["images", "-q"]);
    if (left.split("\n").length === 1)
      await until("only what is used to be left", async () =>
        Bun.deepEquals(await listStore(daemon.dataRoot), alone),
      );
    expect(await world.rtOutput(["run", "--rm", "busybox", "echo", "whole"])).toBe("whole");
    const index = await Bun.file(join(daemon.dataRoot, "content/index.json")).json();
    expect(index.manifests.length).toBe(left.split("\n").length);
  }
  expect(interrupted).toBeGreaterThan(0);
}, 120_000);
