import type { Duplex } from "node:stream";
import { parseDetachKeys } from "../../api/detach-keys.ts";
import { buildFrame, stream } from "../../api/frames.ts";
import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import { type AttachRequest, handOver, relay } from "../containers/attach.ts";
import { isRunning } from "../containers/container.ts";
import { eventAttributes } from "../containers/events.ts";
import { type ExecNews, MonitorAttachment } from "../containers/monitor.ts";
import { newId } from "../containers/names.ts";
import type { Posture } from "../containers/plan.ts";
import type { Entry } from "../containers/table.ts";
import type { EventBus } from "../events/bus.ts";
import type { ExecStore } from "../store/exec-store.ts";
import { type ExecRecord, type ExecSettings, planExec } from "./exec.ts";

export interface ExecParts {
  native: Pick<Native, "buildExec" | "adopt">;
  store: ExecStore;
  events: EventBus;
  posture: Posture;
  find(containerId: string): Entry;
  socketOf(entry: Entry): string;
  /** Variables of the containers that one is linked to. */
  linkedOf(entry: Entry): string[];
}

/** What a client gets of an exec's output. */
export interface ExecOutput {
  /** Bytes without headers. */
  isRaw: boolean;
  /** The exit code too, as the last frame. */
  withExit?: boolean;
}

/** One exec in memory. */
export interface Exec {
  record: ExecRecord;
  /** Its program runs; rejects with what kept it from that. */
  readonly started: PromiseWithResolvers<void>;
  readonly exited: PromiseWithResolvers<void>;
}

/** How long one that has ended can be asked about, in milliseconds. */
const keptFor = 5 * 60_000;
/** And how many there may be of all kinds before the oldest that do not run go earlier. */
const maxKept = 1000;
/** What is recorded when nobody can say how it ended. */
const lostExit = 137;

/** Runs further processes in running containers, by their monitors. */
export class ExecService {
  readonly #parts: ExecParts;
  readonly #execs = new Map<string, Exec>();
  #sweptAt = 0;

  constructor(parts: ExecParts) {
    this.#parts = parts;
    for (const record of parts.store.all()) this.#hold(record);
  }

  create(entry: Entry, settings: ExecSettings): ExecRecord {
    refuseUnlessRunning(entry);
    this.#sweep();
    const record: ExecRecord = {
      id: newId(),
      containerId: entry.container.id,
      settings,
      status: "created",
      pid: 0,
      exitCode: null,
      endedAt: 0,
    };
    this.#parts.store.insert(record);
    this.#hold(record);
    this.#publish(entry, record, `exec_create: ${settings.argv.join(" ")}`);
    return record;
  }

  get(id: string): Exec {
    const exact = this.#execs.get(id);
    if (exact) return exact;
    const matches = /^[0-9a-f]{4,63}$/.test(id)
      ? [...this.#execs.values()].filter(({ record }) => record.id.startsWith(id))
      : [];
    const [found] = matches;
    if (found === undefined || matches.length > 1)
      throw new EngineError("not_found", `No such exec instance: ${id}`);
    return found;
  }

  /** Ids of a container's execs that run, for `inspect`. */
  runningIn(containerId: string): string[] {
    return [...this.#execs.values()]
      .filter(({ record }) => record.containerId === containerId && record.status === "running")
      .map(({ record }) => record.id);
  }

  /** Everything that a start would refuse before it begins. */
  check(exec: Exec): Entry {
    const { record } = exec;
    if (record.status !== "created") {
      const words = record.status === "running" ? "is already running" : "has already run";
      throw new EngineError("conflict", `exec command ${record.id} ${words}`);
    }
    const entry = this.#parts.find(record.containerId);
    refuseUnlessRunning(entry);
    return entry;
  }

  /**
   * Starts it, joined to `client` if there is one, and resolves when its program runs. The client's
   * connection ends when its exit is recorded.
   */
  async start(
    exec: Exec,
    client: Duplex | undefined,
    form: ExecOutput = { isRaw: false },
  ): Promise<void> {
    const entry = this.check(exec);
    const { argv } = exec.record.settings;
    this.#save(exec, { status: "running" });
    this.#publish(entry, exec.record, `exec_start: ${argv.join(" ")}`);
    try {
      if (client === undefined) await this.#ask(entry, exec);
      else await this.#askAttached(entry, exec, this.#attachRequest(entry, exec, client, form));
      await Promise.race([exec.started.promise, exec.exited.promise]);
    } catch (error) {
      exec.started.reject(error);
      this.#end(exec, exitCodeOf(error));
      throw error;
    }
  }

  /** Its client is joined before, so that no output escapes it. */
  async #askAttached(entry: Entry, exec: Exec, request: AttachRequest): Promise<void> {
    const { monitor } = entry;
    if (monitor !== undefined && handOver(this.#parts.native, monitor, request))
      return await this.#ask(entry, exec);
    const { flags, execId } = request;
    const socket = this.#parts.socketOf(entry);
    const attachment = await MonitorAttachment.connect(socket, flags, execId);
    await this.#ask(entry, exec).catch((error: unknown) => {
      attachment.close();
      throw error;
    });
    // Joined only now: input, and the end of it, would be lost on an exec that is yet to come. One that
    // cannot be started has its reason written by whoever asked.
    relay(request, attachment);
  }

  #attachRequest(
    entry: Entry,
    exec: Exec,
    client: Duplex,
    { isRaw, withExit = false }: ExecOutput,
  ): AttachRequest {
    const { settings, id } = exec.record;
    const { tty } = settings;
    // Bytes without headers would not say which of two streams they are of.
    const flags = isRaw
      ? { ...settings.attach, stderr: tty && settings.attach.stderr }
      : settings.attach;
    const detach = {
      keys: parseDetachKeys(settings.detachKeys || undefined),
      told: () => this.#publish(entry, exec.record, "exec_detach"),
    };
    const settled = exec.started.promise.then(() => exec.exited.promise);
    settled.catch(() => {});
    const request = { client, flags, tty, isRaw, detach, execId: id, settled };
    return withExit ? { ...request, lastWords: () => buildExit(exec.record) } : request;
  }

  /** The monitor knows of it from now on; whether its program runs is told later. */
  async #ask(entry: Entry, exec: Exec): Promise<void> {
    const { monitor } = entry;
    if (monitor === undefined) throw notRunning(entry);
    const { posture, linkedOf } = this.#parts;
    const plan = planExec(exec.record, entry.container, posture, linkedOf(entry));
    await monitor.exec(this.#parts.native.buildExec(plan));
  }

  async resize(exec: Exec, rows: number, columns: number): Promise<void> {
    const { record } = exec;
    if (record.status === "created") {
      this.#save(exec, { settings: { ...record.settings, console: { rows, columns } } });
      return;
    }
    const { monitor } = this.#parts.find(record.containerId);
    if (record.status !== "running" || monitor === undefined)
      throw new EngineError("conflict", `exec command ${record.id} is not running`);
    await monitor.resize(rows, columns, record.id);
  }

  async signal(exec: Exec, signal: number): Promise<void> {
    await this.#parts.find(exec.record.containerId).monitor?.signal(signal, exec.record.id);
  }

  /** The container's monitor is at hand: how its execs fare is heard from now on, or was meanwhile. */
  follow(entry: Entry): void {
    const { monitor } = entry;
    if (monitor === undefined) return;
    const known = new Set<string>();
    monitor.onExec((news) => {
      known.add(news.id);
      this.#hear(news);
    });
    // A monitor that was found tells of all it has before it can be followed. What it does not know has
    // ended, and was told to a daemon that died of it.
    for (const exec of this.#of(entry.container.id)) {
      if (exec.record.status === "running" && !known.has(exec.record.id)) this.#end(exec, lostExit);
    }
  }

  /** The container does not run: neither do they. */
  endAll(containerId: string): void {
    for (const exec of this.#of(containerId)) {
      if (exec.record.status === "running") this.#end(exec, lostExit);
    }
  }

  /** The container is removed; its execs have gone with its record. */
  forget(containerId: string): void {
    for (const { record } of this.#of(containerId)) this.#execs.delete(record.id);
  }

  #hear(news: ExecNews): void {
    const exec = this.#execs.get(news.id);
    if (exec === undefined) return;
    if (news.kind === "started") {
      // Not written down: a monitor that is found tells it again.
      exec.record = { ...exec.record, pid: news.pid };
      exec.started.resolve();
    } else if (news.kind === "failed") {
      exec.started.reject(news.error);
    } else {
      this.#end(exec, news.exitCode);
    }
  }

  #end(exec: Exec, exitCode: number): void {
    if (exec.record.status === "exited") return;
    this.#save(exec, { status: "exited", pid: 0, exitCode, endedAt: Date.now() });
    const { containerId } = exec.record;
    const entry = this.#parts.find(containerId);
    this.#publish(entry, exec.record, "exec_die", { exitCode: String(exitCode) });
    exec.started.resolve();
    exec.exited.resolve();
  }

  #of(containerId: string): Exec[] {
    return [...this.#execs.values()].filter(({ record }) => record.containerId === containerId);
  }

  #hold(record: ExecRecord): void {
    const exec = {
      record,
      started: Promise.withResolvers<void>(),
      exited: Promise.withResolvers<void>(),
    };
    exec.started.promise.catch(() => {});
    if (record.status === "exited") exec.exited.resolve();
    this.#execs.set(record.id, exec);
  }

  #save(exec: Exec, changes: Partial<ExecRecord>): void {
    exec.record = { ...exec.record, ...changes };
    this.#parts.store.save(exec.record);
  }

  #publish(
    entry: Entry,
    { id }: ExecRecord,
    action: string,
    more: Record<string, string> = {},
  ): void {
    const attributes = { ...eventAttributes(entry.container), execID: id, ...more };
    this.#parts.events.publish("container", action, entry.container.id, attributes);
  }

  /** Lets go of those that ended a while ago, and of the older half of too many. */
  #sweep(): void {
    const now = Date.now();
    const isCrowded = this.#execs.size > maxKept;
    if (!isCrowded && now - this.#sweptAt < keptFor / 5) return;
    this.#sweptAt = now;
    const ended = [...this.#execs.values()].filter(({ record }) => record.status === "exited");
    const surplus = isCrowded ? ended.length / 2 : 0;
    const old = ended.filter(
      ({ record }, index) => index < surplus || now - record.endedAt > keptFor,
    );
    // Those that nobody has ever started, or their number would have no bound.
    const excess = Math.max(this.#execs.size - old.length - maxKept, 0);
    const unused = [...this.#execs.values()].filter(({ record }) => record.status === "created");
    old.push(...unused.slice(0, excess));
    for (const { record } of old) this.#execs.delete(record.id);
    this.#parts.store.remove(old.map(({ record }) => record.id));
  }
}

/** The frame that tells how it has ended. */
export function buildExit({ exitCode }: ExecRecord): Uint8Array {
  return buildFrame(stream.exit, Uint8Array.of(exitCode ?? lostExit));
}

function refuseUnlessRunning(entry: Entry): void {
  const { id } = entry.container;
  if (entry.state.status === "paused") {
    throw new EngineError(
      "conflict",
      `Container ${id} is paused, unpause the container before exec`,
    );
  }
  if (entry.state.status === "restarting") {
    throw new EngineError(
      "conflict",
      `Container ${id} is restarting, wait until the container is running`,
    );
  }
  if (!isRunning(entry.state)) throw notRunning(entry);
}

function notRunning(entry: Entry): EngineError {
  return new EngineError("conflict", `container ${entry.container.id} is not running`);
}

/** Docker's: 127 for what is not there, 126 for everything else that keeps a program from running. */
function exitCodeOf(error: unknown): number {
  return error instanceof EngineError && error.code === "command_not_found" ? 127 : 126;
}
