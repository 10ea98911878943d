import { expect, test } from "bun:test";
import { findBreaches, type Import, parseImports, readModules, rules } from "./deps.ts";

/** The smallest tree in which every named module exists and nothing imports anything. */
function buildTree(changes: Record<string, Import[]>): Map<string, Import[]> {
  const tree = new Map<string, Import[]>();
  for (const { area } of rules) tree.set(area.endsWith("/") ? `${area}x.ts` : area, []);
  for (const [path, imports] of Object.entries(changes)) tree.set(path, imports);
  return tree;
}

test("the sources keep to the import table", async () => {
  expect(findBreaches(await readModules(`${import.meta.dir}/../src`))).toEqual([]);
});

test("parseImports tells static, dynamic and type imports apart", () => {
  const source = `
import { a } from "./a.ts";
import type { B } from "./b.ts";
import { type C } from "./c.ts";
import {
  d,
} from "./d.ts";
import "./e.ts";
export { f } from "./f.ts";
export type { G } from "./g.ts";
// import { no } from "./comment.ts";
/** import("./doc.ts") */
const h = await import("./h.ts");
let i: typeof import("./i.ts");
export const text = "./nothing.ts";
`;
  expect(parseImports(source).map(({ kind, specifier }) => `${kind} ${specifier}`)).toEqual([
    "static ./a.ts",
    "type ./b.ts",
    "static ./c.ts",
    "static ./d.ts",
    "static ./e.ts",
    "static ./f.ts",
    "type ./g.ts",
    "dynamic ./h.ts",
    "type ./i.ts",
  ]);
});

test("findBreaches is content with a tree that imports nothing", () => {
  expect(findBreaches(buildTree({}))).toEqual([]);
});

test("findBreaches names a client that imports the daemon, even for types", () => {
  const tree = buildTree({ "client/x.ts": [{ kind: "type", specifier: "../daemon/x.ts" }] });
  expect(findBreaches(tree).join()).toStartWith("src/client/x.ts may not import src/daemon/x.ts");
});

test("findBreaches follows the start-up closure through other modules", () => {
  const tree = buildTree({
    "main.ts": [{ kind: "static", specifier: "./cmd/x.ts" }],
    "cmd/x.ts": [{ kind: "static", specifier: "../oci/x.ts" }],
  });
  expect(findBreaches(tree)).toContain(
    "src/oci/x.ts is loaded at every start, through src/cmd/x.ts",
  );
});

test("findBreaches fails when a module that the table names is gone", () => {
  const tree = buildTree({});
  tree.delete("native.ts");
  expect(findBreaches(tree)).toContain(
    "src/native.ts is named in scripts/deps.ts but does not exist",
  );
});

test("findBreaches wants a rule for every new area", () => {
  expect(findBreaches(buildTree({ "new/x.ts": [] })).join()).toContain("give it a rule");
});

test("findBreaches keeps a package to the part it belongs to", () => {
  const tree = buildTree({ "client/x.ts": [{ kind: "static", specifier: "bun:sqlite" }] });
  expect(findBreaches(tree).join()).toContain('may not import "bun:sqlite"');
});
