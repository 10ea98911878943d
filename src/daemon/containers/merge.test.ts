import { describe, expect, test } from "bun:test";
import { buildEnvironment, mergeConfig } from "./merge.ts";

describe("mergeConfig", () => {
  const image = {
    Entrypoint: ["/entry"],
    Cmd: ["default"],
    Env: ["A=image", "B=image"],
    Labels: { from: "image" },
    WorkingDir: "/srv",
  };

  test("without a command the image's entrypoint and command are taken", () => {
    const merged = mergeConfig({ Image: "x" }, image);
    expect([merged.Entrypoint, merged.Cmd]).toEqual([["/entry"], ["default"]]);
    expect(merged.WorkingDir).toBe("/srv");
  });

  test("a command replaces the image's command and keeps its entrypoint", () => {
    const merged = mergeConfig({ Cmd: ["mine"] }, image);
    expect([merged.Entrypoint, merged.Cmd]).toEqual([["/entry"], ["mine"]]);
  });

  test("an entrypoint drops the image's command", () => {
    const merged = mergeConfig({ Entrypoint: ["/mine"] }, image);
    expect([merged.Entrypoint, merged.Cmd]).toEqual([["/mine"], undefined]);
  });

  test("a working directory is named in one way alone", () => {
    for (const WorkingDir of ["/tmp/", "/tmp/.", "//tmp", "/var/../tmp"])
      expect(mergeConfig({ WorkingDir }, {}).WorkingDir).toBe("/tmp");
    expect(mergeConfig({ WorkingDir: "/" }, {}).WorkingDir).toBe("/");
    expect(mergeConfig({}, {}).WorkingDir).toBe("");
  });

  test("environment and labels are united, the request's own first", () => {
    const merged = mergeConfig({ Env: ["A=own"], Labels: { to: "own" } }, image);
    expect(merged.Env).toEqual(["A=own", "B=image"]);
    expect(merged.Labels).toEqual({ from: "image", to: "own" });
  });
});

describe("buildEnvironment", () => {
  test("a configured variable replaces a default in its place, a bare name removes it", () => {
    expect(
      buildEnvironment(["PATH=/bin", "HOSTNAME=h", "TERM=xterm"], ["PATH=/x", "TERM", "N=1"]),
    ).toEqual(["PATH=/x", "HOSTNAME=h", "N=1"]);
  });
});
