import { expect, test } from "bun:test";
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInitLayer } from "./init-layer.ts";

async function inScratch(work: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "rt-init-layer-"));
  await work(join(root, "init")).finally(() => rm(root, { recursive: true, force: true }));
}

const isRoot = process.getuid?.() === 0;

test.if(isRoot)("the layer has Docker's nodes, and is made once", async () => {
  await inScratch(async (root) => {
    const path = await ensureInitLayer(root);
    expect((await readdir(path, { recursive: true })).sort()).toEqual([
      ...[".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc", "etc/hostname"],
      ...["etc/hosts", "etc/mtab", "etc/resolv.conf", "proc", "sys"],
    ]);
    expect(await readlink(join(path, "etc/mtab"))).toBe("/proc/mounts");
    const { ino } = await lstat(path);
    expect(await ensureInitLayer(root)).toBe(path);
    expect((await lstat(path)).ino).toBe(ino);
    expect(await readdir(root)).toEqual(["layer"]);
  });
});

test.if(isRoot)("what is damaged is made anew, and set aside until the next start", async () => {
  const damages: [string, (path: string) => Promise<unknown>][] = [
    ["a directory became a link", (path) => swap(join(path, "proc"))],
    ["a node is gone", (path) => rm(join(path, "etc/hosts"))],
    ["a file has content", (path) => writeFile(join(path, ".dockerenv"), "x")],
    ["there is one more", (path) => writeFile(join(path, "etc/passwd"), "root::0:0:::\n")],
    ["the link leads elsewhere", (path) => swap(join(path, "etc/mtab"))],
    ["it is a file", (path) => rm(path, { recursive: true }).then(() => writeFile(path, ""))],
  ];
  await inScratch(async (root) => {
    for (const [what, damage] of damages) {
      const path = await ensureInitLayer(root);
      await damage(path);
      await ensureInitLayer(root);
      expect((await lstat(join(path, "proc"))).isDirectory(), what).toBeTrue();
      expect((await readdir(root)).length, what).toBe(2);
      await ensureInitLayer(root);
      expect(await readdir(root), what).toEqual(["layer"]);
    }
  });
});

test.if(isRoot)("one half made is nothing", async () => {
  await inScratch(async (root) => {
    await mkdir(join(root, "staging-0/etc"), { recursive: true });
    await ensureInitLayer(root);
    expect(await readdir(root)).toEqual(["layer"]);
  });
});

async function swap(path: string): Promise<void> {
  await rename(path, `${path}.old`);
  await rm(`${path}.old`, { recursive: true });
  await symlink("/tmp", path);
}
