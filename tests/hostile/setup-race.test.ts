/**
 * Containers that exchange a directory and a link in a volume all the time, while others start with mounts, devices
 * and directories in that volume: 60 starts by default, 1,000 with RT_FULL=1.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { attempt, isSentence, post } from "../support/attempt.ts";
import { type Canary, look } from "../support/canary.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildMischief } from "../support/mischief.ts";
import { openWatched, type WatchedStage } from "../support/watched.ts";
import type { World } from "../support/world.ts";

setDefaultTimeout(600_000);
const starts = process.env.RT_FULL === "1" ? 1000 : 60;

let stage: WatchedStage | undefined;
let world: World;
let daemon: Daemon;
let canary: Canary;

beforeAll(async () => {
  stage = await openWatched({ "mischief:latest": await buildMischief() });
  ({ world, daemon, canary } = stage);
  await Bun.write(world.path("plain"), "a file\n");
});

afterAll(async () => {
  await stage?.end();
});

/** What stands, half of the time, where a directory is: /v/a. */
function links(): string[] {
  const up = "../".repeat(20);
  return [
    `${canary.path}/dir`,
    `${up}srv`,
    "/",
    "/proc/self/fd/7",
    `/proc/1/root${canary.path}`,
    "..",
    "/dev",
  ];
}

/** Starts the container that races in the volume `name`. */
async function race(name: string, link: string): Promise<string> {
  const prepare = `mkdir -p /v/a/deep; echo own >/v/a/file; ln -s '${link}' /v/b`;
  const script = `${prepare}; exec /mischief exchange /v/a /v/b`;
  const run = ["run", "-d", "-v", `${name}:/v`, "mischief", "sh", "-c", script];
  const id = await world.rtOutput(run);
  await world.spawnRt(["logs", "-f", id]).prints("ready");
  return id;
}

interface Victim {
  host?: Record<string, unknown>;
  config?: Record<string, unknown>;
}

/** The ways to name something in a volume that somebody else changes meanwhile. */
function victims(race: string): Victim[] {
  const shared = `${race}:/v`;
  const mount = (at: string) => ({
    ...{ Type: "volume", Source: race, Target: "/p" },
    VolumeOptions: { Subpath: at },
  });
  return [
    { host: { Binds: [shared, "own:/v/a/deep"] } },
    { host: { Binds: [shared, "own:/v/a/new"] } },
    { host: { Binds: [shared, `${world.path("plain")}:/v/a/file`] } },
    { host: { Binds: [shared], Tmpfs: { "/v/a/deep": "" } } },
    { host: { Binds: [shared] }, config: { WorkingDir: "/v/a/deep" } },
    { host: { Binds: [shared] }, config: { WorkingDir: "/v/a/made/here" } },
    { host: { Binds: [shared] }, config: { Volumes: { "/v/a/deep": {} } } },
    { host: { Mounts: [mount("a")] } },
    { host: { Mounts: [mount("a/deep")] } },
    { host: { Mounts: [mount("a/file")] } },
    {
      host: {
        Binds: [shared],
        Devices: [
          { PathOnHost: "/dev/zero", PathInContainer: "/v/a/zero", CgroupPermissions: "r" },
        ],
      },
    },
    { host: { Binds: [shared, `${race}:/v/a/deep`], Privileged: true } },
    { host: { Binds: [shared], MaskedPaths: ["/v/a/file", "/v/a"], ReadonlyPaths: ["/v/a/deep"] } },
    { host: { Binds: [`${race}:/etc`, `${world.path("plain")}:/etc/a/file`] } },
    { host: { Binds: [`${race}:/dev`] } },
    { host: { Binds: [`${race}:/run`], Tmpfs: { "/run/a": "" } }, config: { Tty: true } },
  ];
}

test("mounts, devices and directories in a volume whose names are exchanged lead nowhere else", async () => {
  const before = await canary.state();
  const racers = await Promise.all(links().map((link, at) => race(`race${at}`, link)));
  // More of them than processors would only take the time of the starts.
  for (const id of racers) await world.rtOutput(["pause", id]);
  const wrong: string[] = [];
  const tally = { ran: 0, refused: 0 };
  const each = Math.ceil(starts / racers.length);
  for (const [at, id] of racers.entries()) {
    await world.rtOutput(["unpause", id]);
    const all = victims(`race${at}`);
    let next = at * 5;
    const end = next + each;
    const worker = async () => {
      while (next < end) {
        const number = next++ % all.length;
        const { host = {}, config = {} } = all[number] ?? {};
        const Cmd = ["sh", "-c", look, number % 3 === 0 ? "/v/a" : "/p"];
        const body = { Image: "mischief", Cmd, ...config, HostConfig: host };
        const ran = await attempt(daemon, body);
        const what = `${links()[at]}, ${JSON.stringify(host)}`;
        if (ran.output.includes(canary.word)) wrong.push(`${what}: sees the host`);
        if (ran.outcome === "ran") tally.ran++;
        else tally.refused++;
        if (ran.outcome !== "ran" && !isSentence(ran.message))
          wrong.push(`${what}: ${ran.message}`);
      }
    };
    await Promise.all([worker(), worker()]);
    await world.rtOutput(["rm", "-f", id]);
  }
  expect(wrong).toEqual([]);
  expect(await canary.state()).toBe(before);
  expect(daemon.alive).toBe(true);
  // Both happen, or there was no race.
  expect(Math.min(tally.ran, tally.refused)).toBeGreaterThan(0);
});

test("a directory that is exchanged while an exec enters it is the container's or none", async () => {
  const before = await canary.state();
  for (const link of links().slice(0, 4)) {
    const id = await race("entered", link);
    for (let round = 0; round < Math.ceil(starts / 20); round++) {
      const Cmd = ["sh", "-c", look, "."];
      const exec = { Cmd, WorkingDir: "/v/a/deep", AttachStdout: true, AttachStderr: true };
      const made = await post(daemon, `/containers/${id}/exec`, exec);
      const { Id } = (await made.json()) as { Id: string };
      const said = await (await post(daemon, `/exec/${Id}/start`, { Detach: false })).text();
      expect(said).not.toContain(canary.word);
    }
    await world.rtOutput(["rm", "-f", id]);
    await world.rtOutput(["volume", "rm", "entered"]);
  }
  expect(await canary.state()).toBe(before);
});
