import { expect, test } from "bun:test";
import {
  chmod,
  chown,
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
import { InitLayers } from "./init-layer.ts";

async function inScratch(work: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "rt-init-layer-"));
  await work(join(root, "init")).finally(() => rm(root, { recursive: true, force: true }));
}

/** The one that images without a say of their own get. */
async function open(root: string): Promise<string> {
  return await (await InitLayers.open(root)).of("sha256:plain", []);
}

const isRoot = process.getuid?.() === 0;

test.if(isRoot)("the layer has Docker's nodes, and is made once", async () => {
  await inScratch(async (root) => {
    const path = await open(root);
    expect((await readdir(path, { recursive: true })).sort()).toEqual([
      ...[".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc", "etc/hostname"],
      ...["etc/hosts", "etc/mtab", "etc/resolv.conf", "proc", "sys"],
    ]);
    expect(await readlink(join(path, "etc/mtab"))).toBe("/proc/mounts");
    const { ino } = await lstat(path);
    expect(await open(root)).toBe(path);
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
      const path = await open(root);
      await damage(path);
      await open(root);
      expect((await lstat(join(path, "proc"))).isDirectory(), what).toBeTrue();
      expect((await readdir(root)).length, what).toBe(2);
      await open(root);
      expect(await readdir(root), what).toEqual(["layer"]);
    }
  });
});

test.if(isRoot)("one half made is nothing", async () => {
  await inScratch(async (root) => {
    await mkdir(join(root, "staging-0/etc"), { recursive: true });
    await open(root);
    expect(await readdir(root)).toEqual(["layer"]);
  });
});

test.if(isRoot)("owner and mode of an image's own directories are kept", async () => {
  await inScratch(async (root) => {
    const layers = await InitLayers.open(root);
    const image = join(root, "../image");
    const [top, base] = [join(image, "top"), join(image, "base")];
    await mkdir(join(top, "etc"), { recursive: true });
    await chmod(join(top, "etc"), 0o2775);
    await chown(join(top, "etc"), 12, 34);
    await chmod(join(top, "etc"), 0o2775);
    await mkdir(join(base, "etc"), { recursive: true, mode: 0o700 });
    await mkdir(join(base, "proc"), { mode: 0o555 });
    await symlink("/tmp", join(top, "sys"));
    await mkdir(join(base, "sys"), { mode: 0o700 });
    const path = await layers.of("sha256:own", [top, base]);
    const shown = async (name: string) => {
      const { mode, uid, gid } = await lstat(join(path, name));
      return [(mode & 0o7777).toString(8), uid, gid];
    };
    expect(await shown("etc")).toEqual(["2775", 12, 34]);
    expect(await shown("etc/hosts")).toEqual(["755", 0, 0]);
    expect(await shown("proc")).toEqual(["555", 0, 0]);
    expect(await shown("sys")).toEqual(["755", 0, 0]);
    expect(await layers.of("sha256:same", [top, base])).toBe(path);
    expect(await layers.of("sha256:plain", [])).toBe(join(root, "layer"));
    // It is used again by the next daemon, and made anew if it is damaged.
    const { ino } = await lstat(path);
    const next = await InitLayers.open(root);
    expect((await lstat(await next.of("sha256:own", [top, base]))).ino).toBe(ino);
    await chmod(join(path, "etc"), 0o777);
    await (await InitLayers.open(root)).of("sha256:own", [top, base]);
    expect(await shown("etc")).toEqual(["2775", 12, 34]);
  });
});

async function swap(path: string): Promise<void> {
  await rename(path, `${path}.old`);
  await rm(`${path}.old`, { recursive: true });
  await symlink("/tmp", path);
}
