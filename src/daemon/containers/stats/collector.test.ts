import { expect, test } from "bun:test";
import type { StatsSample } from "../../../native-types/native.ts";
import { initialState } from "../container.ts";
import type { Entry } from "../table.ts";
import { StatsCollector } from "./collector.ts";
import { toStats } from "./view.ts";

const sample: StatsSample = {
  cpu: {
    ...{ total: 5, user: 3, kernel: 2, system: 100, online: 2 },
    ...{ periods: 0, throttledPeriods: 0, throttledTime: 0 },
  },
  memory: { usage: 10, maxUsage: 0, failCount: 0, limit: null, stats: { anon: 1 } },
  ...{ pids: 1, pidsLimit: null, block: [], networks: {} },
};

function setUp() {
  const state = { ...initialState(), status: "running", pid: 4 };
  const entry = { container: { id: "c", hostConfig: {} }, state } as unknown as Entry;
  const world = { reads: 0, exists: true };
  const collector = new StatsCollector({
    native: {
      readStats: () => {
        world.reads += 1;
        return Promise.resolve(sample);
      },
    },
    cgroup: () => ({ parent: null, name: "rt-c" }),
    exists: () => world.exists,
  });
  return { entry, world, collector };
}

test("streams of one container share its reading, and nothing runs after the last", async () => {
  const { entry, world, collector } = setUp();
  const signal = new AbortController().signal;
  const streams = [1, 2, 3].map(() => collector.follow(entry, signal));
  await Promise.all(streams.map((stream) => stream.next()));
  expect(world.reads).toBe(1);
  const second = await Promise.all(streams.map((stream) => stream.next()));
  expect(world.reads).toBe(2);
  expect(second[0]?.value?.before?.sample).toEqual(sample);
  await Promise.all(streams.map((stream) => stream.return(undefined)));
  expect(collector.size).toBe(0);
});

test("a client that goes away leaves nothing", async () => {
  const { entry, collector } = setUp();
  const gone = new AbortController();
  const stream = collector.follow(entry, gone.signal);
  await stream.next();
  const next = stream.next();
  gone.abort();
  expect((await next).done).toBe(true);
  expect(collector.size).toBe(0);
});

test("the removal of the container ends its streams", async () => {
  const { entry, world, collector } = setUp();
  const stream = collector.follow(entry, new AbortController().signal);
  await stream.next();
  world.exists = false;
  expect((await stream.next()).done).toBe(true);
  expect(collector.size).toBe(0);
});

test("a container that does not run has zeros", async () => {
  const { entry, collector } = setUp();
  entry.state = initialState();
  const stream = collector.follow(entry, new AbortController().signal);
  const { value } = await stream.next();
  await stream.return(undefined);
  const stats = toStats({ id: "c", name: "web" }, value?.now, value?.before, 100);
  expect(stats).toMatchObject({ name: "/web", read: "0001-01-01T00:00:00Z", memory_stats: {} });
  expect(stats.cpu_stats.cpu_usage.total_usage).toBe(0);
});

test("no limit of memory is the memory of the host", () => {
  const now = { read: "2026-01-01T00:00:00Z", sample };
  const stats = toStats({ id: "c", name: "web" }, now, undefined, 100);
  expect(stats.memory_stats).toEqual({ usage: 10, stats: { anon: 1 }, limit: 100 });
  expect(stats.cpu_stats.online_cpus).toBe(2);
  expect(stats).not.toHaveProperty("networks");
});
