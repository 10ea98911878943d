import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { HostFacts, Native } from "../native-types/native.ts";
import { ContentStore } from "../oci/layout.ts";
import { PushClient } from "../oci/registry/push-client.ts";
import type { DaemonConfig } from "./config.ts";
import { parseOwnCapabilities } from "./containers/capabilities.ts";
import { isRunning } from "./containers/container.ts";
import { findMaskedPaths } from "./containers/defaults.ts";
import type { Freezer } from "./containers/freezer.ts";
import type { HealthChecker } from "./containers/health.ts";
import { InitLayers } from "./containers/init-layer.ts";
import { createLifecycle } from "./containers/lifecycle.ts";
import { MountPreparer } from "./containers/mount-preparer.ts";
import { newId } from "./containers/names.ts";
import { containerPaths } from "./containers/paths.ts";
import type { Posture } from "./containers/plan.ts";
import { LaunchPlanner } from "./containers/planner.ts";
import { reconcile } from "./containers/reconcile.ts";
import type { Restarter } from "./containers/restarter.ts";
import { ContainerService } from "./containers/service.ts";
import { Spares } from "./containers/spares.ts";
import type { Stopper } from "./containers/stopper.ts";
import type { Supervisor } from "./containers/supervisor.ts";
import { ContainerTable, type Entry } from "./containers/table.ts";
import { Trash } from "./containers/trash.ts";
import { Updater } from "./containers/update.ts";
import { EventBus } from "./events/bus.ts";
import type { ExecService } from "./execs/service.ts";
import { CommitService } from "./files/commit.ts";
import { FileService } from "./files/service.ts";
import { AnatomyService } from "./images/anatomy.ts";
import { type Archives, createArchives } from "./images/archives.ts";
import { CheckService } from "./images/check.ts";
import { Collector } from "./images/collector.ts";
import { LayerStore } from "./images/layer-store.ts";
import { PullService } from "./images/pull.ts";
import { PushService } from "./images/push.ts";
import { ImageService } from "./images/service.ts";
import { createRegistries, type OpenSource } from "./images/sources.ts";
import { adoptNetworks } from "./networks/adoption.ts";
import { Attacher } from "./networks/attacher.ts";
import { createNetworks, type Networks } from "./networks/compose.ts";
import { Connector } from "./networks/connector.ts";
import { LiveNetworks } from "./networks/live.ts";
import { NameService } from "./networks/names/service.ts";
import { Places } from "./networks/places.ts";
import { Publisher } from "./networks/ports/publisher.ts";
import { ContainerStore } from "./store/container-store.ts";
import { openDatabase } from "./store/database.ts";
import { EventStore } from "./store/event-store.ts";
import { ExecStore } from "./store/exec-store.ts";
import { ImageStore } from "./store/image-store.ts";
import { SettingStore } from "./store/setting-store.ts";
import { VolumeStore } from "./store/volume-store.ts";
import { VolumeService } from "./volumes/service.ts";

/** The services of one daemon, built over its roots; nothing is served yet. */
export interface Engine {
  id: string;
  config: DaemonConfig;
  facts: HostFacts;
  native: Native;
  events: EventBus;
  images: ImageService;
  pulls: PullService;
  pushes: PushService;
  archives: Archives;
  checks: CheckService;
  anatomy: AnatomyService;
  catalog: Networks["catalog"];
  book: Networks["book"];
  connector: Connector;
  volumes: VolumeService;
  openSource: OpenSource;
  table: ContainerTable;
  supervisor: Supervisor;
  spares: Spares;
  execs: ExecService;
  stopper: Stopper;
  freezer: Freezer;
  restarter: Restarter;
  health: HealthChecker;
  containers: ContainerService;
  files: FileService;
  commits: CommitService;
  updater: Updater;
  /** Takes up what a daemon before this one has left. */
  reconcile(): Promise<void>;
  close(): Promise<void>;
}

/** How long what an interrupted pull has brought waits for it to be taken up again, in milliseconds. */
const remainsKept = 7 * 24 * 3600 * 1000;

export async function createEngine(
  config: DaemonConfig,
  native: Native,
  log: Log,
): Promise<Engine> {
  const { dataRoot, runRoot } = config;
  native.prepareCgroup();
  const facts = native.hostFacts();
  const database = openDatabase(join(dataRoot, "rt.db"));
  const settings = new SettingStore(database);
  const events = new EventBus(new EventStore(database), (error) =>
    log.error(`keep an event: ${messageOf(error)}`),
  );
  const stored = await createImages(config, native, log, { database, events });
  const { images, pulls, pushes, archives } = stored;
  const table = new ContainerTable(new ContainerStore(database), log);
  const foundations = { database, native, settings, table, events, log, config };
  const { catalog, book, hosting } = createNetworks(foundations);
  const ports = new Publisher({ native, table, networks: catalog, log });
  const pathsOf = (id: string) => containerPaths(dataRoot, runRoot, id);
  const names = new NameService({
    ...{ networks: catalog, table, runRoot, pathsOf, log },
    ...config.names,
  });
  const attachment = { networks: catalog, addresses: book, ports, names, events, log };
  const places = new Places({ networks: catalog, host: hosting, addresses: book });
  const attacher = new Attacher({ ...attachment, places });
  const live = new LiveNetworks({ ...attachment, native, table, places, attacher });
  const connector = new Connector({ table, networks: catalog, live, log });
  const trash = new Trash({
    native,
    log,
    directories: [dataRoot, runRoot].map((root) => ({ of: root, trash: join(root, "trash") })),
  });
  await trash.open();
  const volumes = new VolumeService({
    ...{ native, store: new VolumeStore(database), trash, events, newName: newId },
    root: join(dataRoot, "volumes"),
  });
  await volumes.open();
  const { cgroupParent } = config;
  const posture = await findPosture(config, native, facts);
  const planner = new LaunchPlanner({
    ...{ images, volumes, facts, cgroupParent, table, posture, names, pathsOf },
    initLayers: await InitLayers.open(join(dataRoot, "init")),
  });
  const onExit = (entry: Entry): void => containers.removeIfAsked(entry);
  const spares = new Spares({ native, log, most: config.networks.pool });
  const lifecycle = createLifecycle({
    ...{
      native,
      spares,
      table,
      attacher,
      planner,
      events,
      log,
      onExit,
      dataRoot,
      runRoot,
      cgroupParent,
    },
    posture,
    execStore: new ExecStore(database),
  });
  const mounts = new MountPreparer({ volumes, table, images });
  const containers: ContainerService = new ContainerService({
    ...{
      native,
      trash,
      facts,
      table,
      images,
      networks: catalog,
      attacher,
      mounts,
      events,
      log,
      ...lifecycle,
    },
    posture,
    logConfig: config.logConfig,
  });
  const { freezer, supervisor } = lifecycle;
  const paths = (entry: Entry) => supervisor.paths(entry);
  const files = new FileService({ native, planner, events, paths });
  const commits = new CommitService({
    ...{ native, events, ...stored.parts },
    writeIndex: () => pulls.writeIndex(),
    holdAll: () => stored.collector.holdAll(),
    layersOf: (entry) => files.layers(entry),
    whilePaused: (entry, work) => freezer.whilePaused(entry, work),
  });
  const checks = new CheckService({
    ...{ native, ...stored.parts, collector: stored.collector, openSource: stored.openSource },
    isRunning: (imageId) => table.containersOf(imageId).some(({ running }) => running),
  });
  const anatomy = new AnatomyService({
    ...{ native, ...stored.parts, images, collector: stored.collector },
  });
  const { restarter } = lifecycle;
  return {
    id: settings.ensure("engine.id", newId),
    updater: new Updater({ native, facts, table, restarter, ports, events, cgroupParent }),
    ...{
      config,
      facts,
      native,
      events,
      images,
      pulls,
      pushes,
      archives,
      checks,
      anatomy,
      catalog,
      book,
      connector,
      volumes,
      table,
      containers,
    },
    ...{ files, commits, spares, openSource: stored.openSource },
    ...lifecycle,
    reconcile: () =>
      reconcile({
        ...{ native, table, attacher, connector, ...lifecycle, onExit },
        adoptNetworks: async (running) => {
          await catalog.open();
          await adoptNetworks({ networks: catalog, hosting, ports, native, log }, running);
          await names.reconcile();
        },
      }),
    close: async () => {
      spares.close();
      lifecycle.restarter.close();
      lifecycle.health.close();
      await trash.close();
      if (!table.all().some(({ state }) => isRunning(state))) {
        await catalog.close();
        await native.retire();
      }
      database.close();
    },
  };
}

async function findPosture(
  { noNewPrivileges, seccomp }: DaemonConfig,
  native: Native,
  { appArmor }: HostFacts,
): Promise<Posture> {
  if (seccomp.profile !== null) native.checkSeccomp({ profile: seccomp.profile, capabilities: 0 });
  return {
    ...{ noNewPrivileges, seccomp, appArmor },
    maskedPaths: await findMaskedPaths(),
    capabilities: parseOwnCapabilities(await readFile("/proc/self/status", "utf8")),
  };
}

async function createImages(
  config: DaemonConfig,
  native: Native,
  log: Log,
  { database, events }: { database: ReturnType<typeof openDatabase>; events: EventBus },
) {
  const content = await ContentStore.open(join(config.dataRoot, "content"));
  const store = new ImageStore(database, config.keepBlobs);
  store.dropBlobs();
  const layers = new LayerStore(native, database, join(config.dataRoot, "layers"));
  await layers.open();
  const { openSource, optionsFor } = createRegistries(config, log);
  await content.sweepTemporary();
  const collector = new Collector({ content, layers, images: store, log });
  await collector.collect();
  const parts = { images: store, layers, content, events, collector };
  const pulls = new PullService({ ...parts, openSource }, config.maxConcurrentDownloads);
  const images = new ImageService({ ...parts, pulls });
  await pulls.writeIndex();
  void collector.sweep(new Date(Date.now() - remainsKept)).catch((error: unknown) => {
    log.warn(`look for what no image needs: ${messageOf(error)}`);
  });
  const archives = createArchives(parts, images, pulls);
  const pushes = new PushService({
    ...parts,
    openTarget: (reference, login) => new PushClient(reference, optionsFor(login)),
  });
  return {
    images,
    pulls,
    pushes,
    archives,
    openSource,
    collector,
    parts: { images: store, layers, content },
  };
}
