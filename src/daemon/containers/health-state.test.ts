import { describe, expect, test } from "bun:test";
import type { Health } from "./container.ts";
import {
  checkHealthcheck,
  findHealthCheck,
  mergeHealthcheck,
  nextHealth,
  probeDelay,
  startingHealth,
  timeoutText,
} from "./health-state.ts";

const second = 1e9;

function result(exitCode: number) {
  return { start: "a", end: "b", exitCode, output: "" };
}

const starting: Health = { status: "starting", failingStreak: 0, log: [] };
const check = { retries: 3, startPeriod: 0 };

describe("findHealthCheck", () => {
  test("CMD is executed as it is, CMD-SHELL by the container's shell, NONE and nothing not at all", () => {
    expect(findHealthCheck({ Healthcheck: { Test: ["CMD", "a", "b"] } })?.argv).toEqual(["a", "b"]);
    const shell = { Healthcheck: { Test: ["CMD-SHELL", "a b"] } };
    expect(findHealthCheck(shell)?.argv).toEqual(["/bin/sh", "-c", "a b"]);
    expect(findHealthCheck({ ...shell, Shell: ["/bin/ash", "-ec"] })?.argv[0]).toBe("/bin/ash");
    expect(findHealthCheck({ Healthcheck: { Test: ["NONE"] } })).toBeUndefined();
    expect(findHealthCheck({ Healthcheck: { Test: [] } })).toBeUndefined();
    expect(findHealthCheck({})).toBeUndefined();
  });

  test("Docker's defaults fill what is not set", () => {
    expect(findHealthCheck({ Healthcheck: { Test: ["CMD", "a"], Timeout: 2 * second } })).toEqual({
      argv: ["a"],
      interval: 30_000,
      timeout: 2000,
      startPeriod: 0,
      startInterval: 5000,
      retries: 3,
    });
  });
});

describe("nextHealth", () => {
  test("one success is healthy, as many failures in a row as retries unhealthy, one success mends all", () => {
    let health = nextHealth(starting, result(0), check, 0);
    expect(health.status).toBe("healthy");
    for (const streak of [1, 2]) {
      health = nextHealth(health, result(1), check, 0);
      expect([health.status, health.failingStreak]).toEqual(["healthy", streak]);
    }
    health = nextHealth(health, result(1), check, 0);
    expect([health.status, health.failingStreak]).toEqual(["unhealthy", 3]);
    health = nextHealth(health, result(0), check, 0);
    expect([health.status, health.failingStreak]).toEqual(["healthy", 0]);
  });

  test("failures in the start period do not count until it has been healthy once", () => {
    const patient = { retries: 1, startPeriod: 5000 };
    expect(nextHealth(starting, result(1), patient, 4999)).toMatchObject({
      status: "starting",
      failingStreak: 0,
    });
    expect(nextHealth(starting, result(1), patient, 5000).status).toBe("unhealthy");
    const healthy = nextHealth(starting, result(0), patient, 100);
    expect(nextHealth(healthy, result(1), patient, 200).status).toBe("unhealthy");
  });

  test("the last five results are kept", () => {
    let health = starting;
    for (let code = 0; code < 8; code++) health = nextHealth(health, result(code), check, 0);
    expect(health.log.map(({ exitCode }) => exitCode)).toEqual([3, 4, 5, 6, 7]);
  });
});

test("in the start period probes follow by its own interval until the container is healthy", () => {
  const config = { Test: ["CMD", "a"], StartPeriod: 10 * second, StartInterval: second };
  const found = findHealthCheck({ Healthcheck: config });
  if (found === undefined) throw new Error("no check");
  expect(probeDelay(starting, found, 0)).toBe(1000);
  expect(probeDelay(starting, found, 10_000)).toBe(30_000);
  expect(probeDelay({ ...starting, status: "healthy" }, found, 0)).toBe(30_000);
});

test("a start keeps old results and forgets the rest", () => {
  const before: Health = { status: "unhealthy", failingStreak: 9, log: [result(1)] };
  const config = { Healthcheck: { Test: ["CMD", "a"] } };
  expect(startingHealth(config, before)).toEqual({ ...starting, log: [result(1)] });
  expect(startingHealth({}, before)).toBeNull();
});

test("a timeout is told as Go writes durations", () => {
  expect(timeoutText(500, "")).toBe("Health check exceeded timeout (500ms)");
  expect(timeoutText(1500, "x")).toBe("Health check exceeded timeout (1.5s): x");
  expect(timeoutText(90_000, "")).toBe("Health check exceeded timeout (1m30s)");
  expect(timeoutText(3_600_000, "")).toBe("Health check exceeded timeout (1h0m0s)");
});

test("a request completes an image's check, field by field", () => {
  const image = { Test: ["CMD", "a"], Interval: second, Retries: 2 };
  expect(mergeHealthcheck({ Retries: 5 }, image)).toMatchObject({
    Test: ["CMD", "a"],
    Interval: second,
    Retries: 5,
  });
  expect(mergeHealthcheck({ Test: ["NONE"] }, image)?.Test).toEqual(["NONE"]);
  expect(mergeHealthcheck(undefined, image)).toBe(image);
});

test("what cannot be is refused", () => {
  expect(() => checkHealthcheck({ Interval: 1000 })).toThrow("cannot be less than 1ms");
  expect(() => checkHealthcheck({ Retries: -1 })).toThrow("cannot be negative");
  expect(() => checkHealthcheck({ Test: ["SHELL", "x"] })).toThrow("Unknown health check type");
});
