import { isRepositoryPath } from "../../reference.ts";
import { RegistryError } from "./errors.ts";

/** What a path below /v2/ means. Names are validated: they are safe within a file path. */
export type Route =
  | { kind: "base" }
  | { kind: "catalog" }
  | { kind: "tags"; name: string }
  | { kind: "manifest"; name: string; reference: string }
  | { kind: "blob"; name: string; digest: string }
  | { kind: "uploads"; name: string }
  | { kind: "upload"; name: string; id: string }
  | { kind: "referrers"; name: string; digest: string };

const patterns: [RegExp, (name: string, rest: string) => Route][] = [
  [/^(.+)\/tags\/list$/, (name) => ({ kind: "tags", name })],
  [/^(.+)\/manifests\/([^/]+)$/, (name, reference) => ({ kind: "manifest", name, reference })],
  [/^(.+)\/blobs\/uploads\/?$/, (name) => ({ kind: "uploads", name })],
  [/^(.+)\/blobs\/uploads\/([0-9a-f]{32})$/, (name, id) => ({ kind: "upload", name, id })],
  [/^(.+)\/blobs\/([^/]+)$/, (name, digest) => ({ kind: "blob", name, digest })],
  [/^(.+)\/referrers\/([^/]+)$/, (name, digest) => ({ kind: "referrers", name, digest })],
];

/** Reads a path; undefined if it is none of the API's. Throws NAME_INVALID. */
export function parseRoute(path: string): Route | undefined {
  if (path === "/v2" || path === "/v2/") return { kind: "base" };
  if (!path.startsWith("/v2/")) return undefined;
  const rest = path.slice("/v2/".length);
  if (rest === "_catalog") return { kind: "catalog" };
  for (const [pattern, build] of patterns) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    const name = match[1] ?? "";
    if (!isRepositoryPath(name))
      throw new RegistryError(
        "NAME_INVALID",
        `invalid repository name: ${JSON.stringify(name.slice(0, 256))}`,
      );
    return build(name, safeDecode(match[2] ?? ""));
  }
  return undefined;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
