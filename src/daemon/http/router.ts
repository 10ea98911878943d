import { type RouteName, routes } from "../../api/routes.ts";

export interface RouteMatch {
  route: RouteName;
  params: Record<string, string>;
}

/** Paths that Docker answers beside those of the table. */
const otherPaths: Partial<Record<RouteName, string>> = { networkList: "/networks/" };

interface CompiledRoute {
  route: RouteName;
  method: string;
  pattern: RegExp;
}

/**
 * Finds the route of a request. Segments without parameters win over those with them by the order of
 * the table; `{name}` is one segment, `{name*}` one or more. Values are percent-decoded.
 */
export class Router {
  readonly #compiled: CompiledRoute[] = [];

  constructor() {
    for (const [name, { method, path }] of Object.entries(routes)) {
      const route = name as RouteName;
      const paths = [path, ...(otherPaths[route] === undefined ? [] : [otherPaths[route]])];
      const sources = paths.map((each) =>
        each.replace(/\{(\w+)\*\}/g, "(?<$1>.+)").replace(/\{(\w+)\}/g, "(?<$1>[^/]+)"),
      );
      this.#compiled.push({ route, method, pattern: new RegExp(`^(?:${sources.join("|")})$`) });
    }
  }

  /**
   * The match; or "method" when the path exists for other methods only, "malformed" when a value has a
   * broken percent sequence or control bytes, or undefined.
   */
  find(method: string, path: string): RouteMatch | "method" | "malformed" | undefined {
    let otherMethod = false;
    for (const { route, method: wanted, pattern } of this.#compiled) {
      const found = pattern.exec(path);
      if (!found) continue;
      if (wanted !== method) {
        otherMethod = true;
        continue;
      }
      const params: Record<string, string> = {};
      for (const [name, value] of Object.entries(found.groups ?? {})) {
        const decoded = decode(value);
        if (decoded === undefined) return "malformed";
        params[name] = decoded;
      }
      return { route, params };
    }
    return otherMethod ? "method" : undefined;
  }
}

function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return /^\P{Cc}*$/u.test(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}
