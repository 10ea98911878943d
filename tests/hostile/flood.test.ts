/**
 * One container takes all it can get: processes, memory, disk, inodes, log. Its neighbours and the daemon go on; the daemon
 * and monitors are never what is ended for lack of memory. The world has bounds of its own, so that the machine is spared.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { buildMischief } from "../support/mischief.ts";
import { testIf } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(120_000);
const seconds = process.env.RT_FULL === "1" ? 20 : 1;
/** What a user would notice. */
const patience = 100;

const world = await World.create();
const bounds = {
  processes: await world.limit(["pids.max"], 700),
  memory: await world.limit(["memory.max", "memory.limit_in_bytes"], 1024 ** 3),
};
let daemon: Daemon;
let neighbour: string;

beforeAll(async () => {
  const registry = await world.registry();
  await registry.push("library/mischief:latest", await buildMischief());
  await mkdir(world.path("data"));
  const small = ["-o", "size=96m,nr_inodes=20000", "small"];
  await world.run(["mount", "-t", "tmpfs", ...small, world.path("data")]);
  daemon = await world.daemon({ mirrors: [registry.url] });
  await world.rtOutput(["pull", "-q", "mischief"]);
  neighbour = await world.rtOutput(["run", "-d", "mischief", "/mischief", "tick"]);
});

afterEach(async () => {
  await end();
});

afterAll(async () => {
  await daemon.removeContainers();
  await daemon.stop();
  await world.run(["umount", world.path("data")]);
  await world.end();
});

/** Some hundred processes take their time to end where others want the processors too. */
async function end(): Promise<void> {
  const remove = () => daemon.request("/containers/flood?force=1", { method: "DELETE" });
  await until("the end of the flood", async () => (await remove()).status === 404, 60_000);
}

/** Milliseconds that `_ping` takes while it is asked for some seconds, in order. */
async function pings(time = seconds): Promise<number[]> {
  const took: number[] = [];
  const end = performance.now() + time * 1000;
  while (performance.now() < end) {
    const begun = performance.now();
    const reply = await daemon.request("/_ping");
    expect(await reply.text()).toBe("OK");
    took.push(performance.now() - begun);
    await Bun.sleep(5);
  }
  return took.sort((a, b) => a - b);
}

/** What the neighbour has counted so far. */
async function ticks(): Promise<number> {
  const reply = await daemon.request(`/containers/${neighbour}/logs?stdout=1&tail=1`);
  return Number(/\d+/.exec((await reply.text()).slice(8))?.[0]);
}

/**
 * Runs a flood and looks how the daemon answers meanwhile. A machine that is busy with other things is slow by itself:
 * of some attempts one must be good.
 */
async function flood(flags: string[], command: string[], logs = true): Promise<void> {
  const id = await world.rtOutput([
    "run",
    "-d",
    "--name",
    "flood",
    ...flags,
    "mischief",
    ...command,
  ]);
  await Bun.sleep(500);
  const before = await ticks();
  let slowest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 5 && slowest > patience; attempt++) {
    const took = await pings();
    slowest = took[Math.floor(took.length * 0.99)] ?? slowest;
  }
  expect(slowest).toBeLessThan(patience);
  // On a full disk the neighbour counts on, but nobody can write it down.
  if (logs) expect(await ticks()).toBeGreaterThan(before);
  expect(daemon.alive).toBe(true);
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await monitors()).toBeGreaterThan(0);
}

async function monitors(): Promise<number> {
  const all = [...(await world.namespace.processes()).values()];
  return all.filter((line) => line.includes("rt-monitor")).length;
}

async function stateOf(name: string): Promise<{ Status: string; ExitCode: number }> {
  const found = await daemon.json<{ State: { Status: string; ExitCode: number } }>(
    `/containers/${name}/json`,
  );
  return found.State;
}

async function neighbourCounts(): Promise<void> {
  const before = await ticks();
  await until("the neighbour to count on", async () => (await ticks()) > before);
  expect((await stateOf(neighbour)).Status).toBe("running");
}

test("a fork bomb with a limit is one container's matter: others start and count", async () => {
  await flood(["--pids-limit", "100", "--cpus", "1"], ["/mischief", "fork"]);
  expect((await world.rt(["run", "--rm", "mischief", "true"])).code).toBe(0);
});

const bounded = testIf(bounds.processes, "the test's own cgroup cannot limit processes");
bounded(
  "a fork bomb without any leaves the daemon what it needs to answer and to end it",
  async () => {
    await flood([], ["/mischief", "fork"]);
    await end();
    await neighbourCounts();
    expect((await world.rt(["run", "--rm", "mischief", "true"])).code).toBe(0);
  },
);

const remembered = testIf(bounds.memory, "the test's own cgroup cannot limit memory");
remembered("of those who share too little memory the one that takes it is ended", async () => {
  const before = await oomScores();
  await flood([], ["/mischief", "eat", "4096"]);
  await until("the end of the hog", async () => (await stateOf("flood")).Status === "exited");
  expect((await stateOf("flood")).ExitCode).toBe(137);
  await neighbourCounts();
  // A sandbox around the tests may forbid favours, and the hog is ended for its size alone.
  const favoured = (await world.run(["sh", "-c", "echo -1 >/proc/self/oom_score_adj"])).code === 0;
  const [daemon, monitors] = favoured ? ["-500", ["-999"]] : ["0", ["0"]];
  expect(before).toEqual({ daemon, monitors, container: "0" });
});

test("a memory hog with a limit ends by it, and is said to have", async () => {
  await flood(["-m", "64m"], ["/mischief", "eat", "1024"]);
  await until("the end of the hog", async () => (await stateOf("flood")).Status === "exited");
  expect(await world.rtOutput(["inspect", "-f", "{{.State.OOMKilled}}", "flood"])).toBe("true");
});

test("a disk that a container has filled is the trouble of who writes, and free again without it", async () => {
  await flood([], ["sh", "-c", "cat /dev/zero >/full; echo full; sleep 1000"], false);
  await until("a full disk", async () => (await free()) === 0);
  expect((await stateOf(neighbour)).Status).toBe("running");
  expect((await daemon.post("/containers/flood/kill")).status).toBe(204);
  await end();
  await until("the space", async () => (await free()) > 1000);
  await neighbourCounts();
  expect((await world.rt(["run", "--rm", "mischief", "true"])).code).toBe(0);
});

test("a file system without an inode left is free again once its files are removed", async () => {
  await flood([], ["sh", "-c", "mkdir /many; /mischief files /many; sleep 1000"], false);
  await end();
  await until(
    "inodes",
    async () => (await world.rt(["run", "--rm", "mischief", "true"])).code === 0,
  );
  await neighbourCounts();
});

test("a flood of output keeps to the bounds of its log, and holds nobody else up", async () => {
  await flood(["--log-opt", "max-size=1m", "--log-opt", "max-file=2"], ["yes"]);
  const ran = await world.run(["du", "-sk", world.path("data", "containers")]);
  expect(Number(ran.stdout.split("\t")[0])).toBeLessThan(8 * 1024);
  await neighbourCounts();
});

test("a flood of output without bounds fills the disk, and the container goes on", async () => {
  await flood(["--log-opt", "max-size=-1"], ["yes", "x".repeat(1000)], false);
  await until("a full disk", async () => (await free()) < 100, 60_000);
  expect((await stateOf("flood")).Status).toBe("running");
  await pings(1);
  await end();
  await until("the space", async () => (await free()) > 1000);
  await neighbourCounts();
});

/** KiB that are free where the daemon keeps its data. */
async function free(): Promise<number> {
  const { stdout } = await world.run(["df", "-k", "--output=avail", world.path("data")]);
  return Number(stdout.trim().split("\n").at(-1));
}

async function oomScores(): Promise<object> {
  const score = async (pid: number) =>
    (await readFile(`/proc/${pid}/oom_score_adj`, "utf8").catch(() => "")).trim();
  const all = [...(await world.namespace.processes())];
  const found = all.filter(([, line]) => line.includes("rt-monitor")).map(([pid]) => score(pid));
  const pid = await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", neighbour]);
  const { stdout } = await world.run(["cat", `/proc/${pid}/oom_score_adj`]);
  const monitors = [...new Set(await Promise.all(found))].filter((each) => each !== "");
  return { daemon: await score(daemon.pid), monitors, container: stdout.trim() };
}
