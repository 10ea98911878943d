import { expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { useStage } from "../support/stage.ts";

const stage = useStage();

interface Inspected {
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: string;
}

test("a volume is created, listed, inspected in Docker's shape, and removed", async () => {
  const { world, daemon } = stage();
  expect(await world.rtOutput(["volume", "create", "--label", "a=b", "data"])).toBe("data");
  expect(await world.rtOutput(["volume", "ls", "-q"])).toBe("data");
  expect(await world.rtOutput(["volume", "ls"])).toBe("DRIVER    VOLUME NAME\nlocal     data");
  const [volume] = JSON.parse(await world.rtOutput(["volume", "inspect", "data"])) as Inspected[];
  expect(volume).toEqual({
    CreatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    Driver: "local",
    Labels: { a: "b" },
    Mountpoint: `${daemon.dataRoot}/volumes/data/_data`,
    Name: "data",
    Options: null,
    Scope: "local",
  });
  expect((await stat(volume?.Mountpoint ?? "")).mode & 0o777).toBe(0o755);
  expect(await world.rtOutput(["inspect", "-f", "{{.Scope}}", "data"])).toBe("local");
  expect(await world.rtOutput(["volume", "rm", "data"])).toBe("data");
  expect(await readdir(`${daemon.dataRoot}/volumes`)).toEqual([]);
});

test("what exists is returned, but not with other options", async () => {
  const { world } = stage();
  await world.rtOutput(["volume", "create", "twice"]);
  expect(await world.rtOutput(["volume", "create", "twice"])).toBe("twice");
  const other = await world.rt([
    ...["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "twice"],
  ]);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("create twice: conflict");
  await world.rtOutput(["volume", "rm", "twice"]);
});

test.each([
  [["-d", "nfs-thing", "x1"], 'error looking up volume plugin nfs-thing: plugin "nfs-thing" not'],
  [["-o", "odd=1", "x1"], 'create x1: invalid option: "odd"'],
  [["-o", "type=tmpfs", "x1"], 'create x1: missing required option: "device"'],
  [["-o", "o=size=1m", "x1"], "create x1: missing required option:"],
  [["a/b"], 'create a/b: "a/b" includes invalid characters for a local volume name'],
  [["../x"], "includes invalid characters"],
  [["x"], "volume name is too short"],
])("volume create %p is refused", async (args, words) => {
  const { world } = stage();
  const ran = await world.rt(["volume", "create", ...args]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain(words);
  expect(await world.rtOutput(["volume", "ls", "-q"])).toBe("");
});

test("a volume in use is not removed, whoever asks, and says by whom it is used", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "-v", "used:/data", "busybox"]);
  for (const flags of [[], ["-f"]]) {
    const ran = await world.rt(["volume", "rm", ...flags, "used"]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`remove used: volume is in use - [${id}]`);
  }
  expect(await world.rtOutput(["volume", "ls", "-q", "-f", "dangling=false"])).toBe("used");
  expect(await world.rtOutput(["volume", "ls", "-q", "-f", "dangling=true"])).toBe("");
  expect(await world.rtOutput(["ps", "-aq", "--no-trunc", "--filter", "volume=used"])).toBe(id);
  await world.rtOutput(["rm", "-v", id]);
  // Named volumes are nobody's to take along.
  expect(await world.rtOutput(["volume", "rm", "used"])).toBe("used");
});

test("an absent volume is an error, by force it is none", async () => {
  const { world } = stage();
  const ran = await world.rt(["volume", "rm", "absent"]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain("get absent: no such volume");
  expect((await world.rt(["volume", "rm", "-f", "absent"])).code).toBe(0);
  expect((await world.rt(["volume", "inspect", "absent"])).stderr).toContain("no such volume");
});

test("anonymous volumes carry their label, and go with rm -v, run --rm and prune alone", async () => {
  const { world } = stage();
  const first = await world.rtOutput(["create", "-v", "/data", "busybox"]);
  const name = await world.rtOutput(["volume", "ls", "-q"]);
  expect(name).toMatch(/^[0-9a-f]{64}$/);
  expect(await world.rtOutput(["volume", "inspect", "-f", "{{json .Labels}}", name])).toBe(
    '{"com.docker.volume.anonymous":""}',
  );
  await world.rtOutput(["rm", first]);
  expect(await world.rtOutput(["volume", "ls", "-q"])).toBe(name);
  const second = await world.rtOutput(["create", "-v", "/data", "busybox"]);
  await world.rtOutput(["rm", "-v", second]);
  expect(await world.rtOutput(["volume", "ls", "-q"])).toBe(name);
  await world.rtOutput(["run", "--rm", "-v", "/data", "busybox", "true"]);
  expect(await world.rtOutput(["volume", "ls", "-q"])).toBe(name);
  await world.rtOutput(["volume", "create", "kept"]);
  const pruned = await world.rtOutput(["volume", "prune", "-f"]);
  expect(pruned).toBe(`Deleted Volumes:\n${name}\n\nTotal reclaimed space: 0B`);
  expect(await world.rtOutput(["volume", "ls", "-q"])).toBe("kept");
  expect(await world.rtOutput(["volume", "prune", "-af"])).toContain("kept");
});

test("prune counts what it frees, and obeys labels and the answer to its question", async () => {
  const { world, sh } = stage();
  await world.rtOutput(["volume", "create", "--label", "keep=yes", "one"]);
  await world.rtOutput(["volume", "create", "two"]);
  await sh("head -c 2000 /dev/zero > /v/file", ["-v", "two:/v"]);
  const asked = await world.rt(["volume", "prune", "-a"], { stdin: "n\n" });
  expect(asked.stdout).toContain("WARNING! This will remove all local volumes not used by");
  expect(await world.rtOutput(["volume", "ls", "-q"])).toBe("one\ntwo");
  const pruned = await world.rt(["volume", "prune", "-a", "--filter", "label!=keep"], {
    stdin: "y\n",
  });
  expect(pruned.stdout).toContain("Deleted Volumes:\ntwo\n\nTotal reclaimed space: 2kB\n");
  await world.rtOutput(["volume", "rm", "one"]);
});

test("list filters by name, label and driver, and prints what is asked for", async () => {
  const { world } = stage();
  await world.rtOutput(["volume", "create", "--label", "team=blue", "alpha"]);
  await world.rtOutput(["volume", "create", "beta"]);
  const list = (...flags: string[]) => world.rtOutput(["volume", "ls", "-q", ...flags]);
  expect(await list("-f", "name=alp")).toBe("alpha");
  expect(await list("-f", "label=team")).toBe("alpha");
  expect(await list("-f", "label=team=red")).toBe("");
  expect(await list("-f", "driver=local")).toBe("alpha\nbeta");
  expect(await list("-f", "driver=other")).toBe("");
  expect(
    await world.rtOutput(["volume", "ls", "--format", '{{.Name}} {{.Label "team"}} {{.Scope}}']),
  ).toBe("alpha blue local\nbeta  local");
  const odd = await world.rt(["volume", "ls", "-f", "dangling=maybe"]);
  expect(odd.stderr).toContain("invalid filter 'dangling=[maybe]'");
  await world.rtOutput(["volume", "rm", "alpha", "beta"]);
});
