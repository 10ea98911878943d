import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getuid } from "node:process";
import packageJson from "../../package.json";
import { env } from "../env.ts";
import { EngineError } from "../errors.ts";
import { createLog } from "../log.ts";
import { loadNative } from "../native.ts";
import type { Native } from "../native-types.ts";
import { ContentStore } from "../oci/layout.ts";
import { RegistryClient } from "../oci/registry/client.ts";
import type { Credentials } from "../oci/registry/types.ts";
import { type DaemonConfig, type DaemonFlags, readConfig } from "./config.ts";
import { newId } from "./containers/names.ts";
import { ContainerService } from "./containers/service.ts";
import { Supervisor } from "./containers/supervisor.ts";
import { ContainerTable, type Entry } from "./containers/table.ts";
import { Trash } from "./containers/trash.ts";
import { type ContainerView, toContainerInspect, toContainerSummary } from "./containers/view.ts";
import { EventBus } from "./events/bus.ts";
import { listen } from "./http/listen.ts";
import { createApiServer } from "./http/server.ts";
import { LayerStore } from "./images/layer-store.ts";
import { PullService } from "./images/pull.ts";
import { ImageService } from "./images/service.ts";
import { matchesImage, toImageInspect, toImageSummary } from "./images/view.ts";
import { buildInfo, buildVersion } from "./info.ts";
import { holdLock } from "./lock.ts";
import { login } from "./login.ts";
import { NetworkService } from "./networks/service.ts";
import { containerRoutes } from "./routes/containers.ts";
import { imageRoutes } from "./routes/images.ts";
import { systemRoutes } from "./routes/system.ts";
import { ContainerStore } from "./store/container-store.ts";
import { openDatabase } from "./store/database.ts";
import { EndpointStore } from "./store/endpoint-store.ts";
import { ImageStore } from "./store/image-store.ts";
import { VolumeService } from "./volumes/service.ts";

/** The composition root: settings, services, server. Runs until it is told to stop; answers the exit code. */
export async function runDaemon(flags: DaemonFlags): Promise<number> {
  const config = await readConfig(flags);
  if (getuid?.() !== 0) {
    throw new EngineError("forbidden", "rt daemon needs root rights", {
      hint: "start it as root, for example with sudo",
    });
  }
  const log = createLog(config.logLevel);
  env.keepLoopbackDirect();
  await spareFromOom();
  await makeRoots(config);
  using _lock = holdLock(join(config.dataRoot, "rt.lock"));
  const engine = await createEngine(config, await loadNative(), log);
  await engine.supervisor.reconcile();
  engine.supervisor.prepareMonitor();
  const headers = { Server: `rt/${packageJson.version} (linux)` };
  const sockets = await listen(
    () => createApiServer({ handlers: engine.handlers, log, headers }),
    config.sockets,
  );
  log.info(
    `rt ${packageJson.version} is ready on ${config.sockets.map((path) => `unix://${path}`).join(", ")}`,
  );
  const signal = await stopSignal();
  log.info(`stopping on ${signal}; containers go on`);
  await sockets.close();
  engine.close();
  return 0;
}

/** Docker's score for its daemon. A sandbox may forbid it, which costs nothing but the favour. */
async function spareFromOom(): Promise<void> {
  await writeFile("/proc/self/oom_score_adj", "-500").catch(() => {});
}

async function makeRoots({ dataRoot, runRoot }: DaemonConfig): Promise<void> {
  await mkdir(dataRoot, { recursive: true, mode: 0o710 });
  await mkdir(join(dataRoot, "containers"), { recursive: true, mode: 0o710 });
  await mkdir(join(runRoot, "c"), { recursive: true, mode: 0o711 });
}

async function createEngine(
  config: DaemonConfig,
  native: Native,
  log: ReturnType<typeof createLog>,
) {
  const { dataRoot, runRoot } = config;
  native.prepareCgroup();
  const facts = native.hostFacts();
  const database = openDatabase(join(dataRoot, "rt.db"));
  const events = new EventBus();
  const content = await ContentStore.open(join(dataRoot, "content"));
  const imageStore = new ImageStore(database);
  const endpoints = new EndpointStore(database);
  const layers = new LayerStore(native, database, join(dataRoot, "layers"));
  await layers.open();
  const openSource = (credentials: Credentials | undefined) =>
    new RegistryClient({
      mirrors: config.registryMirrors,
      insecureRegistries: config.insecureRegistries,
      credentials: () => Promise.resolve(credentials),
      userAgent: `rt/${packageJson.version}`,
      onRetry: ({ reason, delayMs }) =>
        log.warn(`registry: ${reason}; trying again in ${delayMs} ms`),
    });
  const pulls = new PullService({ content, images: imageStore, layers, events, log, openSource });
  const images = new ImageService({ images: imageStore, layers, content, events, pulls });
  const networks = new NetworkService(native, endpoints, config);
  const volumes = new VolumeService(database, join(dataRoot, "volumes"));
  const table = new ContainerTable(new ContainerStore(database));
  const trash = new Trash({
    native,
    log,
    directories: [dataRoot, runRoot].map((root) => ({ of: root, trash: join(root, "trash") })),
  });
  await trash.open();
  const containers = new ContainerService({
    trash,
    facts,
    table,
    images,
    networks,
    volumes,
    events,
    cgroupParent: config.cgroupParent,
  });
  const supervisor: Supervisor = new Supervisor({
    native,
    table,
    networks,
    events,
    log,
    dataRoot,
    runRoot,
    plan: (entry, paths, endpoint) => containers.plan(entry, paths, endpoint),
    onExit: (entry) => removeIfAsked(entry),
  });

  /** `--rm`, done by the engine so that it happens without a client too. */
  function removeIfAsked(entry: Entry): void {
    if (!entry.container.hostConfig.AutoRemove || entry.isRemoving) return;
    void containers
      .remove(entry, { force: false, volumes: true }, supervisor)
      .catch((error: unknown) => {
        log.error(`remove container ${entry.container.id}:`, error);
      });
  }

  const view = (entry: Entry): ContainerView => ({
    container: entry.container,
    state: entry.state,
    paths: supervisor.paths(entry),
    volumePath: (name) => volumes.dataPath(name),
    networkId: (name) => networks.id(name),
  });
  const id = endpoints.setting("engine.id") ?? newId();
  endpoints.saveSetting("engine.id", id);

  const handlers = {
    ...systemRoutes({
      version: () => buildVersion(facts),
      info: () =>
        buildInfo({
          id,
          config,
          facts,
          table,
          images: images.all().length,
          listeners: events.listeners,
        }),
      login: (server, credentials, signal) => login(server, credentials, config, signal),
      events,
    }),
    ...containerRoutes({
      table,
      create: (request, options) => containers.create(request, options),
      start: (entry) => supervisor.start(entry),
      stop: (entry, signal, seconds) => supervisor.stop(entry, signal, seconds),
      kill: (entry, signal) => supervisor.kill(entry, signal),
      remove: (entry, options) => containers.remove(entry, options, supervisor),
      paths: (entry) => supervisor.paths(entry),
      inspect: (entry) => toContainerInspect(view(entry)),
      summarize: (entry) => toContainerSummary(view(entry), Date.now()),
      imageId: (name) => images.find(name)?.id,
    }),
    ...imageRoutes({
      pull: (request) => pulls.pull(request),
      list: (filters) =>
        images
          .all()
          .map((image) => ({ image, tags: images.tagsOf(image.id) }))
          .filter((row) => matchesImage(row, filters, (name) => images.get(name)))
          .map(({ image, tags }) => toImageSummary(image, tags)),
      inspect: (name) => {
        const image = images.get(name);
        return toImageInspect(image, images.tagsOf(image.id));
      },
      remove: (name, options) =>
        images.remove(name, options, {
          containersOf: (imageId) =>
            table
              .all()
              .filter(({ container }) => container.imageId === imageId)
              .map(({ container, state }) => ({
                id: container.id.slice(0, 12),
                running: state.status === "running",
              })),
        }),
    }),
  };
  return { supervisor, handlers, close: () => database.close() };
}

function stopSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => resolve(name));
  return promise;
}
