import type { RouteName } from "../../api/routes.ts";
import type { CgroupRef } from "../../native-types/native.ts";
import { cgroupOf } from "../containers/cgroups.ts";
import { eventAttributes } from "../containers/events.ts";
import { statusOf } from "../containers/filter.ts";
import { hostnamesOf } from "../containers/hostnames.ts";
import { findNetworkOwner } from "../containers/modes.ts";
import type { ContainerPaths } from "../containers/paths.ts";
import { StatsCollector } from "../containers/stats/collector.ts";
import type { Entry } from "../containers/table.ts";
import {
  type ContainerSize,
  type ContainerView,
  toContainerInspect,
  toContainerSummary,
} from "../containers/view.ts";
import type { Engine } from "../engine.ts";
import type { Handler } from "../http/context.ts";
import { lookUp } from "../images/distribution.ts";
import { Limiter } from "../images/limiter.ts";
import { buildInfo, buildVersion } from "../info.ts";
import { login } from "../login.ts";
import { warnOfFirewalls } from "../networks/firewalls.ts";
import { membersOf } from "../networks/members.ts";
import { linksOf, showLinks } from "../networks/names/legacy-links.ts";
import { measureUsage } from "../system/usage.ts";
import { toVolume } from "../volumes/view.ts";
import { anatomyRoutes } from "./anatomy.ts";
import { archiveRoutes } from "./archive.ts";
import { logRoutes } from "./container-logs.ts";
import { containerRoutes } from "./containers.ts";
import { distributionRoutes } from "./distribution.ts";
import { execRoutes } from "./exec.ts";
import { imageArchiveRoutes } from "./image-archives.ts";
import { imagePushRoutes } from "./image-push.ts";
import { imageRoutes } from "./images.ts";
import { lifecycleRoutes } from "./lifecycle.ts";
import { metricsRoutes } from "./metrics.ts";
import { networkRoutes } from "./networks.ts";
import { systemRoutes } from "./system.ts";
import { usageRoutes } from "./system-usage.ts";
import { volumeRoutes } from "./volumes.ts";

/** Joins the routes, each of which names what it needs, to the services that have it. */
export function createHandlers(engine: Engine): Record<RouteName, Handler> {
  const { id, config, facts, table, images, pulls, events, containers, volumes } = engine;
  const { supervisor, stopper, freezer, files, commits, execs, catalog } = engine;
  const shownPaths = (entry: Entry): ContainerPaths => {
    const own = supervisor.paths(entry);
    const owner = findNetworkOwner(entry, (id) => table.find(id));
    if (owner === undefined) return own;
    const { hosts, hostname, resolvConf } = supervisor.paths(owner);
    return { ...own, hosts, hostname, resolvConf };
  };
  const networkId = (name: string): string => engine.catalog.find(name)?.id ?? "";
  const sizeOf = async ({ container }: Entry, path: string): Promise<ContainerSize> => {
    const own = await engine.native.treeSize(path);
    return { own, all: own + (images.find(container.imageId)?.size ?? 0) };
  };
  const ownerOf = (entry: Entry): Entry => findNetworkOwner(entry, (id) => table.find(id)) ?? entry;
  const view = async (entry: Entry, sized: boolean): Promise<ContainerView> => ({
    container: entry.container,
    state: entry.state,
    status: statusOf(entry),
    hostname: hostnamesOf(ownerOf(entry).container).hostname,
    size: sized ? await sizeOf(entry, supervisor.paths(entry).upper) : undefined,
    paths: shownPaths(entry),
    volumePath: (name) => engine.volumes.dataPath(name),
    appArmor: engine.facts.appArmor,
    networkId,
    links: showLinks(
      entry.container,
      linksOf(entry.container, (id) => table.find(id)),
    ),
    execIds: () => execs.runningIn(entry.container.id),
  });
  const cgroup = (entry: Entry): CgroupRef => cgroupOf(entry.container, config.cgroupParent);
  const exists = (entry: Entry): boolean => table.has(entry);
  const stats = new StatsCollector({ native: engine.native, cgroup, exists });
  const usersOf = (name: string): string[] => table.usersOfVolume(name);
  const usedOf = async () => {
    const limiter = new Limiter(4);
    const measure = async (entry: Entry) => {
      const { upper } = supervisor.paths(entry);
      const own = (await engine.native.treeUsage(upper)).disk;
      const all = own + (images.find(entry.container.imageId)?.size ?? 0);
      return toContainerSummary({ ...(await view(entry, false)), size: { own, all } }, Date.now());
    };
    return await Promise.all(table.all().map((entry) => limiter.run(() => measure(entry))));
  };
  const kept = async () =>
    (await volumes.usage(usersOf)).map(({ volume, size, users }) => ({
      ...toVolume(volume, volumes.dataPath(volume.name)),
      UsageData: { Size: size, RefCount: users },
    }));
  return {
    ...systemRoutes({
      version: () => buildVersion(facts),
      info: async () => {
        const counts = { images: images.count(), listeners: events.listeners };
        const firewalls = await warnOfFirewalls(engine.native, catalog.list());
        return await buildInfo({ id, config, facts, table, ...counts, firewalls });
      },
      login: (server, credentials, signal) => login(server, credentials, config, signal),
      events,
    }),
    ...usageRoutes({
      check: (...request) => engine.checks.check(...request),
      measure: (kinds) =>
        measureUsage(
          { images: () => images.usage(table), containers: usedOf, volumes: kept },
          kinds,
        ),
    }),
    ...logRoutes({ table, native: engine.native, paths: (entry) => supervisor.paths(entry) }),
    ...containerRoutes({
      table,
      native: engine.native,
      create: (request, options) => containers.create(request, options),
      start: (entry) => supervisor.start(entry),
      kill: (entry, signal) => stopper.kill(entry, signal),
      remove: (entry, options) => containers.remove(entry, options),
      unlink: (name) => containers.unlink(name),
      paths: (entry) => supervisor.paths(entry),
      detached: ({ container }) =>
        events.publish("container", "detach", container.id, eventAttributes(container)),
      inspect: async (entry, sized) => toContainerInspect(await view(entry, sized)),
      summarize: async (entries, sized) => {
        const views = await Promise.all(entries.map((entry) => view(entry, sized)));
        return views.map((each) => toContainerSummary(each, Date.now()));
      },
      sources: {
        container: (name) => table.get(name),
        imageId: (name) => images.find(name)?.id,
        networkId,
      },
    }),
    ...lifecycleRoutes({
      table,
      stop: (entry, signal, seconds) => stopper.stop(entry, signal, seconds),
      restart: (entry, signal, seconds) => stopper.restart(entry, signal, seconds),
      pause: (entry) => freezer.pause(entry),
      unpause: (entry) => freezer.unpause(entry),
      rename: (entry, name) => containers.rename(entry, name),
      update: (entry, changes) => engine.updater.update(entry, changes),
      prune: (filters) => containers.prune(filters),
    }),
    ...archiveRoutes({
      table,
      stat: (entry, path) => files.stat(entry, path),
      copy: (entry, path, to, signal) => files.copy(entry, path, to, signal),
      export: (entry, to, signal) => files.export(entry, to, signal),
      extract: (entry, options, input, signal) => files.extract(entry, options, input, signal),
      changes: (entry) => files.changes(entry),
      commit: (entry, request, signal) => commits.commit(entry, request, signal),
    }),
    ...execRoutes({
      table,
      create: (entry, settings) => execs.create(entry, settings),
      get: (id) => execs.get(id),
      check: (exec) => execs.check(exec),
      start: (exec, client, form) => execs.start(exec, client, form),
      resize: (exec, rows, columns) => execs.resize(exec, rows, columns),
    }),
    ...metricsRoutes({ table, stats, native: engine.native, cgroup, memTotal: facts.memTotal }),
    ...imageRoutes({
      pull: (request) => pulls.pull(request),
      list: (filters) => images.list(filters),
      sharedSizes: () => images.sharedSizes(),
      inspect: (name) => images.inspect(name),
      remove: (name, force) => images.remove(name, force, table),
      import: (...request) => engine.archives.imports.import(...request),
      prune: (filters) => images.prune(filters, table),
      history: (name) => images.history(name),
      manifests: (name) =>
        images.manifests(name, (imageId) => {
          const users = table.all().filter(({ container }) => container.imageId === imageId);
          return users.map(({ container }) => container.id);
        }),
      tag: (name, reference) => images.tag(name, reference),
    }),
    ...distributionRoutes({
      lookUp: (reference, login, signal) => lookUp(engine.openSource(login), reference, signal),
    }),
    ...anatomyRoutes({
      tree: (name) => engine.anatomy.tree(name),
      diff: (...request) => engine.anatomy.diff(...request),
    }),
    ...imagePushRoutes({ push: (request) => engine.pushes.push(request) }),
    ...imageArchiveRoutes({
      save: (...request) => engine.archives.saves.save(...request),
      load: (...request) => engine.archives.loads.load(...request),
    }),
    ...networkRoutes({
      list: (filters) => catalog.filtered(filters),
      get: (reference) => catalog.get(reference),
      create: (request) => catalog.create(request),
      remove: (reference) => catalog.remove(reference),
      prune: (filters, now) => catalog.prune(filters, now),
      membersOf: (network) => membersOf(table.all(), network.id),
      usageOf: (network) => engine.book.usage(network),
      connect: (...request) => engine.connector.connect(...request),
      disconnect: (...request) => engine.connector.disconnect(...request),
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
