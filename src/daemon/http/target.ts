import type { RouteName } from "../../api/routes.ts";
import { apiVersion, compareVersions, minApiVersion, splitVersion } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import { absenceOf } from "./absent.ts";
import type { RequestHead } from "./head.ts";
import { RequestError } from "./limits.ts";
import { Query } from "./query.ts";
import type { Router } from "./router.ts";

/** What a request is for. */
export interface Target {
  route: RouteName;
  params: Record<string, string>;
  query: Query;
  version: string;
}

export function findTarget(router: Router, { method, target, headers }: RequestHead): Target {
  // Only browsers say where the page came from that made them ask, and no page is a client of ours.
  if (headers.origin !== undefined) {
    throw new RequestError(403, "requests of web pages are refused (Origin header)");
  }
  const mark = target.indexOf("?");
  const { version = apiVersion, path } = splitVersion(mark < 0 ? target : target.slice(0, mark));
  checkVersion(version);
  const match = router.find(method, path);
  if (match === undefined || match === "method") {
    const words = match === "method" ? `no operation ${method} on this path` : "page not found";
    throw absenceOf(method, path) ?? new EngineError("not_found", words);
  }
  if (match === "malformed") throw new RequestError(400, "malformed path in the request");
  return { ...match, query: new Query(mark < 0 ? "" : target.slice(mark + 1)), version };
}

function checkVersion(version: string): void {
  if (compareVersions(version, minApiVersion) < 0) {
    throw new EngineError(
      "invalid_argument",
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
    );
  }
  if (compareVersions(version, apiVersion) > 0) {
    throw new EngineError(
      "invalid_argument",
      `client version ${version} is too new. Maximum supported API version is ${apiVersion}`,
    );
  }
}

/** A request's path as it may stand in a log; heads are printable already. */
export function pathOf(target: string): string {
  return target.split("?", 1)[0]?.slice(0, 200) ?? "";
}
