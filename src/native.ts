import { dlopen, ptr } from "bun:ffi";
import { writeSync } from "node:fs";
import addonPath from "../dist/native/rt-addon.bin" with { type: "file" };
import { EngineError, type ErrorCode, errorCodes } from "./errors.ts";
import type { MonitorForms } from "./native-types/exec.ts";
import type {
  ExtractOptions,
  ExtractResult,
  FileChange,
  LayerExtraction,
  PackedLayer,
  TreeUsage,
} from "./native-types/layers.ts";
import type {
  ArchiveSink,
  ArchiveSource,
  ByteSource,
  FileSending,
  FileStat,
  HostFacts,
  LogReader,
  LogRequest,
  Native,
} from "./native-types/native.ts";

/** The addon's functions as they cross N-API: structures as JSON, errors as JSON in the message. */
interface Addon {
  Extraction: new (
    options: string,
  ) => {
    grown(total: number): void;
    finish(): void;
    cancel(): void;
    wait(): Promise<ExtractResult>;
  };
  LogReader: new (request: string) => LogReader;
  commitLayer(staging: string, final: string): Promise<void>;
  removeTree(path: string): Promise<void>;
  copyUp(request: string): Promise<boolean>;
  finishCopyUp(directory: string): Promise<void>;
  launch(request: string): Promise<string>;
  monitorForms(): string;
  buildExec(plan: string): Uint8Array;
  adopt(monitor: number, client: number, adoption: string): boolean;
  sendAlone(socket: number, bytes: Uint8Array): boolean;
  FileSending: new (socket: number, file: number, size: number) => FileSending;
  rest(): void;
  retire(): Promise<void>;
  prepareMonitor(): Promise<void>;
  configurePool(most: number): void;
  restPool(): void;
  updateResources(plan: string): Promise<void>;
  configureRules(settings: string): void;
  resetRules(reset: string): Promise<void>;
  findForeignDrops(bridges: string[]): Promise<string>;
  ensureBridge(plan: string): Promise<void>;
  removeBridge(name: string): Promise<void>;
  connect(request: string): Promise<void>;
  disconnect(request: string): Promise<void>;
  setGateways(request: string): Promise<void>;
  ensureParent(parent: string): Promise<void>;
  removeParent(name: string): Promise<void>;
  listRoutes(): Promise<string[]>;
  publish(change: string): Promise<string>;
  unpublish(container: string): Promise<void>;
  holdPorts(published: string): Promise<string[]>;
  prepareCgroup(): void;
  checkSeccomp(plan: string): void;
  hostFacts(): string;
  treeUsage(path: string): Promise<TreeUsage>;
  compareTrees(left: string, right: string): Promise<string | null>;
  freeze(request: string): Promise<void>;
  isFrozen(cgroup: string): boolean;
  statFile(request: string): Promise<string>;
  listChanges(layers: string): Promise<string>;
  imageAnatomy(layers: string): Promise<string>;
  DifferenceReader: new (request: string) => { next(): Promise<Uint8Array | null>; cancel(): void };
  packChanges(layers: string, to: string): Promise<PackedLayer>;
  ArchiveReader: new (
    request: string,
  ) => { found(): Promise<string>; next(): Promise<Uint8Array | null>; cancel(): void };
  ArchiveWriter: new (
    request: string,
  ) => {
    found(): Promise<string>;
    write(chunk: Uint8Array): Promise<boolean>;
    finish(): Promise<void>;
    cancel(): void;
  };
  listProcesses(cgroup: string): Promise<string>;
  readStats(request: string): Promise<string>;
}

/**
 * Loads the addon that is embedded in the executable. It is copied to a sealed memfd and opened from
 * there: no file of root's in /tmp that somebody could swap (memfd_create(2), F_ADD_SEALS in fcntl(2)).
 */
export async function loadNative(): Promise<Native> {
  const bytes = new Uint8Array(await Bun.file(addonPath).arrayBuffer());
  const module = { exports: {} as Addon };
  process.dlopen(module, `/proc/self/fd/${sealedCopy(bytes)}`);
  return wrap(module.exports);
}

const memfdFlags = { closeOnExec: 1, allowSealing: 2 };
const addSeals = 1033;
/** F_SEAL_SEAL, SHRINK, GROW and WRITE. */
const allSeals = 0xf;

function sealedCopy(bytes: Uint8Array): number {
  const libc = dlopen("libc.so.6", {
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  });
  const name = Buffer.from("rt-addon\0");
  const fd = libc.symbols.memfd_create(ptr(name), memfdFlags.closeOnExec | memfdFlags.allowSealing);
  if (fd < 0) {
    throw new EngineError("unavailable", "load the native addon: memfd_create failed", {
      hint: "rt needs Linux 5.6 or later",
    });
  }
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  libc.symbols.fcntl(fd, addSeals, allSeals);
  return fd;
}

function wrap(addon: Addon): Native {
  return {
    extractLayer: (options) => createExtraction(addon, options),
    commitLayer: (staging, final) => asPromise(() => addon.commitLayer(staging, final)),
    removeTree: (path) => asPromise(() => addon.removeTree(path)),
    copyUp: (request) => asPromise(() => addon.copyUp(JSON.stringify(request))),
    finishCopyUp: (directory) => asPromise(() => addon.finishCopyUp(directory)),
    launch: async (request) =>
      JSON.parse(await asPromise(() => addon.launch(JSON.stringify(request)))),
    monitorForms: () => JSON.parse(addon.monitorForms()) as MonitorForms,
    buildExec: (plan) => {
      try {
        return addon.buildExec(JSON.stringify(plan));
      } catch (error) {
        throw toEngineError(error);
      }
    },
    adopt: (monitor, client, adoption) => addon.adopt(monitor, client, JSON.stringify(adoption)),
    sendFile(socket, file, size) {
      const sending = new addon.FileSending(socket, file, size);
      return {
        wait: () => asPromise(() => sending.wait()),
        cancel: () => sending.cancel(),
        close: () => sending.close(),
      };
    },
    sendAlone: (socket, bytes) => addon.sendAlone(socket, bytes),
    rest: () => addon.rest(),
    retire: () => asPromise(() => addon.retire()),
    prepareMonitor: () => asPromise(() => addon.prepareMonitor()),
    configurePool: (most) => addon.configurePool(most),
    restPool: () => addon.restPool(),
    updateResources: (cgroup) => asPromise(() => addon.updateResources(JSON.stringify(cgroup))),
    configureRules: (settings) => addon.configureRules(JSON.stringify(settings)),
    removeBridge: (name) => asPromise(() => addon.removeBridge(name)),
    connect: (request) => asPromise(() => addon.connect(JSON.stringify(request))),
    disconnect: (request) => asPromise(() => addon.disconnect(JSON.stringify(request))),
    resetRules: (reset) => asPromise(() => addon.resetRules(JSON.stringify(reset))),
    findForeignDrops: async (bridges) =>
      JSON.parse(await asPromise(() => addon.findForeignDrops(bridges))),
    setGateways: (request) => asPromise(() => addon.setGateways(JSON.stringify(request))),
    ensureParent: (parent) => asPromise(() => addon.ensureParent(JSON.stringify(parent))),
    removeParent: (name) => asPromise(() => addon.removeParent(name)),
    ensureBridge: (bridge) => asPromise(() => addon.ensureBridge(JSON.stringify(bridge))),
    listRoutes: () => asPromise(() => addon.listRoutes()),
    publish: async (change) =>
      JSON.parse(await asPromise(() => addon.publish(JSON.stringify(change)))),
    unpublish: (container) => asPromise(() => addon.unpublish(container)),
    holdPorts: (published) => asPromise(() => addon.holdPorts(JSON.stringify(published))),
    prepareCgroup: () => addon.prepareCgroup(),
    treeSize: async (path) => (await asPromise(() => addon.treeUsage(path))).bytes,
    compareTrees: (left, right) => asPromise(() => addon.compareTrees(left, right)),
    treeUsage: (path) => asPromise(() => addon.treeUsage(path)),
    freeze: (request) => asPromise(() => addon.freeze(JSON.stringify(request))),
    isFrozen: (cgroup) => addon.isFrozen(JSON.stringify(cgroup)),
    listProcesses: async (cgroup) =>
      JSON.parse(await asPromise(() => addon.listProcesses(JSON.stringify(cgroup)))),
    readStats: async (request) =>
      JSON.parse(await asPromise(() => addon.readStats(JSON.stringify(request)))),
    openLog: (request) => openLog(addon, request),
    statFile: async (request) =>
      JSON.parse(await asPromise(() => addon.statFile(JSON.stringify(request)))) as FileStat,
    readArchive: (request) => createArchiveSource(addon, JSON.stringify(request)),
    writeArchive: (request) => createArchiveSink(addon, JSON.stringify(request)),
    listChanges: async (layers) => {
      const text = await asPromise(() => addon.listChanges(JSON.stringify(layers)));
      const list = JSON.parse(text) as [string, FileChange["kind"]][];
      return list.map(([path, kind]) => ({ path, kind }));
    },
    measureLayers: async (layers) =>
      JSON.parse(await asPromise(() => addon.imageAnatomy(JSON.stringify(layers)))),
    diffLayers: (stacks) => createDifference(addon, JSON.stringify(stacks)),
    packChanges: (layers, to) => asPromise(() => addon.packChanges(JSON.stringify(layers), to)),
    checkSeccomp: (plan) => {
      try {
        addon.checkSeccomp(JSON.stringify(plan));
      } catch (error) {
        throw toEngineError(error);
      }
    },
    hostFacts: () => JSON.parse(addon.hostFacts()) as HostFacts,
  };
}

function createArchiveSource(addon: Addon, request: string): ArchiveSource {
  try {
    const reader = new addon.ArchiveReader(request);
    return {
      found: asPromise(() => reader.found()).then((text) => JSON.parse(text) as FileStat),
      next: () => asPromise(() => reader.next()),
      cancel: () => reader.cancel(),
    };
  } catch (error) {
    throw toEngineError(error);
  }
}

function createDifference(addon: Addon, request: string): ByteSource {
  try {
    const reader = new addon.DifferenceReader(request);
    return { next: () => asPromise(() => reader.next()), cancel: () => reader.cancel() };
  } catch (error) {
    throw toEngineError(error);
  }
}

function createArchiveSink(addon: Addon, request: string): ArchiveSink {
  try {
    const writer = new addon.ArchiveWriter(request);
    return {
      found: asPromise(() => writer.found()).then(() => undefined),
      write: (chunk) => asPromise(() => writer.write(chunk)),
      finish: () => asPromise(() => writer.finish()),
      cancel: () => writer.cancel(),
    };
  } catch (error) {
    throw toEngineError(error);
  }
}

function createExtraction(addon: Addon, options: ExtractOptions): LayerExtraction {
  try {
    const extraction = new addon.Extraction(JSON.stringify(options));
    return {
      grown: (total) => extraction.grown(total),
      finish: () => extraction.finish(),
      cancel: () => extraction.cancel(),
      done: asPromise(() => extraction.wait()),
    };
  } catch (error) {
    throw toEngineError(error);
  }
}

function openLog(addon: Addon, request: LogRequest): LogReader {
  try {
    const reader = new addon.LogReader(JSON.stringify(request));
    return {
      open: () => asPromise(() => reader.open()),
      next: () => asPromise(() => reader.next()),
      hold: () => reader.hold(),
      close: () => reader.close(),
    };
  } catch (error) {
    throw toEngineError(error);
  }
}

async function asPromise<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toEngineError(error);
  }
}

/** The addon's errors carry {"code", "message", "hint"} in their message. */
function toEngineError(error: unknown): unknown {
  if (!(error instanceof Error) || !error.message.startsWith("{")) return error;
  const { code, message, hint } = JSON.parse(error.message) as {
    code: string;
    message: string;
    hint?: string;
  };
  const known: ErrorCode = Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "internal";
  return new EngineError(known, message, hint === undefined ? {} : { hint });
}
