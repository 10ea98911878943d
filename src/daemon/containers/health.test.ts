import { expect, test } from "bun:test";
import { type ContainerState, initialState, nowRfc3339 } from "./container.ts";
import { HealthChecker, type ProbeResult } from "./health.ts";
import type { Entry } from "./table.ts";

/** A container that runs, with a check every few milliseconds, and what its probes answer. */
function scene(answer: () => Promise<ProbeResult>) {
  const Healthcheck = { Test: ["CMD", "probe"], Interval: 2e6, Retries: 2 };
  const state: ContainerState = {
    ...initialState(),
    status: "running",
    startedAt: nowRfc3339(),
    health: { status: "starting", failingStreak: 0, log: [] },
  };
  const container = { id: "c", name: "c", image: "i", config: { Healthcheck } };
  const entry = { container, state } as unknown as Entry;
  const events: string[] = [];
  let probes = 0;
  const unhealthy = Promise.withResolvers<void>();
  const checker = new HealthChecker({
    table: {
      saveAnyway: (of, to) => {
        of.state = to;
      },
    },
    events: { publish: (_type, action) => events.push(action) },
    log: { warn: () => {} },
    run: () => {
      probes++;
      return answer();
    },
    onUnhealthy: () => unhealthy.resolve(),
  });
  return { entry, events, checker, unhealthy: unhealthy.promise, probes: () => probes };
}

const failure = { exitCode: 1, output: "no", timedOut: false };

test("probes follow one another until the container is no more running", async () => {
  const { entry, events, checker, unhealthy, probes } = scene(async () => failure);
  checker.update(entry);
  await unhealthy;
  expect(events).toEqual(["health_status: unhealthy"]);
  expect(entry.state.health).toMatchObject({ status: "unhealthy", failingStreak: 2 });
  entry.state = { ...entry.state, status: "paused" };
  checker.update(entry);
  const before = probes();
  await Bun.sleep(30);
  expect(probes()).toBe(before);
  entry.state = { ...entry.state, status: "running" };
  checker.update(entry);
  await Bun.sleep(30);
  expect(probes()).toBeGreaterThan(before);
  checker.close();
});

test("a result that comes when the container has ended counts for nothing", async () => {
  const late = Promise.withResolvers<ProbeResult>();
  const { entry, events, checker, probes } = scene(() => late.promise);
  checker.update(entry);
  while (probes() === 0) await Bun.sleep(1);
  entry.state = { ...entry.state, status: "exited" };
  checker.update(entry);
  late.resolve(failure);
  await Bun.sleep(5);
  expect([events, entry.state.health?.log]).toEqual([[], []]);
});

test("a probe that cannot be run or takes too long has failed with -1", async () => {
  const throwing = scene(async () => {
    throw new Error("no such program");
  });
  throwing.checker.update(throwing.entry);
  await throwing.unhealthy;
  expect(throwing.entry.state.health?.log[0]).toMatchObject({
    exitCode: -1,
    output: "no such program",
  });
  throwing.checker.close();
  const slow = scene(async () => ({ exitCode: 137, output: "half", timedOut: true }));
  slow.checker.update(slow.entry);
  await slow.unhealthy;
  expect(slow.entry.state.health?.log[0]).toMatchObject({
    exitCode: -1,
    output: "Health check exceeded timeout (30s): half",
  });
  slow.checker.close();
});
