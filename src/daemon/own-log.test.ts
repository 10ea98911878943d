import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boundFile } from "./own-log.ts";

let root: string;
let path: string;
let fd: number;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "rt-own-log-"));
  path = join(root, "daemon.log");
});
afterEach(async () => {
  closeSync(fd);
  await rm(root, { recursive: true });
});

function bounded(maxBytes: number): (text: string) => void {
  fd = openSync(path, "a");
  return boundFile({ fd, path, maxBytes, write: (text) => writeSync(fd, text) });
}

test("the latest lines are in the file and the ones before in its copy, however many there are", async () => {
  const write = bounded(100);
  const lines = Array.from({ length: 1000 }, (_, at) => `line ${at}\n`);
  for (const line of lines) write(line);
  const kept = (await readFile(`${path}.1`, "utf8")) + (await readFile(path, "utf8"));
  expect(lines.join("").endsWith(kept)).toBe(true);
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.length).toBeLessThanOrEqual(200);
});

test("what daemons before have left counts", async () => {
  await writeFile(path, "x".repeat(99));
  const write = bounded(100);
  write("two\n");
  expect(await readFile(path, "utf8")).toBe("two\n");
  expect((await stat(`${path}.1`)).size).toBe(99);
});

test("a file that was removed does no harm, and is not made again", async () => {
  const write = bounded(10);
  write("123456789\n");
  await rm(path);
  write("more\n");
  await expect(stat(path)).rejects.toThrow("ENOENT");
});
