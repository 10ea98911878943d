/** Layers without a meaning inside a root: each with what its refusal says, the entry's name first. */
import { head, Tar } from "../layers.ts";

export interface RefusedRow {
  blob: Uint8Array;
  /** All of them are in the message. */
  words: (string | RegExp)[];
}

/** A refused entry comes behind one that is already written. */
const begun = () => new Tar().dir("kept").file("kept/before", "content");

function entry(name: string, reason: string | RegExp, archive: Tar): RefusedRow {
  return { blob: archive.end(), words: [JSON.stringify(name), reason] };
}

const climbing = ["../x", "a/../../x", "/../x", "..", "kept/../../../../../../../../etc/shadow"];
const roots = ["/", ".", "a/..", "./"];
const rootKinds: [string, string][] = [
  ["file", "0"],
  ["hard link", "1"],
  ["symlink", "2"],
  ["pipe", "6"],
  ["device", "3"],
];

const names: Record<string, RefusedRow> = {
  ...Object.fromEntries(
    climbing.map((name) => [
      `a name that leaves the root: ${name}`,
      entry(name, "leaves the root", begun().file(name, "x")),
    ]),
  ),
  "a directory that leaves the root": entry("../d", "leaves the root", begun().dir("../d")),
  "a symlink whose own name leaves the root": entry(
    ...(["../l", "leaves the root"] as const),
    begun().symlink("../l", "kept"),
  ),
  "a whiteout that leaves the root": entry(
    ...(["../.wh.x", "leaves the root"] as const),
    begun().file("../.wh.x"),
  ),
  "a hard link that climbs out": entry(
    ...(["h", "leaves the root"] as const),
    begun().link("h", "../../../../etc/passwd"),
  ),
  "a hard link to what is absent": entry("h", "is absent", begun().link("h", "absent")),
  "a hard link to the root": entry("h", "is a directory", begun().link("h", "/")),
  ...Object.fromEntries(
    roots.flatMap((name) =>
      rootKinds.map(([kind, flag]) => [
        `${JSON.stringify(name)} as a ${kind}`,
        entry(
          name,
          /root|is a directory|target is absent/,
          begun().head({ name, flag, link: "kept", device: [1, 3] }),
        ),
      ]),
    ),
  ),
};

const places: Record<string, RefusedRow> = {
  "an entry below a file": entry(
    ...(["f/a", "not a directory"] as const),
    begun().file("f", "x").file("f/a"),
  ),
  "an entry deep below a file": entry(
    ...(["f/a/b", "not a directory"] as const),
    begun().file("f", "x").file("f/a/b"),
  ),
  "an entry below a pipe": entry(
    ...(["p/a", "not a directory"] as const),
    begun().head({ name: "p", flag: "6" }).file("p/a"),
  ),
  "an entry below a device": entry(
    ...(["n/a", "not a directory"] as const),
    begun()
      .head({ name: "n", flag: "3", device: [1, 3] })
      .file("n/a"),
  ),
  "an entry below a link to a file": entry(
    ...(["l/a", "not a directory"] as const),
    begun().file("t", "x").symlink("l", "t").file("l/a"),
  ),
  "an entry below links in a circle": entry(
    ...(["a/x", "too many links"] as const),
    begun().symlink("a", "b").symlink("b", "a").file("a/x"),
  ),
};

const marks: Record<string, RefusedRow> = {
  ...Object.fromEntries(
    [".wh.", ".wh..", ".wh...", "kept/.wh.."].map((name) => [
      `a whiteout of nothing: ${name}`,
      entry(name, "whiteout of nothing", begun().file(name)),
    ]),
  ),
  "overlay's device for a whiteout": entry(
    ...(["kept/gone", "whiteout"] as const),
    begun().head({ name: "kept/gone", flag: "3" }),
  ),
  ...Object.fromEntries(
    ["trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.whiteout"].flatMap((key) =>
      ["0", "5"].map((flag) => [
        `overlay's attribute ${key} on a ${flag === "0" ? "file" : "directory"}`,
        entry(
          ...(["marked", JSON.stringify(key)] as const),
          begun()
            .pax({ [`SCHILY.xattr.${key}`]: "y" })
            .head({ name: "marked", flag }),
        ),
      ]),
    ),
  ),
};

const malformed: Record<string, RefusedRow> = {
  ...Object.fromEntries(
    ["8", "9", "V", "M", "D", "X", "z", "\u00ff"].map((flag) => [
      `the unknown type ${JSON.stringify(flag)}`,
      entry("odd", "its type is unknown", begun().head({ name: "odd", flag })),
    ]),
  ),
  "a negative size": entry(
    ...(["f", "negative"] as const),
    begun().head({ name: "f", raw: [[124, new Uint8Array(12).fill(255)]] }),
  ),
  "a size that is no number": entry(
    ...(["f", "malformed"] as const),
    begun().head({ name: "f", raw: [[124, "0000000000x\0"]] }),
  ),
  "a negative size in an extended header": entry(
    ...(["extension", /negative|extended header/] as const),
    begun().pax({ size: "-1" }).file("f"),
  ),
  "an owner that no file can have": entry(
    ...(["f", "owner"] as const),
    begun().head({ name: "f", raw: [[108, new Uint8Array(8).fill(255)]] }),
  ),
  "a wrong checksum": {
    blob: begun()
      .raw(Buffer.from(head({ name: "f" })).fill("9", 130, 134))
      .end(),
    words: ['"f"', "checksum"],
  },
  "a NUL in a name": {
    blob: begun().pax({ path: "a\0b" }).file("short").end(),
    words: [/"a\\u\{0\}b"|"a\\0b"|"a\\x00b"/, "NUL"],
  },
  "a part of 256 bytes": {
    blob: begun()
      .pax({ path: `d/${"c".repeat(256)}` })
      .file("short")
      .end(),
    words: [/"d\/c+/, "255 bytes"],
  },
  "a path of more than 4 KiB": {
    blob: begun()
      .pax({ path: "d/".repeat(2049) })
      .file("short")
      .end(),
    words: [/"d\/d\//, "4 KiB"],
  },
  "a GNU name of more than 4 KiB": {
    blob: begun().extension("L", "e/".repeat(2049)).file("short").end(),
    words: [/"e\/e\//, "4 KiB"],
  },
  "a link target of more than 4 KiB": entry(
    ...(["short", "link target"] as const),
    begun()
      .pax({ linkpath: "d/".repeat(2049) })
      .symlink("short", "x"),
  ),
  ...Object.fromEntries(
    ["x", "g", "L", "K"].map((flag) => [
      `an extension header "${flag}" of more than 1 MiB`,
      entry("long", "1 MiB", begun().head({ name: "long", flag, size: 1024 * 1024 + 1 })),
    ]),
  ),
  "an attribute of more than 64 KiB": entry(
    ...(["extension", "64 KiB"] as const),
    begun()
      .pax({ "SCHILY.xattr.user.big": "v".repeat(65_537) })
      .file("f"),
  ),
  "an extended header that is no record": entry(
    ...(["extension", "record"] as const),
    begun().extension("x", "99 path=a\n").file("f"),
  ),
  "a sparse map beyond the file": entry(
    ...(["s", /holes|sparse/] as const),
    begun().pax({ "GNU.sparse.size": "10", "GNU.sparse.map": "0,11" }).file("s", "0123456789"),
  ),
  "a single zero block between entries": {
    blob: begun().raw(new Uint8Array(512)).file("after").end(),
    words: ["single zero block"],
  },
  "an archive cut off inside a header": {
    blob: begun().file("f", "x").openEnd().subarray(0, -700),
    words: ["cut off"],
  },
  "an archive cut off inside a file": {
    blob: begun().head({ name: "f", size: 5000 }).data("x").openEnd(),
    words: ["cut off"],
  },
  "an extended header without its entry": {
    blob: begun().pax({ path: "x" }).end(),
    words: ["no entry after it"],
  },
};

export const refusedRows: Record<string, RefusedRow> = {
  ...names,
  ...places,
  ...marks,
  ...malformed,
};
