/**
 * The archives of unpacking.test.ts by `cp`, into a container that runs and one that does not: nothing of the host
 * changes, and what is refused is refused in a sentence that names the entry.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { isSentence, request } from "../support/attempt.ts";
import { Canary } from "../support/canary.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildBusybox } from "../support/images.ts";
import { messageOf } from "../support/json.ts";
import { containedRows } from "../support/layer-rows/contained.ts";
import { refusedRows } from "../support/layer-rows/refused.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let daemon: Daemon;
let canary: Canary;
let untouched: string;

beforeAll(async () => {
  world = await World.create();
  canary = await Canary.create(world);
  const registry = await world.registry();
  const image = await buildBusybox({ above: [[{ name: "into", type: "directory" }]] });
  await registry.push("library/busybox:latest", image);
  daemon = await world.daemon({ mirrors: [registry.url] });
  await world.rtOutput(["pull", "-q", "busybox"]);
  untouched = await canary.state();
});

afterAll(async () => {
  await daemon.removeContainers();
  await daemon.stop();
  await canary.remove();
  await world.end();
});

/** What has a meaning in a tree that is in use: names of whiteouts are names, and the root stays what it is. */
const taken = /^"\.?\/?" as|^"a\/\.\." as|^a whiteout of nothing/;
/** Said by the system in other words. */
const other = /^an entry (deep )?below/;

/** The sentence that refused it, or "". */
async function copyIn(id: string, blob: Uint8Array): Promise<string> {
  const headers = { "content-type": "application/x-tar" };
  const init = { method: "PUT", headers, body: new Uint8Array(blob) };
  const reply = await request(daemon, `/containers/${id}/archive?path=/into`, init);
  return reply.ok ? "" : await messageOf(reply);
}

async function withContainer(start: string[], use: (id: string) => Promise<void>): Promise<void> {
  const id = await world.rtOutput([...start, "busybox", "sleep", "1000"]);
  try {
    await use(id);
  } finally {
    await world.rtOutput(["rm", "-f", id]);
  }
}

for (const start of [["create"], ["run", "-d"]]) {
  test(`what a layer is refused for, by cp after ${start[0]}`, async () => {
    await withContainer(start, async (id) => {
      for (const [what, { blob, words }] of Object.entries(refusedRows)) {
        const message = await copyIn(id, blob);
        if (taken.test(what)) {
          expect([what, message]).toEqual([what, ""]);
          continue;
        }
        for (const word of other.test(what) ? [] : words)
          expect([what, message]).toEqual([what, expect.stringMatching(word)]);
        expect([what, message, isSentence(message)]).toEqual([what, message, true]);
      }
    });
    expect(await canary.state()).toBe(untouched);
  });

  test(`what a layer is contained for, by cp after ${start[0]}`, async () => {
    await withContainer(start, async (id) => {
      for (const [what, { layers }] of Object.entries(containedRows(canary.path))) {
        for (const layer of layers) {
          const message = await copyIn(id, layer.end());
          if (message !== "")
            expect([what, message, isSentence(message)]).toEqual([what, message, true]);
        }
        expect([what, await canary.state()]).toEqual([what, untouched]);
      }
    });
  });
}
