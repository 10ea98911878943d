import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { Entry } from "../../scripts/image.ts";
import { buildBusybox } from "../support/images.ts";
import { expectRefusal } from "../support/sentence.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(120_000);

const count = 800;

/** An image with many files where volumes are mounted. */
async function buildFull(): Promise<Awaited<ReturnType<typeof buildBusybox>>> {
  const files = Array.from(
    { length: count },
    (_, number): Entry => ({
      name: `full/${number}`,
      content: "x".repeat(2000),
    }),
  );
  return await buildBusybox({ above: [[{ name: "full", type: "directory" }, ...files]] });
}

test("a daemon killed while it fills a volume leaves it absent, empty or complete", async () => {
  await using world = await World.create();
  const registry = await world.registry();
  await registry.push("library/full:latest", await buildFull());
  let daemon = await world.daemon({ mirrors: [registry.url] });
  await world.rtOutput(["pull", "-q", "full"]);
  const sizes: number[] = [];
  for (let round = 0; round < 9; round++) {
    const name = `crash${round}`;
    const directory = `${daemon.dataRoot}/volumes/${name}`;
    const creating = world.spawnRt(["create", "-v", `${name}:/full`, "full"]);
    // At first while the files are copied, then while they are moved, each time further on.
    const [place, due] =
      round < 6 ? ["copying", (round * count) / 6] : ["_data", ((round - 6) * count) / 3];
    await until("the moment to kill", async () => {
      const found = await readdir(`${directory}/${place}`).catch(() => []);
      return creating.ended || found.length > due;
    });
    await daemon.kill();
    const created = await creating.finished();
    daemon = await world.daemon({ mirrors: [registry.url] });
    const parts = await readdir(directory).catch(() => undefined);
    if (parts === undefined) {
      expect(created.code).not.toBe(0);
      continue;
    }
    expect(parts).toEqual(["_data"]);
    const found = (await readdir(`${directory}/_data`)).length;
    sizes.push(found);
    expect([0, count]).toContain(found);
    if (created.code === 0) expect(found).toBe(count);
    const shown = await world.rtOutput([
      ...["run", "--rm", "-v", `${name}:/full`, "full", "sh", "-c", "ls /full | wc -l"],
    ]);
    expect(Number(shown)).toBe(count);
  }
  expect(sizes.length).toBeGreaterThan(0);
});

test("a full disk refuses to fill a volume, and leaves it empty", async () => {
  await using world = await World.create();
  const registry = await world.registry();
  const large: Entry[] = [
    { name: "full", type: "directory" },
    { name: "full/zeros", content: new Uint8Array(8 * 1024 * 1024) },
  ];
  await registry.push("library/large:latest", await buildBusybox({ above: [large] }));
  await world.run(["mkdir", world.path("data")]);
  await world.run(["mount", "-t", "tmpfs", "-o", "size=24m", "small", world.path("data")]);
  const daemon = await world.daemon({ mirrors: [registry.url] });
  await world.rtOutput(["pull", "-q", "large"]);
  const ran = await world.rt(["create", "-v", "small:/full", "large"]);
  expectRefusal(ran, 125, "no space left to fill volume");
  expect(await readdir(`/proc/${daemon.pid}/root${daemon.dataRoot}/volumes/small`)).toEqual([
    "_data",
  ]);
  expect(await world.rtOutput(["volume", "prune", "-af"])).toContain("small");
  await daemon.stop();
  await world.run(["umount", world.path("data")]);
});
