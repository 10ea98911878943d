import { expect, test } from "bun:test";
import {
  baseOf,
  cleanKeepingEnd,
  followedName,
  placeCopy,
  renameTop,
  splitArgument,
  splitEntry,
} from "./paths.ts";

test("splitArgument tells a container's path from a local one", () => {
  expect(splitArgument("c:/x")).toEqual({ container: "c", path: "/x" });
  expect(splitArgument("c:x:y")).toEqual({ container: "c", path: "x:y" });
  expect(splitArgument("/a:b")).toEqual({ container: "", path: "/a:b" });
  expect(splitArgument("./a:b")).toEqual({ container: "", path: "./a:b" });
  expect(splitArgument("-")).toEqual({ container: "", path: "-" });
});

test("baseOf and splitEntry keep what the end of a path says", () => {
  expect(["/", "a/", "a/.", "a/b", ""].map(baseOf)).toEqual(["/", "a", ".", "b", "."]);
  expect(splitEntry("/a/b/.")).toEqual({ directory: "/a/b", base: "." });
  expect(splitEntry("/a/b/")).toEqual({ directory: "/a", base: "b" });
  expect(splitEntry("/a")).toEqual({ directory: "/", base: "a" });
  expect(cleanKeepingEnd("/x/./y/../z/.")).toBe("/x/z/.");
  expect(cleanKeepingEnd("/x//z/")).toBe("/x/z/");
  expect(cleanKeepingEnd("/cwd/.", ".")).toBe("/cwd/.");
});

test("followedName keeps the link's name and the end that was typed", () => {
  expect(followedName("/l", "/t")).toEqual({ path: "/t", rebaseName: "l" });
  expect(followedName("/l/.", "/t")).toEqual({ path: "/t/.", rebaseName: undefined });
  expect(followedName("/a/t", "/b/t")).toEqual({ path: "/b/t", rebaseName: undefined });
});

test("placeCopy follows Docker's table of what exists and what does not", () => {
  const file = { path: "/s/f", isDirectory: false, rebaseName: undefined };
  const directory = { path: "/s/d", isDirectory: true, rebaseName: undefined };
  const content = { path: "/s/d/.", isDirectory: true, rebaseName: undefined };
  const present = { path: "/t", exists: true, isDirectory: true };
  const other = { path: "/t/f2", exists: true, isDirectory: false };
  const absent = { path: "/t/new", exists: false, isDirectory: false };
  expect(placeCopy(file, present)).toEqual({ directory: "/t", name: "f" });
  expect(placeCopy(content, present)).toEqual({ directory: "/t", name: "." });
  expect(placeCopy(file, other)).toEqual({ directory: "/t", name: "f2" });
  expect(placeCopy(file, absent)).toEqual({ directory: "/t", name: "new" });
  expect(placeCopy(directory, absent)).toEqual({ directory: "/t", name: "new" });
  expect(placeCopy({ ...file, rebaseName: "l" }, present).name).toBe("l");
  expect(() => placeCopy(directory, other)).toThrow("cannot copy directory");
  expect(() => placeCopy(file, { ...absent, path: "/t/new/" })).toThrow("no such directory");
});

test("renameTop renames the top of an archive and nothing else", () => {
  expect(["d/", "d/x", "dd/x"].map(renameTop("d", "n"))).toEqual(["n", "n/x", "dd/x"]);
  expect(["/", "/bin"].map(renameTop("/", "n"))).toEqual(["n", "n/bin"]);
  expect(["./", "./x"].map(renameTop(".", "n"))).toEqual(["n", "n/x"]);
});
