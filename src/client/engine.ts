import { containerIdHeader, runProtocol, warningsHeader } from "../api/frames.ts";
import { layerSizesHeader } from "../api/pull.ts";
import { routes } from "../api/routes.ts";
import type {
  AuthConfig,
  AuthReply,
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspectResponse,
  ContainerSummary,
  ContainerWaitResponse,
  EventMessage,
  ImageDeleteResponseItem,
  ImageInspect,
  ImageSummary,
  ProgressMessage,
  SystemInfo,
  SystemVersion,
} from "../api/types.ts";
import type { Connection } from "./connection.ts";
import { toUnreachable } from "./failures.ts";
import { ProtocolError } from "./http.ts";
import { readJsonStream } from "./json-stream.ts";
import type { QueryValue } from "./request.ts";
import type { HijackedStream, Reply, Transport } from "./transport.ts";

/** Filters of a list or of events: name → accepted values. */
export type Filters = Record<string, string[]>;

export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Also what was written before. */
  logs?: boolean;
  detachKeys?: string;
}

export interface LogOptions {
  stdout: boolean;
  stderr: boolean;
  follow?: boolean;
  timestamps?: boolean;
  details?: boolean;
  since?: string | undefined;
  until?: string | undefined;
  tail?: string | undefined;
}

export interface RemoveOptions {
  force?: boolean;
  link?: boolean;
  volumes?: boolean;
}

export interface EventOptions {
  since?: string | undefined;
  until?: string | undefined;
  filters?: Filters;
}

/** Objects that have an inspect route. */
export type InspectKind = "container" | "image" | "network" | "volume";

/** A wait that the engine has registered; `exit` settles when its condition is met. */
export interface PendingWait {
  exit: Promise<ContainerWaitResponse>;
}

/** The Engine API, one method per route of api/routes.ts. */
export class Engine {
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async ping(): Promise<Record<string, string>> {
    const reply = await this.transport.request(routes.ping);
    await reply.body.bytes();
    return reply.headers;
  }

  version(): Promise<SystemVersion> {
    return this.#json(this.transport.request(routes.version));
  }

  info(): Promise<SystemInfo> {
    return this.#json(this.transport.request(routes.info));
  }

  auth(credentials: AuthConfig): Promise<AuthReply> {
    return this.#json(this.transport.request(routes.auth, { json: credentials }));
  }

  async *events(options: EventOptions): AsyncGenerator<EventMessage> {
    yield* await this.openEvents(options);
  }

  /** Resolves when the engine listens. */
  async openEvents(options: EventOptions): Promise<AsyncGenerator<EventMessage>> {
    const query = { ...toQuery(options.filters), since: options.since, until: options.until };
    const reply = await this.transport.request(routes.events, { query });
    return readJsonStream<EventMessage>(reply.body);
  }

  containers(options: {
    all?: boolean;
    limit?: number | undefined;
    size?: boolean;
    filters?: Filters;
  }): Promise<ContainerSummary[]> {
    const query = {
      all: options.all || undefined,
      limit: options.limit,
      size: options.size || undefined,
      ...toQuery(options.filters),
    };
    return this.#json(this.transport.request(routes.containerList, { query }));
  }

  createContainer(
    request: ContainerCreateRequest,
    options: { name?: string | undefined; platform?: string | undefined },
  ): Promise<ContainerCreateResponse> {
    const query = { name: options.name || undefined, platform: options.platform || undefined };
    return this.#json(this.transport.request(routes.containerCreate, { query, json: request }));
  }

  /**
   * Creates a container and, where the engine can, runs it on the same connection: then there is one, of which
   * output comes in frames and its end behind that.
   */
  async runContainer(
    request: ContainerCreateRequest,
    options: { name?: string | undefined; platform?: string | undefined },
  ): Promise<ContainerCreateResponse & { connection?: Connection }> {
    const query = { name: options.name || undefined, platform: options.platform || undefined };
    const create = { query, json: request };
    const offered = await this.transport.offer(routes.containerCreate, create, runProtocol);
    if (!("connection" in offered)) return JSON.parse(await offered.body.text());
    const { headers, connection } = offered;
    const Warnings = JSON.parse(decodeURIComponent(headers[warningsHeader] ?? "%5B%5D"));
    return { Id: headers[containerIdHeader] ?? "", Warnings, connection };
  }

  inspectContainer(
    id: string,
    options: { size?: boolean } = {},
  ): Promise<ContainerInspectResponse> {
    const query = { size: options.size || undefined };
    return this.#json(this.transport.request(routes.containerInspect, { path: { id }, query }));
  }

  async startContainer(
    id: string,
    options: { detachKeys?: string | undefined } = {},
  ): Promise<void> {
    const query = { detachKeys: options.detachKeys || undefined };
    const accept = [304];
    await drain(this.transport.request(routes.containerStart, { path: { id }, query, accept }));
  }

  async stopContainer(
    id: string,
    options: { timeout?: number | undefined; signal?: string | undefined } = {},
  ): Promise<void> {
    const query = { t: options.timeout, signal: options.signal || undefined };
    const accept = [304];
    await drain(this.transport.request(routes.containerStop, { path: { id }, query, accept }));
  }

  /** Without `signal` it is KILL. */
  async killContainer(id: string, signal: string | undefined): Promise<void> {
    const query = { signal };
    await drain(this.transport.request(routes.containerKill, { path: { id }, query }));
  }

  async resizeContainer(id: string, rows: number, columns: number): Promise<void> {
    const query = { h: rows, w: columns };
    await drain(this.transport.request(routes.containerResize, { path: { id }, query }));
  }

  async removeContainer(id: string, options: RemoveOptions): Promise<void> {
    const query = {
      force: options.force || undefined,
      link: options.link || undefined,
      v: options.volumes || undefined,
    };
    await drain(this.transport.request(routes.containerRemove, { path: { id }, query }));
  }

  attachContainer(id: string, options: AttachOptions): Promise<HijackedStream> {
    const query: Record<string, QueryValue> = {
      stream: true,
      stdin: options.stdin || undefined,
      stdout: options.stdout || undefined,
      stderr: options.stderr || undefined,
      logs: options.logs || undefined,
      detachKeys: options.detachKeys || undefined,
    };
    return this.transport.hijack(routes.containerAttach, { path: { id }, query });
  }

  /** The log as the engine sends it: frames, or raw bytes for a container with a terminal. */
  containerLogs(id: string, options: LogOptions, signal?: AbortSignal): Promise<Reply> {
    const query = {
      stdout: options.stdout || undefined,
      stderr: options.stderr || undefined,
      follow: options.follow || undefined,
      timestamps: options.timestamps || undefined,
      details: options.details || undefined,
      since: options.since,
      until: options.until,
      tail: options.tail,
      // Ours then sends many records to a frame, others do not know it.
      joined: true,
    };
    return this.transport.request(routes.containerLogs, { path: { id }, query, signal });
  }

  /** Resolves when the engine has registered the wait. */
  async waitContainer(
    id: string,
    condition?: "not-running" | "next-exit" | "removed",
  ): Promise<PendingWait> {
    const query = { condition };
    const reply = await this.transport.request(routes.containerWait, { path: { id }, query });
    const exit = this.#json<ContainerWaitResponse>(Promise.resolve(reply));
    exit.catch(() => {});
    return { exit };
  }

  images(options: {
    all?: boolean;
    filters?: Filters;
    sharedSize?: boolean;
  }): Promise<ImageSummary[]> {
    const query = {
      all: options.all || undefined,
      "shared-size": options.sharedSize || undefined,
      ...toQuery(options.filters),
    };
    return this.#json(this.transport.request(routes.imageList, { query }));
  }

  /** Pulls `fromImage` with `tag` (a tag or a digest), reporting as it goes. */
  async *pullImage(options: {
    fromImage: string;
    tag: string;
    platform?: string | undefined;
    /** Value of X-Registry-Auth. */
    auth?: string | undefined;
    signal?: AbortSignal | undefined;
  }): AsyncGenerator<ProgressMessage> {
    const { signal } = options;
    const query = {
      fromImage: options.fromImage,
      tag: options.tag || undefined,
      platform: options.platform || undefined,
    };
    const headers: Record<string, string> = {
      [layerSizesHeader]: "1",
      ...(options.auth === undefined ? {} : { "X-Registry-Auth": options.auth }),
    };
    const reply = await this.transport.request(routes.imageCreate, { query, headers, signal });
    try {
      yield* readJsonStream<ProgressMessage>(reply.body);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
    signal?.throwIfAborted();
  }

  inspectImage(name: string): Promise<ImageInspect> {
    return this.#json(this.transport.request(routes.imageInspect, { path: { name } }));
  }

  /** The JSON of an object as the engine sent it. */
  async inspectText(
    kind: InspectKind,
    name: string,
    options: { size?: boolean; verbose?: boolean },
  ): Promise<string> {
    const query = {
      size: (kind === "container" && options.size) || undefined,
      verbose: (kind === "network" && options.verbose) || undefined,
    };
    const inspect = {
      container: routes.containerInspect,
      image: routes.imageInspect,
      network: routes.networkInspect,
      volume: routes.volumeInspect,
    };
    const route = inspect[kind];
    const reply = await this.transport.request(route, { path: { id: name, name }, query });
    return await reply.body.text();
  }

  removeImage(
    name: string,
    options: { force?: boolean; noPrune?: boolean },
  ): Promise<ImageDeleteResponseItem[]> {
    const query = { force: options.force || undefined, noprune: options.noPrune || undefined };
    return this.#json(this.transport.request(routes.imageRemove, { path: { name }, query }));
  }

  async #json<T>(reply: Promise<Reply>): Promise<T> {
    const text = await (await reply).body.text();
    try {
      return JSON.parse(text);
    } catch {
      throw toUnreachable(new ProtocolError("not JSON"), this.transport.address);
    }
  }
}

async function drain(reply: Promise<Reply>): Promise<void> {
  await (await reply).body.bytes();
}

function toQuery(filters: Filters | undefined): { filters?: string } {
  if (!filters || Object.keys(filters).length === 0) return {};
  const sets = Object.entries(filters).map(([name, values]) => [
    name,
    Object.fromEntries(values.map((value) => [value, true])),
  ]);
  return { filters: JSON.stringify(Object.fromEntries(sets)) };
}
