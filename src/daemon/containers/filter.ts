import { EngineError } from "../../errors.ts";
import { isRunning } from "./container.ts";
import { Pattern } from "./pattern.ts";
import { hasLabel } from "./prune.ts";
import type { Entry } from "./table.ts";

/** What filters look up; each throws, or gives undefined, for a name that nothing has. */
export interface FilterSources {
  container(name: string): Entry;
  imageId(name: string): string | undefined;
  /** "" for a network that is gone. */
  networkId(name: string): string;
}

type Test = (entry: Entry) => boolean;

/** For each filter of GET /containers/json: a value → what it asks of a container. */
const filters: Record<string, (value: string, sources: FilterSources) => Test> = {
  id: (value) => (entry) => entry.container.id.startsWith(value),
  name: (value) => {
    const pattern = new Pattern(value);
    return ({ container: { name } }) => pattern.test(name) || pattern.test(`/${name}`);
  },
  label: (value) => (entry) => hasLabel(entry.container.config.Labels ?? {}, value),
  status: (value) => {
    oneOf("status", value, statuses);
    return (entry) => statusOf(entry) === value;
  },
  exited: (value) => {
    if (!/^-?\d{1,9}$/.test(value)) throw invalid("exited", value);
    return ({ state }) => state.status === "exited" && state.exitCode === Number(value);
  },
  health: (value) => {
    oneOf("health", value, ["none", "starting", "healthy", "unhealthy"]);
    return ({ state }) => (state.health?.status ?? "none") === value;
  },
  ancestor: (value, { imageId }) => {
    const id = imageId(value);
    return ({ container }) => container.image === value || container.imageId === id;
  },
  before: (value, sources) => {
    const { createdAt } = sources.container(value).container;
    return ({ container }) => container.createdAt < createdAt;
  },
  since: (value, sources) => {
    const { createdAt } = sources.container(value).container;
    return ({ container }) => container.createdAt > createdAt;
  },
  network:
    (value, { networkId }) =>
    ({ container }) => {
      const names = Object.keys(container.attachments);
      return names.some((name) => name === value || networkId(name).startsWith(value || " "));
    },
  volume:
    (value) =>
    ({ container }) =>
      container.mounts.some(
        (mount) =>
          mount.target === value ||
          (mount.type === "volume" && mount.name === value) ||
          (mount.type === "bind" && mount.source === value),
      ),
  publish: (value) => {
    const isWanted = parsePorts("publish", value);
    // By the port of the host, while it is one: so Docker's filter means it.
    return ({ state }) =>
      Object.entries(state.ports).some(([port, bindings]) =>
        bindings.some(({ HostPort }) => isWanted(`${HostPort}/${port.split("/")[1]}`)),
      );
  },
  expose: (value) => {
    const isWanted = parsePorts("expose", value);
    return ({ container }) => Object.keys(container.config.ExposedPorts ?? {}).some(isWanted);
  },
  isolation: (value) => (entry) =>
    (entry.container.hostConfig.Isolation || "default") === (value.toLowerCase() || "default"),
  // Tasks are a swarm's; there is none.
  "is-task": (value) => {
    oneOf("is-task", value, ["true", "false", "1", "0"]);
    return () => value === "false" || value === "0";
  },
};

export const containerFilters = Object.keys(filters);

const statuses = ["created", "running", "exited", "dead", "paused", "restarting", "removing"];

/** What `ps` calls a container: one that is being removed is so whatever it did before. */
export function statusOf({ state, isRemoving }: Pick<Entry, "state" | "isRemoving">): string {
  return isRemoving && !isRunning(state) ? "removing" : state.status;
}

/** What passes every filter; within one filter any value is enough, but every label counts. */
export function buildContainerFilter(
  asked: Map<string, string[]>,
  sources: FilterSources,
): (entry: Entry) => boolean {
  const all: Test[] = [];
  for (const [name, values] of asked) {
    const tests = values.map((value) => filters[name]?.(value, sources) ?? (() => true));
    if (name === "label") all.push(...tests);
    else if (tests.length > 0) all.push((entry) => tests.some((test) => test(entry)));
  }
  return (entry) => all.every((test) => test(entry));
}

function oneOf(name: string, value: string, known: string[]): void {
  if (!known.includes(value)) throw invalid(name, value);
}

/** "80", "80/tcp", "8000-8010/udp" → true for a port like "80/tcp". Without a protocol it is tcp. */
function parsePorts(name: string, value: string): (port: string) => boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value);
  if (!match) throw invalid(name, value);
  const [low, high] = [Number(match[1]), Number(match[2] ?? match[1])];
  if (high < low || high > 65_535) throw invalid(name, value);
  return (port) => {
    const [number, protocol = "tcp"] = port.split("/");
    return Number(number) >= low && Number(number) <= high && protocol === (match[3] ?? "tcp");
  };
}

function invalid(name: string, value: string): EngineError {
  return new EngineError("invalid_argument", `invalid filter '${name}=${value}'`);
}
