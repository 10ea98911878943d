import { describe, expect, test } from "bun:test";
import { checkLayers, configCap, parseConfig } from "./config.ts";
import { digestOf } from "./digest.ts";

const diff = digestOf("d");
const minimal = {
  os: "linux",
  architecture: "amd64",
  rootfs: { type: "layers", diff_ids: [diff] },
};
const encode = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("parseConfig", () => {
  test("every field is read", () => {
    const parsed = parseConfig(
      encode({
        ...minimal,
        variant: "v2",
        created: "2026-01-01T00:00:00Z",
        author: "somebody",
        config: {
          User: "1000:1000",
          Env: ["A=b"],
          Entrypoint: ["/e"],
          Cmd: ["c"],
          WorkingDir: "/w",
          Labels: { k: "v" },
          ExposedPorts: { "80/tcp": {} },
          Volumes: { "/data": {} },
          StopSignal: "SIGINT",
          StopTimeout: 5,
          Healthcheck: { Test: ["CMD", "x"], Interval: 1_000_000_000, Retries: 3 },
          OnBuild: ["RUN x"],
          Shell: ["/bin/sh", "-c"],
        },
        history: [{ created_by: "COPY", empty_layer: true }],
      }),
    );
    expect(parsed.platform).toEqual({ os: "linux", architecture: "amd64", variant: "v2" });
    expect(parsed.diffIds).toEqual([diff]);
    expect(parsed.config).toMatchObject({
      user: "1000:1000",
      env: ["A=b"],
      entrypoint: ["/e"],
      cmd: ["c"],
      workingDir: "/w",
      labels: { k: "v" },
      exposedPorts: ["80/tcp"],
      volumes: ["/data"],
      stopSignal: "SIGINT",
      stopTimeout: 5,
    });
    expect(parsed.config.healthcheck).toMatchObject({
      test: ["CMD", "x"],
      interval: 1e9,
      retries: 3,
      timeout: 0,
    });
    expect(parsed.history).toMatchObject([{ createdBy: "COPY", emptyLayer: true }]);
  });

  test("an absent command differs from an empty one", () => {
    expect(parseConfig(encode(minimal)).config.cmd).toBeUndefined();
    expect(
      parseConfig(encode({ ...minimal, config: { Cmd: [], Entrypoint: null } })).config,
    ).toMatchObject({
      cmd: [],
      entrypoint: undefined,
    });
  });

  test("wrong types and NUL bytes are refused, each with its name", () => {
    const cases: [unknown, string][] = [
      [[], "not an object"],
      [{}, "no rootfs of type layers"],
      [{ rootfs: { type: "other" } }, "no rootfs of type layers"],
      [{ ...minimal, rootfs: { type: "layers", diff_ids: ["x"] } }, "no valid digest"],
      [{ ...minimal, os: 1 }, "os is not a string"],
      [{ ...minimal, config: [] }, "config is not an object"],
      [{ ...minimal, config: { Env: "A=b" } }, "Env is not a list"],
      [{ ...minimal, config: { Env: [1] } }, "Env holds what is not a string"],
      [{ ...minimal, config: { Cmd: ["a\0b"] } }, "Cmd holds a NUL byte"],
      [{ ...minimal, config: { Labels: { a: 1 } } }, "a value is not a string"],
      [{ ...minimal, config: { Volumes: ["/a"] } }, "Volumes is not an object"],
      [{ ...minimal, config: { StopTimeout: 1.5 } }, "StopTimeout is not a whole number"],
      [{ ...minimal, config: { Healthcheck: { Test: "x" } } }, "Healthcheck.Test is not a list"],
      [{ ...minimal, history: {} }, "history is no proper list"],
    ];
    for (const [value, message] of cases) expect(() => parseConfig(encode(value))).toThrow(message);
    expect(() => parseConfig(Buffer.alloc(configCap + 1))).toThrow("larger than");
  });

  test("layers must be as many as diff_ids", () => {
    const config = parseConfig(encode(minimal));
    expect(() => checkLayers({ layers: [] }, config)).toThrow(
      "has 0 layers, the config 1 diff_ids",
    );
  });
});
