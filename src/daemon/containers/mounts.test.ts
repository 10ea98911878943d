import { describe, expect, test } from "bun:test";
import { parseBind, parseMounts } from "./mounts.ts";

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
      mode: "",
    });
  });

  test.each(["/only", ":/x", "/a:", "/a:/b:ro:rw", "/a:relative", "/a:/", "/a:/b:odd", "../x:/b"])(
    "%p is refused",
    (spec) => {
      expect(() => parseBind(spec)).toThrow();
    },
  );
});

describe("parseMounts", () => {
  test("two mounts on one target are refused", () => {
    expect(() => parseMounts({ Binds: ["/a:/x", "/b:/x/"] }, {})).toThrow(
      "Duplicate mount point: /x",
    );
  });

  test("a volume of the image is anonymous, unless the user mounts something there", () => {
    expect(parseMounts({ Binds: ["/a:/x"] }, { Volumes: { "/x": {}, "/y": {} } })).toMatchObject([
      { type: "bind", target: "/x" },
      { type: "volume", name: undefined, target: "/y" },
    ]);
  });

  test("size and mode of a tmpfs become mount options", () => {
    expect(
      parseMounts(
        {
          Mounts: [
            { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024, Mode: 0o1777 } },
          ],
        },
        {},
      ),
    ).toEqual([
      { type: "tmpfs", target: "/t", readonly: false, options: ["size=1024", "mode=1777"] },
    ]);
  });
});
