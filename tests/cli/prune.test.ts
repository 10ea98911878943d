import { beforeEach, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { buildBusybox } from "../support/images.ts";
import { output } from "../support/process.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

interface Report {
  ImagesDeleted: { Untagged?: string; Deleted?: string }[];
  SpaceReclaimed: number;
}

const own = (name: string) => [{ name: `srv-${name}`, content: new Uint8Array(300_000).fill(1) }];

beforeEach(async () => {
  const { world, registry } = stage();
  await world.rt(["image", "prune", "-af"]);
  await registry.push("library/plain:latest", await buildBusybox({ above: [own("plain")] }));
  const config = { Labels: { stage: "test" } };
  await registry.push(
    "library/labelled:latest",
    await buildBusybox({ above: [own("labelled")], config }),
  );
  for (const name of ["busybox", "plain", "labelled"]) await world.rtOutput(["pull", "-q", name]);
});

const names = async (): Promise<string[]> =>
  (await stage().world.rtOutput(["images", "--format", "{{.Repository}}"])).split("\n").sort();

/** Names of what is in the store: trees and blobs. */
async function stored(): Promise<string[]> {
  const { dataRoot } = stage().daemon;
  const layers = await readdir(join(dataRoot, "layers"));
  const blobs = await readdir(join(dataRoot, "content/blobs/sha256"));
  const parts = await readdir(join(dataRoot, "content/ingest"));
  return [...layers.filter((name) => name.length === 64), ...blobs, ...parts];
}

const du = async (): Promise<number> => {
  const { dataRoot } = stage().daemon;
  const lines = await output([
    "du",
    "-s",
    "-B1",
    `${dataRoot}/layers`,
    `${dataRoot}/content/blobs`,
  ]);
  return lines.split("\n").reduce((sum, line) => sum + Number(line.split("\t")[0]), 0);
};

async function prune(filters: Record<string, string[]>): Promise<Report> {
  const query = encodeURIComponent(JSON.stringify(filters));
  return (await (await stage().daemon.post(`/images/prune?filters=${query}`)).json()) as Report;
}

test("without -a only images without a name go", async () => {
  const { world } = stage();
  expect(await prune({})).toEqual({ ImagesDeleted: [], SpaceReclaimed: 0 });
  const id = await world.rtOutput(["inspect", "-f", "{{.Id}}", "plain"]);
  await world.rtOutput(["tag", "labelled", "plain"]);
  const printed = await world.rtOutput(["image", "prune", "-f"]);
  expect(printed).toMatch(
    new RegExp(
      `^Deleted Images:\ndeleted: ${id}\ndeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: 3\\d\\d\\.?\\d*kB$`,
    ),
  );
  expect(await names()).toEqual(["busybox", "labelled", "plain"]);
});

test("with -a all that no container uses go, and the space that is told is given back", async () => {
  const { world } = stage();
  await world.rtOutput(["create", "--name", "user", "plain"]);
  const before = await du();
  const { ImagesDeleted, SpaceReclaimed } = await prune({ dangling: ["false"] });
  expect(ImagesDeleted).toContainEqual({ Untagged: "busybox:latest" });
  expect(ImagesDeleted).toContainEqual({ Untagged: "labelled:latest" });
  expect(await names()).toEqual(["plain"]);
  await until("the trees to be gone", async () => before - (await du()) >= SpaceReclaimed);
  expect(SpaceReclaimed).toBeGreaterThan(300_000);
  // What is left of the disk's blocks is rounding: blobs are counted by their length.
  expect(before - (await du()) - SpaceReclaimed).toBeLessThan(8 * 4096);
  // The base that both had stays with the one that is used.
  await world.rtOutput(["start", "user"]);
  await world.rtOutput(["rm", "-f", "user"]);
  await prune({ dangling: ["false"] });
  expect(await stored()).toEqual([]);
});

test("filters choose by label and by age", async () => {
  const { world } = stage();
  const kept = await world.rtOutput(["image", "prune", "-af", "--filter", "label=stage=none"]);
  expect(kept).toBe("Total reclaimed space: 0B");
  await world.rtOutput(["image", "prune", "-af", "--filter", "label!=stage"]);
  expect(await names()).toEqual(["labelled"]);
  // Images of these tests were created in 1970.
  await world.rtOutput(["image", "prune", "-af", "--filter", "until=24h"]);
  expect(await names()).toEqual([""]);
  const wrong = await world.rt(["image", "prune", "-f", "--filter", "name=x"]);
  expect(wrong.stderr).toContain("invalid filter 'name'");
});

test("what an interrupted pull has left goes with a prune, and no temporary file that is young", async () => {
  const { daemon } = stage();
  const ingest = join(daemon.dataRoot, "content/ingest");
  const orphan = "00".repeat(32);
  await Bun.write(join(ingest, `sha256:${"ab".repeat(32)}.partial`), "begun");
  await Bun.write(join(ingest, "load-1.partial"), "being written by somebody");
  await Bun.write(join(daemon.dataRoot, `content/blobs/sha256/${orphan}`), "nobody's");
  const before = await stored();
  const filtered = await prune({ until: ["1h"] });
  expect(filtered).toEqual({ ImagesDeleted: [], SpaceReclaimed: 0 });
  expect(await stored()).toEqual(before);
  expect((await prune({})).SpaceReclaimed).toBe("begun".length + "nobody's".length);
  const left = await stored();
  expect(left).toContain("load-1.partial");
  expect(left.length).toBe(before.length - 2);
  await Bun.file(join(ingest, "load-1.partial")).delete();
});

test("it asks first, and no is no", async () => {
  const { world } = stage();
  const asked = await world.rt(["image", "prune", "-a"], { stdin: "n\n" });
  expect(asked.stdout).toContain(
    "WARNING! This will remove all images without at least one container associated to them.\nAre you sure you want to continue? [y/N] ",
  );
  expect(await names()).toEqual(["busybox", "labelled", "plain"]);
  const all = await world.rt(["system", "prune", "--volumes"], { stdin: "n\n" });
  expect(all.stdout).toStartWith(
    "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n  - all anonymous volumes not used by at least one container\n  - all dangling images\n\nAre you sure",
  );
});

test("system prune takes containers, then what only they used", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "-v", "/data", "plain"]);
  const printed = await world.rtOutput(["system", "prune", "-af", "--volumes"]);
  expect(printed).toStartWith(`Deleted Containers:\n${id}\n\nDeleted Volumes:\n`);
  expect(printed).toContain("\n\nDeleted Images:\nuntagged: ");
  expect(printed).toMatch(/\n\nTotal reclaimed space: [\d.]+MB$/);
  expect(await stored()).toEqual([]);
  const wrong = await world.rt(["system", "prune", "-f", "--volumes", "--filter", "until=1h"]);
  expect(wrong.stderr).toContain('The "until" filter is not supported with "--volumes"');
});
