import { beforeAll, expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { buildSeeded } from "../support/seeded.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

beforeAll(async () => {
  const { world, registry } = stage();
  await registry.push("library/seeded:latest", await buildSeeded());
  await registry.push(
    "library/declared:latest",
    await buildSeeded({ Volumes: { "/srv/data": {} } }),
  );
  await registry.push("library/over:latest", await buildSeeded({ Volumes: { "/srv/file": {} } }));
  for (const name of ["seeded", "declared", "over"]) await world.rtOutput(["pull", "-q", name]);
});

const listing =
  "stat -c '%n %F %a %u:%g' . sub sub/file link upper | sed 's/regular file/file/'; cat again; stat -c %h again";
const expected = [
  ". directory 1770 12:34",
  "sub directory 750 7:8",
  "sub/file file 640 7:8",
  "link symbolic link 777 0:0",
  "upper file 600 0:0",
  "from the image",
  "2",
].join("\n");

async function run(flags: string[], script: string, image = "seeded"): Promise<string> {
  return await stage().world.rtOutput(["run", "--rm", ...flags, image, "sh", "-c", script]);
}

test("an empty volume gets content, owner and modes of the image's directory", async () => {
  expect(await run(["-v", "filled:/srv/data"], `cd /srv/data; ${listing}; ls -A`)).toBe(
    `${expected}\nagain\nlink\nsub\nupper`,
  );
  const { daemon } = stage();
  expect(await readdir(`${daemon.dataRoot}/volumes/filled`)).toEqual(["_data"]);
});

test("what was changed in a filled volume is not filled again", async () => {
  await run(["-v", "filled:/srv/data"], "rm -r /srv/data/sub; echo mine > /srv/data/upper");
  expect(await run(["-v", "filled:/srv/data"], "cd /srv/data; ls -A; cat upper")).toBe(
    "again\nlink\nupper\nmine",
  );
});

test("--mount and the image's own VOLUME are filled too, through the image's links", async () => {
  const flags = ["--mount", "type=volume,src=byway,dst=/srv/way"];
  expect(await run(flags, `cd /srv/data; ${listing}`)).toBe(expected);
  expect(await run([], `cd /srv/data; ${listing}`, "declared")).toBe(expected);
});

test("nocopy, a bind and a tmpfs leave their place empty", async () => {
  const { world } = stage();
  await mkdir(world.path("empty"));
  for (const flags of [
    ["-v", "plain1:/srv/data:nocopy"],
    ["--mount", "type=volume,src=plain2,dst=/srv/data,volume-nocopy"],
    ["-v", `${world.path("empty")}:/srv/data`],
    ["--tmpfs", "/srv/data"],
  ]) {
    expect(await run(flags, "ls -A /srv/data")).toBe("");
  }
});

test("it is done when the container is created, so that it is there before the start", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["create", "-v", "early:/srv/data", "seeded"]);
  const path = `${daemon.dataRoot}/volumes/early/_data/upper`;
  expect(await readFile(path, "utf8")).toBe("from above\n");
  await world.rtOutput(["rm", id]);
});

test("a place that the image has not leaves the volume as it is", async () => {
  expect(await run(["-v", "fresh:/new/place"], "ls -A /new/place; stat -c %a /new/place")).toBe(
    "755",
  );
});

test("a volume is not put over a file of the image", async () => {
  const { world } = stage();
  for (const args of [["-v", "onfile:/srv/file", "seeded"], ["over"]]) {
    const ran = await world.rt(["create", ...args]);
    expect(ran.code).toBe(125);
    expect(ran.stderr).toContain("cannot mount volume over existing file, file exists /srv/file");
  }
});

test("two containers at once get one whole volume", async () => {
  const { world } = stage();
  const runs = Array.from({ length: 6 }, () =>
    run(["-v", "shared:/srv/data"], `cd /srv/data; ${listing}`),
  );
  expect(new Set(await Promise.all(runs))).toEqual(new Set([expected]));
  await world.rtOutput(["volume", "rm", "shared"]);
});

test("a fill that a killed daemon left half is empty or complete under the next one", async () => {
  const { world, daemon, registry } = stage();
  await world.rtOutput(["volume", "create", "half"]);
  await world.rtOutput(["volume", "create", "whole"]);
  await world.rtOutput(["volume", "create", "keeps"]);
  const root = `${daemon.dataRoot}/volumes`;
  await mkdir(`${root}/half/copying`);
  await writeFile(`${root}/half/copying/part`, "x");
  await mkdir(`${root}/whole/copied`);
  await writeFile(`${root}/whole/copied/rest`, "x");
  // Made by a daemon that was killed before it could write the records.
  await mkdir(`${root}/lost/_data`, { recursive: true });
  await mkdir(`${root}/found/_data`, { recursive: true });
  await writeFile(`${root}/found/_data/file`, "x");
  await daemon.kill();
  await world.daemon({ mirrors: [registry.url] });
  expect(await readdir(`${root}/half`)).toEqual(["_data"]);
  expect(await readdir(`${root}/half/_data`)).toEqual([]);
  expect(await readdir(`${root}/whole`)).toEqual(["_data"]);
  expect(await readdir(`${root}/whole/_data`)).toEqual(["rest"]);
  const names = (await world.rtOutput(["volume", "ls", "-q"])).split("\n");
  expect(names).toContain("keeps");
  expect(names).toContain("found");
  expect(names).not.toContain("lost");
});
