import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { useStage } from "../support/stage.ts";

const stage = useStage();

test("a lost row of a layer is measured again, and one without its tree is forgotten", async () => {
  const { world, registry, daemon } = stage();
  const size = ["image", "history", "--format", "{{.Size}}", "--human=false", "busybox"];
  const before = await world.rtOutput(size);
  expect(before).toMatch(/^\d+$/m);
  await daemon.stop();
  const open = () => new Database(join(daemon.dataRoot, "rt.db"));
  const gone = `sha256:${"0".repeat(64)}`;
  {
    using database = open();
    database.run("DELETE FROM layers");
    database.query("INSERT INTO layers (diff_id, size) VALUES (?, 1)").run(gone);
  }
  const half = join(daemon.dataRoot, "content/.index.json.0123456789ab.tmp");
  await Bun.write(half, "{");
  const again = await world.daemon({ mirrors: [registry.url] });
  expect(await world.rtOutput(size)).toBe(before);
  expect(await Bun.file(half).exists()).toBe(false);
  await again.stop();
  {
    using database = open();
    const rows = database.query<{ id: string }, []>("SELECT diff_id AS id FROM layers").all();
    expect(rows.map(({ id }) => id)).not.toContain(gone);
    expect(rows.length).toBe(1);
  }
  await rm(half, { force: true });
  await world.daemon({ mirrors: [registry.url] });
});
