import { EngineError } from "../../errors.ts";
import { buildMatch } from "../containers/pattern.ts";
import { hasLabel, readUntil } from "../containers/prune.ts";
import { isUserDefined, type Network } from "./network.ts";

/** Filters of GET /networks. */
export const networkFilters = [
  "dangling",
  "driver",
  "id",
  "label",
  "name",
  "scope",
  "type",
] as const;

/** Filters of POST /networks/prune. */
export const pruneFilters = ["label", "label!", "until"] as const;

/**
 * The networks that pass every filter; within one filter any value is enough, but every label counts.
 * Names and ids are patterns. `isUsed` tells whether a container has a place in the network.
 */
export function filterNetworks(
  networks: readonly Network[],
  filters: ReadonlyMap<string, string[]>,
  isUsed: (network: Network) => boolean,
): Network[] {
  const dangling = parseDangling(filters.get("dangling") ?? []);
  const types = parseTypes(filters.get("type") ?? []);
  const isNamed = buildMatch(filters.get("name") ?? []);
  const hasId = buildMatch(filters.get("id") ?? []);
  const some = (name: string, matches: (value: string) => boolean): boolean => {
    const values = filters.get(name) ?? [];
    return values.length === 0 || values.some(matches);
  };
  return networks.filter(
    (network) =>
      some("driver", (value) => value === network.driver) &&
      some("name", () => isNamed(network.name)) &&
      some("id", () => hasId(network.id)) &&
      some("scope", (value) => value === "local") &&
      (filters.get("label") ?? []).every((value) => hasLabel(network.labels, value)) &&
      (types.length === 0 || types.includes(isUserDefined(network.name) ? "custom" : "builtin")) &&
      (dangling === undefined || dangling === isDangling(network, isUsed)),
  );
}

/** What prune may remove, before it asks who uses it. */
export function isPrunable(
  network: Network,
  filters: ReadonlyMap<string, string[]>,
  now: number,
): boolean {
  const until = readUntil(filters.get("until") ?? [], now);
  return (
    isUserDefined(network.name) &&
    !network.configOnly &&
    (until === undefined || network.createdAt <= until) &&
    (filters.get("label") ?? []).every((value) => hasLabel(network.labels, value)) &&
    !(filters.get("label!") ?? []).some((value) => hasLabel(network.labels, value))
  );
}

function isDangling(network: Network, isUsed: (network: Network) => boolean): boolean {
  return isUserDefined(network.name) && !isUsed(network);
}

function parseDangling(values: string[]): boolean | undefined {
  const [value, ...others] = values;
  if (value === undefined) return undefined;
  if (others.length > 0) {
    throw new EngineError("invalid_argument", 'got more than one value for filter key "dangling"');
  }
  if (value === "1" || value === "true") return true;
  if (value === "0" || value === "false") return false;
  throw new EngineError(
    "invalid_argument",
    'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
  );
}

function parseTypes(values: string[]): string[] {
  const wrong = values.find((value) => value !== "builtin" && value !== "custom");
  if (wrong === undefined) return values;
  throw new EngineError("invalid_argument", `invalid filter: 'type'='${wrong}'`);
}
