/**
 * What runs outside of a container comes into it for a moment: the monitor's program, before it executes what was asked
 * for. Nobody inside may take hold of it in that moment, and whoever may cannot change it.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { stat } from "node:fs/promises";
import { digestOf } from "../../scripts/image.ts";
import type { Canary } from "../support/canary.ts";
import { buildMischief } from "../support/mischief.ts";
import { openWatched, type WatchedStage } from "../support/watched.ts";
import { rtPath, type World } from "../support/world.ts";

setDefaultTimeout(120_000);
const seconds = process.env.RT_FULL === "1" ? 30 : 2;

let stage: WatchedStage | undefined;
let world: World;
let canary: Canary;
let before: unknown;

beforeAll(async () => {
  stage = await openWatched({ "mischief:latest": await buildMischief() });
  ({ world, canary } = stage);
  before = await programs();
});

afterAll(async () => {
  await stage?.end();
});

/** Digest, owner and mode of rt and of the program that its monitors are. */
async function programs(): Promise<unknown> {
  const id = await world.rtOutput(["run", "-d", "mischief", "sleep", "1000"]);
  const found = new Map<string, unknown>();
  const all = [...(await world.namespace.processes())];
  const paths = all
    .filter(([, line]) => line.includes("rt-monitor"))
    .map(([pid]) => `/proc/${pid}/exe`);
  for (const path of [rtPath, ...paths]) {
    // A monitor of before may end meanwhile.
    const file = await stat(path).catch(() => undefined);
    const bytes = await Bun.file(path)
      .bytes()
      .catch(() => undefined);
    if (file === undefined || bytes === undefined) continue;
    const { mode, uid, gid, size, nlink } = file;
    const digest = digestOf(bytes);
    found.set(digest, { mode, uid, gid, size, nlink });
  }
  await world.rtOutput(["rm", "-f", id]);
  return [...found];
}

/** Runs the grabber in a container with these flags while `meanwhile` goes on; what it got. */
async function grab(
  flags: string[],
  meanwhile: (id: string) => Promise<unknown>,
  how = "grab",
): Promise<string[]> {
  const command = ["mischief", "/mischief", how, `${seconds}`];
  const grabber = world.spawnRt(["run", "--name", "grabber", ...flags, ...command], {
    timeoutMs: 60_000,
  });
  await grabber.prints("ready");
  const isOver = () => grabber.stdout.includes("done") || grabber.ended;
  while (!isOver()) {
    // What begins at the end of the container fails with it.
    await meanwhile("grabber").catch(async (error: unknown) => {
      await Bun.sleep(500);
      if (!isOver()) throw error;
    });
  }
  const { stdout } = await grabber.finished();
  await world.rtOutput(["rm", "-f", "grabber"]);
  expect(stdout).toEndWith("done\n");
  return stdout.split("\n").filter((line) => !/^(ready|done|)$/.test(line));
}

const changes = /^(write|rewrite|chmod|chown) /;

test("an exec on its way into a container is hidden from it", async () => {
  const got = await grab([], async (id) => {
    await Promise.all([
      world.rtOutput(["exec", id, "true"]),
      world.rtOutput(["exec", "-t", id, "true"]),
      world.rtOutput(["exec", "--privileged", "-u", "guest", id, "true"]),
    ]);
  });
  expect(got).toEqual([]);
  expect(await programs()).toEqual(before);
});

test("who executes the monitor's program inside cannot change it", async () => {
  const again = async (id: string) => {
    await Promise.all([
      world.rt(["exec", id, "/proc/self/exe"]),
      world.rt(["exec", id, "/self"]),
      world
        .rt(["exec", "-i", id, "/proc/self/exe", "x"], { stdin: "open", timeoutMs: 200 })
        .catch(() => {}),
    ]);
  };
  expect((await grab([], again)).filter((line) => changes.test(line))).toEqual([]);
  expect(await programs()).toEqual(before);
});

test("a privileged container may see the monitor's program, and cannot change it", async () => {
  const again = async (id: string) => {
    await Promise.all([world.rt(["exec", id, "true"]), world.rt(["exec", id, "/proc/self/exe"])]);
  };
  const got = await grab(["--privileged"], again);
  // So the grabber is quick enough, and finds in the other tests what there is to find.
  expect(got).toContain("see /rt-monitor");
  expect(got.filter((line) => changes.test(line))).toEqual([]);
  expect(await programs()).toEqual(before);
});

test("with the host's processes in sight, the daemon and the monitors are still out of reach", async () => {
  const again = async (id: string) => {
    await world.rt(["exec", id, "true"]);
    await world.rt(["run", "--rm", "mischief", "true"]);
  };
  const got = await grab(["--pid", "host"], again, "touch");
  expect(got).toEqual([]);
  expect(await programs()).toEqual(before);
});

test("an entrypoint that is the program which executes it gets nowhere", async () => {
  for (const entry of ["/proc/self/exe", "/self", "/proc/1/exe", "/proc/thread-self/exe"]) {
    for (const flags of [[], ["--privileged"], ["-t"], ["--init"]]) {
      const run = ["run", "--rm", ...flags, "--entrypoint", entry, "mischief"];
      const ran = await world.rt([...run, "/etc/passwd", "--help"], { timeoutMs: 10_000 });
      expect([entry, flags, ran.code === 0]).toEqual([entry, flags, false]);
      expect(`${ran.stdout}${ran.stderr}`).not.toContain(canary.word);
    }
  }
  expect(await programs()).toEqual(before);
});
