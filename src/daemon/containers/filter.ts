import { EngineError } from "../../errors.ts";
import type { ContainerTable, Entry } from "./table.ts";

/** Filters of GET /containers/json that this engine knows. */
export const containerFilters = [
  "ancestor",
  "before",
  "exited",
  "id",
  "label",
  "name",
  "network",
  "since",
  "status",
  "volume",
] as const;

const statuses = ["created", "running", "exited", "dead", "paused", "restarting", "removing"];

/** True if the container passes every filter; within one filter any value is enough, but every label counts. */
export function matchesContainer(
  entry: Entry,
  filters: Map<string, string[]>,
  table: ContainerTable,
  imageId: (name: string) => string | undefined,
): boolean {
  for (const [name, values] of filters) {
    const matches = (value: string): boolean => matchesOne(entry, name, value, table, imageId);
    if (values.length === 0) continue;
    if (name === "label" ? !values.every(matches) : !values.some(matches)) return false;
  }
  return true;
}

function matchesOne(
  { container, state }: Entry,
  name: string,
  value: string,
  table: ContainerTable,
  imageId: (name: string) => string | undefined,
): boolean {
  switch (name) {
    case "id":
      return container.id.startsWith(value);
    case "name":
      return patternOf(value).test(container.name) || patternOf(value).test(`/${container.name}`);
    case "label": {
      const at = value.indexOf("=");
      const labels = container.config.Labels ?? {};
      const key = at < 0 ? value : value.slice(0, at);
      if (!Object.hasOwn(labels, key)) return false;
      return at < 0 || labels[key] === value.slice(at + 1);
    }
    case "status":
      if (!statuses.includes(value)) {
        throw new EngineError("invalid_argument", `invalid filter 'status=${value}'`);
      }
      return state.status === value;
    case "exited":
      if (!/^\d+$/.test(value))
        throw new EngineError("invalid_argument", `invalid filter 'exited=${value}'`);
      return state.status === "exited" && state.exitCode === Number(value);
    case "ancestor":
      return container.image === value || container.imageId === (imageId(value) ?? "");
    case "before":
      return container.createdAt < table.get(value).container.createdAt;
    case "since":
      return container.createdAt > table.get(value).container.createdAt;
    case "network":
      return (container.hostConfig.NetworkMode ?? "") === value;
    default:
      return container.mounts.some(
        (mount) =>
          mount.target === value ||
          (mount.type === "volume" && mount.name === value) ||
          (mount.type === "bind" && mount.source === value),
      );
  }
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new EngineError(
      "invalid_argument",
      `invalid filter 'name=${text}': not a regular expression`,
    );
  }
}
