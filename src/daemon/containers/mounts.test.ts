import { describe, expect, test } from "bun:test";
import type { Mount } from "../../api/types.ts";
import { parseIdMap } from "./id-map.ts";
import { parseBind, parseMounts, parseVolumesFrom } from "./mounts.ts";

describe("parseBind", () => {
  test("an absolute source is a bind whose source is made when absent", () => {
    expect(parseBind("/src/../data:/data/:ro,rslave")).toEqual({
      type: "bind",
      source: "/data",
      target: "/data",
      readonly: true,
      recursive: true,
      propagation: "rslave",
      mode: "ro,rslave",
      createSource: true,
    });
  });

  test("any other source names a volume", () => {
    expect(parseBind("cache:/var/cache")).toEqual({
      type: "volume",
      name: "cache",
      target: "/var/cache",
      readonly: false,
      mode: "z",
    });
    expect(parseBind("cache:/var/cache:ro,nocopy")).toMatchObject({
      readonly: true,
      nocopy: true,
      mode: "ro,nocopy",
    });
  });

  test.each([
    "/only",
    ":/x",
    "/a:",
    "/a:/b:ro:rw",
    "/a:relative",
    "/a:/",
    "/a:/b:odd",
    "../x:/b",
    "/a:/b:nocopy",
    "v1:/b:rshared",
  ])("%p is refused", (spec) => {
    expect(() => parseBind(spec)).toThrow();
  });
});

describe("parseMounts", () => {
  test("two mounts on one target are refused", () => {
    expect(() => parseMounts({ Binds: ["/a:/x", "/b:/x/"] }, {})).toThrow(
      "Duplicate mount point: /x",
    );
  });

  test("a volume of the image is anonymous, unless the user mounts something there", () => {
    const { requested } = parseMounts({ Binds: ["/a:/x"] }, { Volumes: { "/x": {}, "/y": {} } });
    expect(requested).toMatchObject([
      { type: "bind", target: "/x" },
      { type: "volume", name: undefined, target: "/y", mode: "" },
    ]);
  });

  test("mounts of other containers give way to what is asked for, and hide the image's volumes", () => {
    const from = ["/x", "/y", "/y"].map((target, number) => ({
      ...{ type: "volume" as const, name: `v${number}`, target, readonly: false },
      ...{ anonymous: false, mode: "z" },
    }));
    const { requested, inherited } = parseMounts(
      { Binds: ["/a:/x"] },
      { Volumes: { "/y": {} } },
      from,
    );
    expect(requested).toMatchObject([{ type: "bind", target: "/x" }]);
    expect(inherited).toMatchObject([{ name: "v2", target: "/y" }]);
  });

  test("--volume-driver is for volumes that name none", () => {
    const { requested } = parseMounts({ Binds: ["v1:/x"], VolumeDriver: "other" }, {});
    expect(requested).toMatchObject([{ driver: "other" }]);
  });

  test("size, mode and options of a tmpfs become mount options", () => {
    const { requested } = parseMounts(
      {
        Mounts: [
          {
            Type: "tmpfs",
            Target: "/t",
            TmpfsOptions: { SizeBytes: 1024, Mode: 0o1777, Options: [["exec"], ["uid", "7"]] },
          },
        ],
      },
      {},
    );
    const options = ["size=1024", "mode=1777", "exec", "uid=7"];
    expect(requested).toEqual([{ type: "tmpfs", target: "/t", readonly: false, options }]);
  });

  test.each([
    { Type: "bind", Source: "/a", Target: "/b", VolumeOptions: {} },
    { Type: "bind", Source: "/a", Target: "/b", BindOptions: { ReadOnlyNonRecursive: true } },
    { Type: "bind", Source: "/a", Target: "/b", BindOptions: { IDMap: "0:1" } as object },
    { Type: "volume", Target: "/b", VolumeOptions: { Subpath: "x" } },
    { Type: "volume", Source: "vol", Target: "/b", VolumeOptions: { Subpath: "a/../../x" } },
    { Type: "volume", Source: "vol", Target: "/b", VolumeOptions: { Subpath: "/x" } },
    { Type: "image", Target: "/b" },
    { Type: "npipe", Source: "x", Target: "/b" },
    { Type: "tmpfs", Target: "/b", TmpfsOptions: { Options: [["a", "b", "c"]] } },
  ] as Mount[])("%p is refused", (mount) => {
    expect(() => parseMounts({ Mounts: [mount] }, {})).toThrow("invalid mount config for type");
  });
});

describe("parseVolumesFrom", () => {
  test("the mode is writable unless said", () => {
    expect(parseVolumesFrom("web")).toEqual({ container: "web", readonly: false });
    expect(parseVolumesFrom("web:ro")).toEqual({ container: "web", readonly: true });
    expect(() => parseVolumesFrom("web:odd")).toThrow("invalid mode");
    expect(() => parseVolumesFrom("")).toThrow("empty");
  });
});

describe("parseIdMap", () => {
  test("one map is for users and groups, or each has its own", () => {
    const range = { inside: 0, host: 1000, size: 2 };
    expect(parseIdMap("0:1000:2")).toEqual({ uids: [range], gids: [range] });
    expect(parseIdMap("uids=0:1000:2;gids=5:6:1")).toEqual({
      uids: [range],
      gids: [{ inside: 5, host: 6, size: 1 }],
    });
    expect(parseIdMap("owner")).toEqual({ uids: [], gids: [] });
  });

  test.each([
    "",
    "0:1",
    "0:1:0",
    "a:b:c",
    "0:4294967295:1",
    "0:5:3,2:9:1",
    "uids=0:1:1",
    "x=0:1:1",
  ])("%p is refused", (text) => {
    expect(() => parseIdMap(text)).toThrow("invalid id map");
  });
});
