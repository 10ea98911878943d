import { afterEach, beforeEach, expect, test } from "bun:test";
import { exists, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../log.ts";
import { Trash } from "./trash.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "rt-trash-"));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

/** A trash whose removals wait for `allowed`. */
async function slowTrash(allowed: Promise<void>): Promise<Trash> {
  const native = {
    removeTree: async (path: string): Promise<void> => {
      await allowed;
      await rm(path, { recursive: true });
    },
  };
  const directories = [{ of: root, trash: join(root, "trash") }];
  const trash = new Trash({ native, log: createLog("error"), directories });
  await trash.open();
  return trash;
}

test("a tree is out of sight at once, and gone when the trash is closed", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const trash = await slowTrash(promise);
  await mkdir(join(root, "one", "below"), { recursive: true });
  await trash.take(join(root, "one"));
  expect(await exists(join(root, "one"))).toBe(false);
  expect(await exists(join(root, "trash", "one-0"))).toBe(true);
  let isClosed = false;
  const closing = trash.close().then(() => {
    isClosed = true;
  });
  await Bun.sleep(1);
  expect(isClosed).toBe(false);
  resolve();
  await closing;
  expect(await exists(join(root, "trash", "one-0"))).toBe(false);
});

test("what takes too long to remove is left to the next daemon, and absence is no error", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const trash = await slowTrash(promise);
  await trash.take(join(root, "absent"));
  await mkdir(join(root, "two"));
  await trash.take(join(root, "two"));
  await trash.close(1);
  expect(await exists(join(root, "trash", "two-1"))).toBe(true);
  resolve();
  await trash.close();
  expect(await exists(join(root, "trash", "two-1"))).toBe(false);
});
