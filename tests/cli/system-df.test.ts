import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { buildBusybox } from "../support/images.ts";
import { output } from "../support/process.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

interface Usage {
  TotalSize: number;
  Reclaimable: number;
  ActiveCount: number;
  TotalCount: number;
  ContentSize: number;
  Items?: { Id: string; Size: number; SharedSize: number; RepoTags: string[] }[];
}

interface Reply {
  ImageUsage?: Usage;
  ContainerUsage?: Usage;
  VolumeUsage?: Usage;
  BuildCacheUsage?: Usage;
}

const megabyte = new Uint8Array(1 << 20).fill(7);

beforeAll(async () => {
  const { world, registry } = stage();
  // Two images on one base, each with a megabyte of its own; one has a hole that takes nothing.
  for (const name of ["one", "two"]) {
    const own = [
      { name: `srv-${name}`, content: megabyte },
      { name: "hole", type: "sparse" as const, hole: 1 << 30 },
    ];
    await registry.push(`library/${name}:latest`, await buildBusybox({ above: [own] }));
    await world.rtOutput(["pull", "-q", name]);
  }
});

/** As du tells it, in bytes. */
async function du(path: string): Promise<number> {
  return Number((await output(["du", "-s", "-B1", path])).split("\t")[0]);
}

async function usage(query = "verbose=1"): Promise<Reply> {
  return await stage().daemon.json<Reply>(`/v1.56/system/df?${query}`);
}

test("images take what du says, each layer and blob once", async () => {
  const { daemon } = stage();
  const { ImageUsage: found } = await usage();
  if (found?.Items === undefined) throw new Error("no images");
  const layers = await output(["sh", "-c", `du -s -B1 ${daemon.dataRoot}/layers/*[0-9a-f]`]);
  const trees = layers
    .split("\n")
    .filter((line) => /\/[0-9a-f]{64}$/.test(line))
    .reduce((sum, line) => sum + Number(line.split("\t")[0]), 0);
  const blobs = await output(["sh", "-c", `cat ${daemon.dataRoot}/content/blobs/*/* | wc -c`]);
  expect(found.ContentSize).toBe(Number(blobs));
  expect(found.TotalSize).toBe(trees + Number(blobs));
  expect(found.TotalCount).toBe(3);
  expect(found.TotalSize).toBeLessThan(1 << 29);
  const [one, two] = ["one:latest", "two:latest"].map((tag) =>
    found.Items?.find(({ RepoTags }) => RepoTags.includes(tag)),
  );
  expect(one?.SharedSize).toBe(two?.SharedSize as number);
  const own = (one?.Size ?? 0) - (one?.SharedSize ?? 0);
  expect(own).toBeGreaterThan(1 << 20);
  expect(own).toBeLessThan(1.2 * (1 << 20));
});

test("what is not used can be reclaimed", async () => {
  const { world, daemon } = stage();
  expect((await usage()).ImageUsage).toMatchObject({ ActiveCount: 0 });
  const before = (await usage()).ImageUsage;
  expect(before?.Reclaimable).toBe(before?.TotalSize as number);
  const script = "dd if=/dev/zero of=/big bs=1M count=2; cp /big /data/one";
  await world.rtOutput(["run", "--name", "writer", "-v", "vol:/data", "one", "sh", "-c", script]);
  const { ImageUsage, ContainerUsage, VolumeUsage, BuildCacheUsage } = await usage();
  const one = ImageUsage?.Items?.find(({ RepoTags }) => RepoTags.includes("one:latest"));
  expect(ImageUsage).toMatchObject({
    ActiveCount: 1,
    Reclaimable: (ImageUsage?.TotalSize ?? 0) - (one?.Size ?? 0),
  });
  const written = await du(join(daemon.dataRoot, "containers"));
  const { TotalSize = 0, Reclaimable } = ContainerUsage ?? {};
  expect(TotalSize).toBeGreaterThan(2 << 20);
  expect(TotalSize).toBeLessThanOrEqual(written);
  expect(Reclaimable).toBe(TotalSize);
  const volume = await du(join(daemon.dataRoot, "volumes/vol/_data"));
  expect(VolumeUsage).toMatchObject({ TotalSize: volume, Reclaimable: 0, ActiveCount: 1 });
  expect(BuildCacheUsage).toMatchObject({ TotalSize: 0, TotalCount: 0, Items: [] });
  await world.rtOutput(["rm", "writer"]);
  expect((await usage()).VolumeUsage).toMatchObject({ Reclaimable: volume, ActiveCount: 0 });
  await world.rtOutput(["volume", "rm", "vol"]);
});

test("types, details and the older form are given as they are asked for", async () => {
  const { daemon } = stage();
  expect(Object.keys(await usage("type=image&type=volume"))).toEqual(["ImageUsage", "VolumeUsage"]);
  expect((await usage("")).ImageUsage?.Items).toBeUndefined();
  const legacy = await daemon.json<Record<string, unknown>>("/v1.47/system/df?type=container");
  expect(legacy).toEqual({
    ...{ LayersSize: 0, Images: null, Containers: [], Volumes: null, BuildCache: null },
    BuilderSize: 0,
  });
  const wrong = await daemon.request("/system/df?type=everything");
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toEqual({ message: "unknown object type: everything" });
});

test("images tells what images share", async () => {
  const { world } = stage();
  const list = ["images", "--format", "{{.Repository}} {{.SharedSize}} {{.UniqueSize}}"];
  const lines = (await world.rtOutput(list)).split("\n");
  const base = lines.find((line) => line.startsWith("busybox ")) ?? "";
  const [, shared, unique] = base.split(" ");
  expect(unique).toBe("0B");
  expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^one ${shared} 1\\.07\\d?GB$`)));
});

test("rt shows it as a table, and in detail", async () => {
  const { world } = stage();
  await world.rtOutput(["create", "--name", "user", "two"]);
  const table = (await world.rtOutput(["system", "df"])).split("\n");
  expect(table[0]).toMatch(/^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE$/);
  expect(table[1]).toMatch(/^Images +3 +1 +\S+MB +\S+[kM]B \(\d+%\)$/);
  expect(table[2]).toMatch(/^Containers +1 +0 /);
  expect(table[4]).toMatch(/^Build Cache +0 +0 +0B +0B$/);
  const detail = await world.rtOutput(["system", "df", "-v"]);
  expect(detail).toMatch(
    /^Images space usage:\n\nREPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS\n/,
  );
  expect(detail).toMatch(/\ntwo +latest .* 1\n/);
  expect(detail).toContain("\nContainers space usage:\n\nCONTAINER ID");
  expect(detail).toMatch(/\nLocal Volumes space usage:\n\nVOLUME NAME +LINKS +SIZE\n/);
  expect(detail).toContain("\nBuild cache usage: 0B\n");
  const named = ["system", "df", "-v", "--format", "{{range .Containers}}{{.Names}}{{end}}"];
  expect(await world.rtOutput(named)).toBe("user");
  await world.rtOutput(["rm", "user"]);
});
