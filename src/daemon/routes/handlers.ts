import type { RouteName } from "../../api/routes.ts";
import type { Entry } from "../containers/table.ts";
import { type ContainerView, toContainerInspect, toContainerSummary } from "../containers/view.ts";
import type { Engine } from "../engine.ts";
import type { Handler } from "../http/context.ts";
import { buildInfo, buildVersion } from "../info.ts";
import { login } from "../login.ts";
import { containerRoutes } from "./containers.ts";
import { imageRoutes } from "./images.ts";
import { systemRoutes } from "./system.ts";
import { volumeRoutes } from "./volumes.ts";

/** Joins the routes, each of which names what it needs, to the services that have it. */
export function createHandlers(engine: Engine): Record<RouteName, Handler> {
  const { id, config, facts, table, images, pulls, events, supervisor, containers, volumes } =
    engine;
  const view = (entry: Entry): ContainerView => ({
    container: entry.container,
    state: entry.state,
    paths: supervisor.paths(entry),
    volumePath: (name) => engine.volumes.dataPath(name),
    networkId: (name) => engine.networks.id(name),
  });
  const usersOf = (name: string): string[] => table.usersOfVolume(name);
  return {
    ...systemRoutes({
      version: () => buildVersion(facts),
      info: () => {
        const counts = { images: images.count(), listeners: events.listeners };
        return buildInfo({ id, config, facts, table, ...counts });
      },
      login: (server, credentials, signal) => login(server, credentials, config, signal),
      events,
    }),
    ...containerRoutes({
      table,
      create: (request, options) => containers.create(request, options),
      start: (entry) => supervisor.start(entry),
      stop: (entry, signal, seconds) => supervisor.stop(entry, signal, seconds),
      kill: (entry, signal) => supervisor.kill(entry, signal),
      remove: (entry, options) => containers.remove(entry, options),
      paths: (entry) => supervisor.paths(entry),
      inspect: (entry) => toContainerInspect(view(entry)),
      summarize: (entry) => toContainerSummary(view(entry), Date.now()),
      imageId: (name) => images.find(name)?.id,
    }),
    ...imageRoutes({
      pull: (request) => pulls.pull(request),
      list: (filters) => images.list(filters),
      inspect: (name) => images.inspect(name),
      remove: (name, force) => images.remove(name, force, table),
    }),
    ...volumeRoutes({
      list: (filters) => volumes.list(filters, usersOf),
      ensure: (request) => volumes.ensure(request),
      get: (name) => volumes.get(name),
      remove: (name, force) => volumes.remove(name, force, usersOf),
      prune: (filters) => volumes.prune(filters, usersOf),
      dataPath: (name) => volumes.dataPath(name),
    }),
  };
}
