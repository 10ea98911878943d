import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ListedManifest } from "../../oci/manifest-list.ts";
import { PendingLists } from "./pending.ts";

let root = "";
let lists: PendingLists;

beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "rt-pending-")), "manifests");
  lists = new PendingLists(root);
});
afterEach(async () => {
  await rm(join(root, ".."), { recursive: true });
});

const manifest: ListedManifest = {
  ref: "box/app:1",
  descriptor: {
    ...{ mediaType: "application/x", digest: `sha256:${"a".repeat(64)}`, size: 3 },
    platform: { os: "linux", architecture: "amd64" },
  },
  raw: new Uint8Array([0xff, 0, 0x0a]),
};

test("a list is kept byte for byte, for its owner alone, and found by its name only", async () => {
  expect(await lists.find("box/list:1")).toBeUndefined();
  await lists.save("box/list:1", [manifest]);
  const [found] = await lists.get("box/list:1");
  expect({ ...found, raw: [...(found?.raw ?? [])] }).toEqual({ ...manifest, raw: [0xff, 0, 0x0a] });
  const [name = ""] = await readdir(root);
  expect((await stat(join(root, name))).mode & 0o777).toBe(0o600);
  // Docker's file names make these one.
  expect(await lists.find("box_list:1")).toBeUndefined();
  await lists.remove("box/list:1");
  await expect(lists.get("box/list:1")).rejects.toThrow("No such manifest: box/list:1");
});

test("a name as long as names may be is kept, and a broken file is named", async () => {
  await lists.save("x".repeat(390), [manifest]);
  expect(await lists.get("x".repeat(390))).toHaveLength(1);
  const [name = ""] = await readdir(root);
  await writeFile(join(root, name), "{");
  await expect(lists.find("x".repeat(390))).rejects.toThrow(`cannot read "${join(root, name)}"`);
});
