import { expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeFile, replaceFile } from "./replaced-file.ts";

test("a file is made with its directory, replaced, and removed, and nothing stays beside it", async () => {
  const root = await mkdtemp(join(tmpdir(), "rt-replaced-"));
  try {
    const path = join(root, "networks", "one");
    for (const content of ["first\n", "then\n"]) {
      replaceFile(path, content);
      expect(await readFile(path, "utf8")).toBe(content);
    }
    expect(await readdir(join(root, "networks"))).toEqual(["one"]);
    removeFile(path);
    removeFile(path);
    expect(await readdir(join(root, "networks"))).toEqual([]);
  } finally {
    await rm(root, { recursive: true });
  }
});
