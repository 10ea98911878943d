/**
 * Layers that reach for the host and find themselves inside their root: each with the tree it becomes, in the form
 * of tree.ts. `host` is a directory of the host.
 */
import { Tar } from "../layers.ts";

export interface ContainedRow {
  layers: Tar[];
  /** Of each layer, without the directories that lead to `host`. */
  trees: string[][];
}

function one(tar: Tar, ...tree: string[]): ContainedRow {
  return { layers: [tar], trees: [tree] };
}

export function containedRows(host: string): Record<string, ContainedRow> {
  const inside = host.slice(1);
  const climb = `${"../".repeat(24)}${inside}`;
  return { ...names(inside), ...links(host, climb), ...replaced(), ...marks(), ...fields() };
}

function names(inside: string): Record<string, ContainedRow> {
  return {
    "an absolute name": one(new Tar().file(`/${inside}/planted`, "x"), `f ${inside}/planted: x`),
    "a name with inner climbs": one(new Tar().file("a/./b//../c", "x"), "d a", "f a/c: x"),
    "names that are no UTF-8": one(
      new Tar().file(Buffer.from([0x61, 0xff, 0xfe]), "x"),
      "f a\\xff\\xfe: x",
    ),
    "the root's own entry": one(new Tar().dir("./", { mode: 0o700, uid: 7 }).file("f"), "f f: "),
  };
}

function links(host: string, climb: string): Record<string, ContainedRow> {
  const inside = host.slice(1);
  return {
    "an absolute hard link target": one(
      new Tar().file(`${inside}/secret`, "own").link("h", `${host}/secret`),
      ...[`f ${inside}/secret: own x2`, "f h: own x2"],
    ),
    "an absolute symlink, and a write through it": one(
      new Tar().symlink("out", host).file("out/planted", "x"),
      ...[`f ${inside}/planted: x`, `l out -> ${host}`],
    ),
    "a climbing symlink, and a write through it": one(
      new Tar().dir("a").symlink("a/out", climb).file("a/out/planted", "x"),
      ...["d a", `f ${inside}/planted: x`, `l a/out -> ${climb}`],
    ),
    "a chain of symlinks, and a directory made through it": one(
      new Tar().symlink("b", "c").symlink("c", "/").symlink("d", `b${host}`).dir("d/new"),
      ...[`d ${inside}/new`, "l b -> c", "l c -> /", `l d -> b${host}`],
    ),
    "links of procfs": one(
      new Tar().symlink("p", `/proc/1/root${host}`).file("p/planted", "x"),
      ...["d proc", "d proc/1", "d proc/1/root", `f proc/1/root${host}/planted: x`],
      `l p -> /proc/1/root${host}`,
    ),
    "a symlink in a lower layer": {
      layers: [new Tar().symlink("out", host), new Tar().file("out/planted", "x")],
      trees: [[`l out -> ${host}`], ["d out", "f out/planted: x"]],
    },
    "a hard link to a symlink, with a mode and an owner": one(
      new Tar()
        .file("secret", "own", { mode: 0o600 })
        .symlink("soft", host)
        .link("hard", "soft", { mode: 0o4777, uid: 7 }),
      ...["f secret: own mode 600", `l hard -> ${host} uid 7 x2`, `l soft -> ${host} uid 7 x2`],
    ),
  };
}

function replaced(): Record<string, ContainedRow> {
  return {
    "a directory in place of a symlink": one(
      new Tar().dir("real").symlink("d", "real").dir("d", { mode: 0o700 }).file("d/f", "x"),
      ...["d d mode 700", "d real", "f d/f: x"],
    ),
    "a file in place of a symlink": one(
      new Tar().file("target", "kept").symlink("l", "target").file("l", "new"),
      ...["f l: new", "f target: kept"],
    ),
    "a symlink in place of a directory": one(
      new Tar().file("d/old", "x").dir("real").symlink("d", "real").file("d/new", "y"),
      ...["d real", "f real/new: y", "l d -> real"],
    ),
    "a pipe in place of a file, and a file in its place": one(
      new Tar().file("f", "x").head({ name: "f", flag: "6" }).file("f", "y"),
      "f f: y",
    ),
    "the last of equal names, the first by a hard link": one(
      new Tar().file("a", "old").link("b", "a").file("a", "new"),
      ...["f a: new", "f b: old"],
    ),
    "a hard link to itself": one(new Tar().file("a", "x").link("a", "./a"), "f a: x"),
  };
}

function marks(): Record<string, ContainedRow> {
  const opaque = "[trusted.overlay.opaque]";
  return {
    "a whiteout of what is absent": one(new Tar().file(".wh.gone"), "c gone 0:0 mode 0"),
    "a directory that is named like a whiteout": one(
      new Tar().file(".wh.d/f", "x"),
      ...["d .wh.d", "f .wh.d/f: x"],
    ),
    "an opaque mark after its siblings": one(
      new Tar().dir("d").file("d/before", "x").file("d/.wh..wh..opq").file("d/after", "y"),
      ...[`d d ${opaque}`, "f d/after: y", "f d/before: x"],
    ),
    "a whiteout of a name of its own layer": one(
      new Tar().file("f", "kept").file(".wh.f").dir("d").file("d/f", "kept").file(".wh.d"),
      ...[`d d ${opaque}`, "f d/f: kept", "f f: kept"],
    ),
    "AUFS's own files": one(new Tar().file(".wh..wh.aufs").dir(".wh..wh.plnk").file("f"), "f f: "),
    "device nodes": one(
      new Tar()
        .head({ name: "char", flag: "3", device: [1, 5] })
        .head({ name: "block", flag: "4", device: [7, 0], mode: 0o600 }),
      ...["b block 7:0 mode 600", "c char 1:5"],
    ),
  };
}

function fields(): Record<string, ContainedRow> {
  const smuggled = new Tar().file("smuggled", "x").openEnd();
  const capability = Buffer.from([1, 0, 0, 2, 0, 4, ...new Array(14).fill(0)]);
  return {
    "security.capability beside an owner": one(
      new Tar().pax({ "SCHILY.xattr.security.capability": capability }).file("f", "x", { uid: 7 }),
      "f f: x uid 7 [security.capability]",
    ),
    "labels of another machine": one(
      new Tar()
        .pax({
          ...{ "SCHILY.xattr.security.selinux": "x", "SCHILY.xattr.system.nfs4_acl": "x" },
          ...{ "SCHILY.xattr.user.kept": "x" },
        })
        .file("f", "x"),
      "f f: x [user.kept]",
    ),
    "a PAX global header": one(new Tar().extension("g", "13 path=evil\n").file("f", "x"), "f f: x"),
    "a size in PAX unlike the header's, with a header as content": one(
      new Tar()
        .pax({ size: String(smuggled.length) })
        .head({ name: "outer" })
        .data(smuggled)
        .file("after"),
      ...["f after: ", "f outer: (1024 bytes)"],
    ),
    "a PAX header before a GNU name counts for the file only": one(
      new Tar()
        .pax({ size: "3", "SCHILY.xattr.user.k": "v" })
        .extension("L", "first\0")
        .head({ name: "x" })
        .data("abc")
        .file("second", "12345"),
      ...["f first: abc [user.k]", "f second: 12345"],
    ),
    "a large sparse file": one(
      new Tar().pax({ "GNU.sparse.size": String(2 ** 36), "GNU.sparse.map": "0,1" }).file("s", "x"),
      `f s: (${2 ** 36} bytes)`,
    ),
    "an empty archive": one(new Tar()),
  };
}
