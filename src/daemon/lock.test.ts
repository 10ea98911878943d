import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { holdLock } from "./lock.ts";

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "rt-lock-"));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

test("a lock that is let go of in a moment is waited for, one that stays is not", async () => {
  const path = join(root, "rt.lock");
  const first = await holdLock(path);
  const second = holdLock(path);
  first[Symbol.dispose]();
  using _held = await second;
  await expect(holdLock(path)).rejects.toThrow(
    `another daemon already works on this data root: ${path} is locked`,
  );
});
