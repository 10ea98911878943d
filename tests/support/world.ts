/** A machine of its own for a test: namespaces, roots, cgroups; and a check that nothing is left of it. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { createCgroups, findOwnCgroups, listBelow, removeCgroups } from "./cgroups.ts";
import { Daemon, type DaemonOptions } from "./daemon.ts";
import { childrenOf, Namespace } from "./namespace.ts";
import { type Finished, Running, type SpawnOptions } from "./process.ts";
import { type DebianOptions, Registry } from "./registry.ts";
import { until } from "./until.ts";

const repository = resolve(import.meta.dir, "../..");
/** The executable under test. */
export const rtPath = process.env.RT_BINARY ?? join(repository, "dist/rt");

/** The file whose tests run now; a hook has no name of its own. */
const testFile = (): string => relative(repository, Bun.main);

export class World implements AsyncDisposable {
  /** Private directory; short, since socket paths lie below it. */
  readonly root: string;
  readonly namespace: Namespace;
  /** Variables that every process in the world sees. */
  readonly env: Record<string, string>;
  readonly #cgroups: string[];
  readonly #daemons: Daemon[] = [];
  readonly #before: { mounts: string[]; links: string[] };
  #ports = 5000;
  #ended = false;

  private constructor(
    root: string,
    namespace: Namespace,
    cgroups: string[],
    before: { mounts: string[]; links: string[] },
  ) {
    this.root = root;
    this.namespace = namespace;
    this.#cgroups = cgroups;
    this.#before = before;
    this.env = {
      PATH: process.env.PATH ?? "",
      HOME: join(root, "home"),
      TMPDIR: join(root, "tmp"),
      LANG: "C.UTF-8",
      RT_HOST: `unix://${this.socket}`,
    };
  }

  static async create(): Promise<World> {
    if (process.getuid?.() !== 0) throw new Error("these tests need root");
    const root = await mkdtemp("/tmp/rt-t-");
    await mkdir(join(root, "home"));
    await mkdir(join(root, "tmp"));
    const cgroups = await createCgroups(await findOwnCgroups(), root.slice("/tmp/".length));
    const namespace = await Namespace.create();
    const before = { mounts: await namespace.mounts(), links: await namespace.links() };
    return new World(root, namespace, cgroups, before);
  }

  /** Where the world's daemon listens unless told otherwise. */
  get socket(): string {
    return join(this.root, "rt.sock");
  }

  /** A file name in the world, or below it. */
  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  spawn(command: readonly string[], options: SpawnOptions = {}): Running {
    const { namespace } = this;
    const inside = options.terminal ? namespace.enterByTerminal(command) : namespace.enter(command);
    return new Running(inside, {
      cwd: this.root,
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  async run(command: readonly string[], options: SpawnOptions = {}): Promise<Finished> {
    return await this.spawn(command, options).finished();
  }

  /** Sets a limit of the world's own cgroup by the first of `files` that it has; false if it has none. */
  async limit(files: string[], value: string | number): Promise<boolean> {
    for (const path of this.#cgroups.flatMap((each) => files.map((file) => join(each, file)))) {
      if (
        await writeFile(path, `${value}`).then(
          () => true,
          () => false,
        )
      )
        return true;
    }
    return false;
  }

  /** The cgroups that there are in the world. */
  async cgroups(): Promise<string[]> {
    return await listBelow(this.#cgroups);
  }

  /** Like spawn, inside the world's own cgroups. */
  spawnInCgroup(command: readonly string[], options: SpawnOptions = {}): Running {
    const script = 'for f in $RT_JOIN; do echo 0 >"$f/cgroup.procs" || exit 1; done; exec "$@"';
    const env = { ...options.env, RT_JOIN: this.#cgroups.join(" ") };
    return this.spawn(["sh", "-c", script, "sh", ...command], { ...options, env });
  }

  /** Runs rt's client to its end. */
  async rt(args: readonly string[], options: SpawnOptions = {}): Promise<Finished> {
    return await this.run([rtPath, ...args], options);
  }

  spawnRt(args: readonly string[], options: SpawnOptions = {}): Running {
    return this.spawn([rtPath, ...args], options);
  }

  /** Runs rt's client, which must succeed; its stdout without the last newline. */
  async rtOutput(args: readonly string[], options: SpawnOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.rt(args, options);
    if (code !== 0) throw new Error(`rt ${args.join(" ")} exited with ${code}: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, "");
  }

  /** Runs the stock docker CLI against the world's daemon. */
  async docker(args: readonly string[], options: SpawnOptions = {}): Promise<Finished> {
    return await this.run(["docker", "-H", `unix://${this.socket}`, ...args], options);
  }

  /** The pid, as seen from outside, of what a spawned command became inside. */
  async innerPid(running: Running): Promise<number> {
    return await until("the process inside", async () => (await childrenOf(running.pid))[0]);
  }

  async daemon(options: DaemonOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.start(this, options);
    this.#daemons.push(daemon);
    return daemon;
  }

  get hasDaemon(): boolean {
    return this.#daemons.some((each) => each.alive);
  }

  /** The daemon that runs now. */
  daemonAlive(): Daemon {
    const daemon = this.#daemons.find((each) => each.alive);
    if (daemon === undefined) throw new Error("no daemon runs");
    return daemon;
  }

  lastDaemon(): Daemon {
    const daemon = this.#daemons.at(-1);
    if (daemon === undefined) throw new Error("no daemon ran");
    return daemon;
  }

  /** Waits until a container has printed something: what its program does before that is done. */
  async printed(container: string, text: string): Promise<void> {
    await until(`${container} to print ${text}`, async () =>
      (await this.rt(["logs", container])).stdout.includes(text),
    );
  }

  /** Waits, without asking a daemon, until no process of a monitor is left. */
  async monitorsEnd(): Promise<void> {
    await until("the monitors to end", async () =>
      [...(await this.namespace.processes()).values()].every((line) => !line.includes("monitor")),
    );
  }

  /** rt's own registry. */
  async registry(): Promise<Registry> {
    return await Registry.startOwn(this, this.nextPort());
  }

  /** Debian's docker-registry. */
  async debianRegistry(options: DebianOptions = {}): Promise<Registry> {
    return await Registry.startDebian(this, this.nextPort(), options);
  }

  nextPort(): number {
    this.#ports += 1;
    return this.#ports;
  }

  /** Ends all daemons after removing their containers, then everything; throws if something is left. */
  async end(graceMs = 5000): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const problems: string[] = [];
    try {
      for (const daemon of this.#daemons) {
        if (daemon.alive) await daemon.removeContainers();
      }
      for (const daemon of this.#daemons) {
        if (!daemon.alive) continue;
        const code = await daemon.stop();
        if (code !== 0) problems.push(`the daemon exited with ${code}: ${await daemon.log()}`);
      }
      problems.push(...(await this.#findLeaks(graceMs)));
    } finally {
      await this.namespace.end();
      await until("the cgroups to be empty", async () => {
        await removeCgroups(this.#cgroups);
        return (await listBelow(this.#cgroups)).length === 0;
      }).catch((error) => problems.push(String(error)));
      await rm(this.root, { recursive: true, force: true });
    }
    if (problems.length > 0) throw new Error(`${testFile()} left behind:\n${problems.join("\n")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** What should not be there once containers and daemons are gone; short delays are granted. */
  async #findLeaks(graceMs: number): Promise<string[]> {
    let leaks: string[] = [];
    await until(
      "everything to be gone",
      async () => {
        leaks = await this.#listLeaks();
        return leaks.length === 0;
      },
      graceMs,
    ).catch(() => undefined);
    return leaks;
  }

  async #listLeaks(): Promise<string[]> {
    // Only what belongs to rt: registries, relays and helpers of the test itself still run.
    const processes = [...(await this.namespace.processes())].filter(([, line]) =>
      /\brt daemon\b|monitor|^\[|\brt-/.test(line.replaceAll(this.root, "")),
    );
    const mounts = await this.namespace.mounts();
    const links = await this.namespace.links();
    const temporary = await readdir(join(this.root, "tmp"));
    const running = await readdir(join(this.root, "run"), { recursive: true }).catch(() => []);
    return [
      ...processes.map(([pid, line]) => `process ${pid}: ${line}`),
      ...mounts
        .filter((each) => !this.#before.mounts.includes(each))
        .map((each) => `mount ${each}`),
      // The bridge outlives the daemon on purpose, as its containers do.
      ...links
        .filter((each) => !this.#before.links.includes(each) && !each.startsWith("rt0"))
        .map((each) => `interface ${each}`),
      // Where containers begin and the daemon stands; the next daemon finds them again.
      ...(await listBelow(this.#cgroups))
        .filter((each) => !/\/rt-(containers|daemon)(\/|$)/.test(each))
        .map((each) => `cgroup ${each}`),
      ...temporary.map((each) => `temporary file ${each}`),
      ...running.filter((each) => each.includes("monitor")).map((each) => `run file ${each}`),
    ];
  }
}
