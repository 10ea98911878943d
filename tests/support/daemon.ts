/** A daemon of a world: started, asked, killed, started again. */
import { readFile } from "node:fs/promises";
import type { Running } from "./process.ts";
import { until } from "./until.ts";
import { rtPath, type World } from "./world.ts";

export interface DaemonOptions {
  /** Registry mirrors for Docker Hub. */
  mirrors?: string[];
  /** Further flags. */
  flags?: string[];
  /** Name of the roots below the world's own; two daemons of one world need two. */
  name?: string;
  env?: Record<string, string>;
  /** What executes the daemon's command, which follows. */
  wrapper?: string[];
}

/** What each event has. */
export interface PastEvent {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  timeNano: number;
}

let logs = 0;

export class Daemon {
  readonly socket: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  /** As seen from outside. */
  readonly pid: number;
  readonly #running: Running;
  readonly #log: string;

  private constructor(
    place: { socket: string; dataRoot: string; runRoot: string; log: string },
    running: Running,
    pid: number,
  ) {
    this.socket = place.socket;
    this.dataRoot = place.dataRoot;
    this.runRoot = place.runRoot;
    this.#log = place.log;
    this.#running = running;
    this.pid = pid;
  }

  static async start(world: World, options: DaemonOptions): Promise<Daemon> {
    const suffix = options.name === undefined ? "" : `-${options.name}`;
    logs += 1;
    const place = {
      socket: options.name === undefined ? world.socket : world.path(`${options.name}.sock`),
      dataRoot: world.path(`data${suffix}`),
      runRoot: world.path(`run${suffix}`),
      log: world.path(`daemon-${logs}.log`),
    };
    const command = [
      ...(options.wrapper ?? []),
      ...[rtPath, "daemon", "--data-root", place.dataRoot, "--run-root", place.runRoot],
      ...["-H", `unix://${place.socket}`],
      ...(options.mirrors ?? []).flatMap((url) => ["--registry-mirror", url]),
      ...(options.flags ?? []),
    ];
    const shell = [
      "sh",
      "-c",
      'log=$1; shift; exec "$@" >"$log" 2>&1',
      "sh",
      place.log,
      ...command,
    ];
    const running = world.spawnInCgroup(shell, {
      timeoutMs: 2 ** 31 - 1,
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    const daemon = new Daemon(place, running, await world.innerPid(running));
    await daemon.ready();
    return daemon;
  }

  get alive(): boolean {
    return !this.#running.ended;
  }

  async ready(): Promise<void> {
    await until("the daemon to answer", async () => {
      if (!this.alive) throw new Error(`the daemon ended: ${await this.log()}`);
      const reply = await this.request("/_ping").catch(() => undefined);
      return reply?.ok;
    });
  }

  /** Everything the daemon has printed. */
  async log(): Promise<string> {
    return await readFile(this.#log, "utf8").catch(() => "");
  }

  /** False gives each request a connection of its own, so that what the daemon holds can be counted. */
  keepsConnections = true;

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const keepalive = this.keepsConnections;
    return await fetch(`http://rt${path}`, { keepalive, ...init, unix: this.socket });
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const reply = await this.request(path, init);
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}: ${await reply.text()}`);
    return (await reply.json()) as T;
  }

  /** POST with a JSON body. */
  async post(path: string, body?: unknown): Promise<Response> {
    const headers = { "content-type": "application/json" };
    const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    return await this.request(path, { method: "POST", ...sent });
  }

  /** The events since a moment, in seconds. They are told to the microsecond, and now is known to the millisecond. */
  async past(since: number, filters: Record<string, string[]> = {}): Promise<PastEvent[]> {
    const window = `since=${since}&until=${(Date.now() + 1) / 1000}`;
    const query = `${window}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
    const lines = (await (await this.request(`/events?${query}`)).text()).split("\n");
    return lines.filter(Boolean).map((line) => JSON.parse(line) as PastEvent);
  }

  /** How many clients are told of events as they come. */
  async listeners(): Promise<number> {
    return (await this.json<{ NEventsListener: number }>("/info")).NEventsListener;
  }

  async removeContainers(): Promise<void> {
    const list = await this.json<{ Id: string }[]>("/containers/json?all=true");
    for (const { Id } of list) {
      const reply = await this.request(`/containers/${Id}?force=true`, { method: "DELETE" });
      if (!reply.ok && reply.status !== 404) throw new Error(`remove ${Id}: ${await reply.text()}`);
    }
  }

  /** Ends it as an init system would; its exit code. */
  async stop(): Promise<number> {
    process.kill(this.pid, "SIGTERM");
    await until("the daemon to end", () => this.#running.ended, 20_000);
    return (await this.#running.finished()).code;
  }

  /** Kill -9. */
  async kill(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    await this.#running.finished();
  }
}
