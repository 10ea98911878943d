/**
 * Who may import whom, as data with reasons, and the program that checks it: `bun scripts/deps.ts`.
 * Run by `bun run check`, and by `bun test` through deps.test.ts.
 */
import { Glob } from "bun";

/** How a module is reached: at start, when asked, or for its types alone (gone after compiling). */
export type Kind = "static" | "dynamic" | "type";

export interface Import {
  kind: Kind;
  specifier: string;
}

interface Rule {
  /** A folder of src/ with its trailing slash, or a file; must exist. */
  area: string;
  /** Areas that it may import in each way. Every area may import itself. */
  may: { [kind in Kind]?: readonly string[] };
  why: string;
}

/** The first rule whose area fits a file is its rule; narrower areas stand before wider ones. */
export const rules: readonly Rule[] = [
  { area: "errors.ts", may: {}, why: "everybody reads it" },
  { area: "env.ts", may: {}, why: "everybody reads it" },
  { area: "log.ts", may: {}, why: "everybody reads it" },
  { area: "native-types/", may: {}, why: "types between the addon and the services" },
  {
    area: "native.ts",
    may: { static: ["errors.ts"], type: ["native-types/"] },
    why: "the only door to the addon",
  },
  {
    area: "api/",
    may: { static: ["errors.ts"] },
    why: "the contract: both halves import it, so it may import neither",
  },
  {
    area: "archive/",
    may: { static: ["errors.ts"] },
    why: "tar, which both halves read and write",
  },
  {
    area: "oci/",
    may: { static: ["errors.ts"] },
    why: "knows nothing of the engine; could be published as a library",
  },
  {
    area: "cli/",
    may: { static: ["errors.ts", "env.ts"] },
    why: "a front-end kit without engine knowledge",
  },
  {
    area: "client/",
    may: { static: ["api/", "errors.ts", "env.ts"] },
    why: "meets the daemon in api/ only",
  },
  {
    area: "cmd/daemon.ts",
    may: {
      static: ["cli/", "errors.ts", "env.ts"],
      dynamic: ["daemon/", "log.ts"],
      type: ["daemon/"],
    },
    why: "the one way from the command line into the daemon, taken only when called",
  },
  {
    area: "cmd/",
    may: {
      static: ["cli/", "client/", "api/", "archive/", "errors.ts", "env.ts"],
      dynamic: ["oci/", "log.ts"],
      type: ["oci/"],
    },
    why: "thin: flags, call, print; what is heavy is loaded when called",
  },
  {
    area: "daemon/daemon.ts",
    may: {
      static: ["native.ts", "api/", "oci/", "errors.ts", "env.ts", "log.ts"],
      dynamic: ["native.ts"],
      type: ["native-types/"],
    },
    why: "the composition root: it alone loads the addon and hands it to the services",
  },
  {
    area: "daemon/",
    may: {
      static: ["api/", "oci/", "archive/", "errors.ts", "log.ts"],
      type: ["native-types/"],
    },
    why: "never the client; services are given the addon, they do not load it",
  },
  {
    area: "main.ts",
    may: { static: ["cli/", "cmd/", "errors.ts", "env.ts"], dynamic: ["cli/", "cmd/"] },
    why: "argv → subcommand → exit code",
  },
];

/** Packages and built-in modules that only one part may import, and why. */
export const packageRules: readonly { specifier: string; only: readonly string[]; why: string }[] =
  [
    { specifier: "citty", only: ["main.ts", "cli/", "cmd/"], why: "command table and usage only" },
    { specifier: "consola", only: ["log.ts"], why: "one instance, on stderr; +7 ms at start" },
    { specifier: "consola/basic", only: ["log.ts"], why: "one instance, on stderr" },
    { specifier: "@docker/node-sdk", only: ["api/"], why: "wire types live in the contract" },
    {
      specifier: "@napi-rs/tar",
      only: ["daemon/", "oci/"],
      why: "native code, never in the client",
    },
    { specifier: "bun:sqlite", only: ["daemon/"], why: "the daemon alone has state" },
    {
      specifier: "node:http",
      only: ["oci/"],
      why: "+30 ms at start; the daemon serves HTTP by itself, see docs/design/surface.md",
    },
  ];

/** What main.ts must not pull in at start, whatever the path; each costs every user's every call. */
export const farFromStart = ["daemon/", "native.ts", "oci/", "log.ts"] as const;

/** Imports of a file as biome lays them out: one statement each, specifier in double quotes. */
export function parseImports(source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const found: Import[] = [];
  const statement =
    /^(?:import|export)\s+(?:(type)\s+(?!from\b))?(?:[^"';()=]*?\sfrom\s+)?"([^"]+)"/gm;
  for (const [, type, specifier = ""] of code.matchAll(statement)) {
    found.push({ kind: type ? "type" : "static", specifier });
  }
  for (const [, type, specifier = ""] of code.matchAll(/(typeof\s+)?\bimport\(\s*"([^"]+)"/g)) {
    found.push({ kind: type ? "type" : "dynamic", specifier });
  }
  return found;
}

/** All modules of src/ by path below src/, tests left out: they may reach for anything. */
export async function readModules(src: string): Promise<Map<string, Import[]>> {
  const modules = new Map<string, Import[]>();
  for await (const path of new Glob("**/*.ts").scan({ cwd: src })) {
    if (path.endsWith(".test.ts") || path.endsWith(".d.ts")) continue;
    modules.set(path, parseImports(await Bun.file(`${src}/${path}`).text()));
  }
  return modules;
}

/** Every breach of the tables above, one sentence each. */
export function findBreaches(modules: Map<string, Import[]>): string[] {
  const breaches = findMissing(modules);
  for (const [path, imports] of modules) {
    const rule = rules.find((each) => inside(path, each.area));
    if (rule === undefined) {
      breaches.push(`src/${path} belongs to no area of scripts/deps.ts: give it a rule`);
      continue;
    }
    for (const { kind, specifier } of imports) {
      const breach = specifier.startsWith(".")
        ? judgeModule(path, rule, kind, resolve(path, specifier))
        : judgePackage(path, specifier);
      if (breach !== undefined) breaches.push(breach);
    }
  }
  return [...breaches, ...findStartBreaches(modules)];
}

function findMissing(modules: Map<string, Import[]>): string[] {
  const named = new Set(rules.flatMap((rule) => [rule.area, ...Object.values(rule.may).flat()]));
  return [...named]
    .filter((area) => ![...modules.keys()].some((path) => inside(path, area)))
    .map((area) => `src/${area} is named in scripts/deps.ts but does not exist`);
}

function judgeModule(path: string, rule: Rule, kind: Kind, target: string): string | undefined {
  if (target.startsWith("../")) return undefined;
  const own = rule.area.endsWith("/") ? rule.area : undefined;
  // A rule for one file of a folder still lets it meet its own folder.
  const folder = path.includes("/") ? path.slice(0, path.indexOf("/") + 1) : undefined;
  const allowed = [own, folder, ...(rule.may[kind] ?? [])];
  // What may be imported for good may be imported later, or for its types.
  if (kind !== "static") allowed.push(...(rule.may.static ?? []));
  if (allowed.some((area) => area !== undefined && inside(target, area))) return undefined;
  return `src/${path} may not import src/${target} (${kind}): ${rule.why}`;
}

function judgePackage(path: string, specifier: string): string | undefined {
  const rule = packageRules.find((each) => each.specifier === specifier);
  if (rule === undefined || rule.only.some((area) => inside(path, area))) return undefined;
  return `src/${path} may not import "${specifier}": ${rule.why}`;
}

function findStartBreaches(modules: Map<string, Import[]>): string[] {
  const from = new Map<string, string>([["main.ts", ""]]);
  for (const path of from.keys()) {
    for (const { kind, specifier } of modules.get(path) ?? []) {
      if (kind !== "static" || !specifier.startsWith(".")) continue;
      const target = resolve(path, specifier);
      if (!from.has(target)) from.set(target, path);
    }
  }
  return [...from]
    .filter(([path]) => farFromStart.some((area) => inside(path, area)))
    .map(([path, by]) => `src/${path} is loaded at every start, through src/${by}`);
}

function inside(path: string, area: string): boolean {
  return area.endsWith("/") ? path.startsWith(area) : path === area;
}

/** "cmd/run.ts" + "../cli/x.ts" → "cli/x.ts"; what leaves src/ keeps its "../". */
function resolve(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.length > 0 && parts.at(-1) !== ".." ? parts.pop() : parts.push("..");
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

if (import.meta.main) {
  const breaches = findBreaches(await readModules(`${import.meta.dir}/../src`));
  for (const breach of breaches) console.error(breach);
  process.exit(breaches.length === 0 ? 0 : 1);
}
