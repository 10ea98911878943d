import { describe, expect, test } from "bun:test";
import { decideRestart, nextDelay, parseRestartPolicy } from "./restart-policy.ts";

const failed = { exitCode: 1, restartCount: 0, stopped: false, moment: "exit" } as const;

describe("decideRestart", () => {
  test("no policy never starts again", () => {
    expect(decideRestart(undefined, failed)).toBe(false);
    expect(decideRestart({ Name: "no" }, failed)).toBe(false);
    expect(decideRestart({ Name: "" }, failed)).toBe(false);
  });

  test("always starts again whatever the code, but for a stop of the user's", () => {
    expect(decideRestart({ Name: "always" }, { ...failed, exitCode: 0 })).toBe(true);
    expect(decideRestart({ Name: "always" }, { ...failed, stopped: true })).toBe(false);
  });

  test("when the daemon starts, always brings back what was stopped and unless-stopped does not", () => {
    const stopped = { ...failed, stopped: true, moment: "boot" } as const;
    expect(decideRestart({ Name: "always" }, stopped)).toBe(true);
    expect(decideRestart({ Name: "unless-stopped" }, stopped)).toBe(false);
    expect(decideRestart({ Name: "unless-stopped" }, { ...stopped, stopped: false })).toBe(true);
  });

  test("on-failure counts its starts and leaves success alone", () => {
    const policy = { Name: "on-failure", MaximumRetryCount: 2 } as const;
    expect(decideRestart(policy, { ...failed, exitCode: 0 })).toBe(false);
    expect(decideRestart(policy, { ...failed, restartCount: 1 })).toBe(true);
    expect(decideRestart(policy, { ...failed, restartCount: 2 })).toBe(false);
    expect(decideRestart({ Name: "on-failure" }, { ...failed, restartCount: 99 })).toBe(true);
    expect(decideRestart(policy, { ...failed, stopped: true, moment: "boot" })).toBe(false);
  });
});

test("the delay doubles from 100 ms to a minute and begins anew after ten seconds of running", () => {
  const delays = [0];
  for (let start = 0; start < 12; start++) delays.push(nextDelay(delays.at(-1) ?? 0, 5));
  expect(delays.slice(1, 5)).toEqual([100, 200, 400, 800]);
  expect(delays.at(-1)).toBe(60_000);
  expect(nextDelay(60_000, 9_999)).toBe(60_000);
  expect(nextDelay(60_000, 10_000)).toBe(100);
});

test("a policy is refused in Docker's words", () => {
  const parse = (policy: object) => () => parseRestartPolicy(policy);
  expect(parse({ Name: "sometimes" })).toThrow("unknown policy 'sometimes'");
  expect(parse({ Name: "always", MaximumRetryCount: 2 })).toThrow("can only be used with");
  expect(parse({ Name: "on-failure", MaximumRetryCount: -1 })).toThrow("cannot be negative");
  expect(parseRestartPolicy(undefined)).toEqual({ Name: "no", MaximumRetryCount: 0 });
});
