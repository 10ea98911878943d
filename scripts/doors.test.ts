import { describe, expect, test } from "bun:test";
import { type Door, findBreaches, findOpening, readSources } from "./doors.ts";

test("no source opens a path but by its door, and no door leads nowhere", async () => {
  expect(findBreaches(await readSources(`${import.meta.dir}/..`))).toEqual([]);
});

describe("findOpening in Rust", () => {
  test.each([
    ["rustix by name", "let fd = rustix::fs::openat(dir, name, flags, Mode::empty())?;"],
    [
      "rustix by module",
      "use rustix::fs;\nlet fd = fs::openat2(dir, name, flags, mode, resolve)?;",
    ],
    ["rustix by import", "use rustix::fs::{\n    Mode, OFlags, statat,\n};"],
    ["a call that follows links", "rustix::fs::chown(path, uid, gid)?;"],
    ["attributes by path", "rustix::fs::lsetxattr(path, name, value, flags)?;"],
    ["std::fs", "let text = std::fs::read_to_string(path)?;"],
    ["std::fs by module", "use std::fs;\nfs::remove_dir_all(path)?;"],
    ["std::fs by import", "use std::fs::read_to_string;"],
    ["std::fs by a list of imports", "use std::fs::{File, create_dir};"],
    ["another name for rustix", "use rustix::fs as files;"],
    ["another name in a list", "use rustix::{fs as files, io};"],
    ["all of std::fs", "use std::fs::*;"],
    ["another name for the door", "use paths::{entry, host as outside};"],
    ["a File", "let file = File::open(path)?;"],
    ["options", "OpenOptions::new().read(true).open(path)"],
    ["a Path that looks", "if path.symlink_metadata().is_ok() {}"],
    ["libc", "unsafe { libc::openat(dir, name, flags) }"],
    ["a system call by number", "libc::syscall(libc::SYS_openat2, dir)"],
    ["a change of directory", "rustix::process::chdir(path)?;"],
    ["a mount by path", "rustix::mount::mount(a, b, c, flags, data)?;"],
    ["the door for the host's paths", "let fd = paths::host::open_dir(path)?;"],
    ["the same by import", "use paths::{entry, host};\nhost::open(path, flags)?;"],
    ["the child's name for it", "root::host_directory(source)?;"],
  ])("%s", (_, source) => {
    expect(findOpening("native/tree/src/x.rs", source)).toBeDefined();
  });

  test.each([
    ["a type", "use std::fs::File;\nuse std::os::unix::fs::FileExt;"],
    ["by descriptor", "rustix::fs::fstat(&fd)?;\nrustix::fs::fchown(fd, uid, gid)?;"],
    ["through native/paths", "entry::open_dir(dir, name)?;\nRoot::new(dir).open(path, flags)?;"],
    ["a comment", "// rustix::fs::open is for others\n/// As [`std::fs::read`].\n"],
    ["a unit test", "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fs::write(a, b);\n}\n"],
  ])("not %s", (_, source) => {
    expect(findOpening("native/tree/src/x.rs", source)).toBeUndefined();
  });

  test("what follows the unit tests", () => {
    const source = "#[cfg(test)]\nmod tests {\n}\n\nfn late() { std::fs::read(path); }\n";
    expect(findOpening("native/tree/src/x.rs", source)).toBeDefined();
  });
});

describe("findOpening in TypeScript", () => {
  test.each([
    ["an import", 'import { stat } from "node:fs/promises";'],
    ["one over several lines", 'import {\n  chmod,\n  lstat,\n} from "fs";'],
    ["a late import", 'const { open } = await import("node:fs");'],
    ["Bun.file", "const text = await Bun.file(path).text();"],
    ["Bun's file by import", 'import { file, serve } from "bun";'],
  ])("%s", (_, source) => {
    expect(findOpening("src/daemon/x.ts", source)).toBeDefined();
  });

  test.each([
    ["a type", 'import type { BigIntStats } from "node:fs";'],
    ["another package", 'import { join } from "node:path";\nimport { serve } from "bun";'],
    ["a comment", "/** Bun.file would do. */\n// Bun.write\n"],
  ])("not %s", (_, source) => {
    expect(findOpening("src/daemon/x.ts", source)).toBeUndefined();
  });
});

test("findBreaches names a file without a door, a door to nowhere and one that is not used", () => {
  const table: Door[] = [{ files: ["native/a/src/a.rs", "src/gone.ts", "src/idle.ts"], why: "" }];
  const sources = new Map([
    ["native/a/src/a.rs", "std::fs::read(path)"],
    ["native/a/src/b.rs", "std::fs::read(path)"],
    ["src/idle.ts", "export const idle = true;"],
    ["src/other.ts", "export const other = true;"],
  ]);
  expect(findBreaches(sources, table)).toEqual([
    "native/a/src/b.rs opens a path (fs::read): use native/paths, or give a reason in doors.ts",
    "src/gone.ts is named in scripts/doors.ts but does not exist",
    "src/idle.ts is named in scripts/doors.ts but opens nothing",
  ]);
});
