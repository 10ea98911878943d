import { expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replaceFile } from "./replaced-file.ts";

test("first writes at once share the directory that they make", async () => {
  const root = await mkdtemp(join(tmpdir(), "rt-replaced-"));
  try {
    const paths = ["one", "two", "three"].map((name) => join(root, "networks", name));
    await Promise.all(paths.map((path) => replaceFile(path, path)));
    for (const path of paths) expect(await readFile(path, "utf8")).toBe(path);
  } finally {
    await rm(root, { recursive: true });
  }
});
