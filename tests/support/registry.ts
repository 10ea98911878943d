/** Real registries inside a world: rt's own and Debian's, with the ways to log in. */
import { mkdir, writeFile } from "node:fs/promises";
import { type Image, pushImage } from "../../scripts/image.ts";
import type { Running } from "./process.ts";
import { TokenServer } from "./token-server.ts";
import { until } from "./until.ts";
import { rtPath, type World } from "./world.ts";

export interface DebianOptions {
  auth?: "basic" | "bearer";
}

export const login = { username: "alice", password: "correct horse" } as const;

export class Registry {
  /** "127.0.0.1:5001", as image names have it. */
  readonly host: string;
  /** Reaches the registry from outside the world. */
  readonly socket: string;
  readonly root: string;
  readonly tokens: TokenServer | undefined;
  readonly #auth: DebianOptions["auth"];
  #server: Running;
  readonly #world: World;

  private constructor(
    world: World,
    place: { host: string; socket: string; root: string },
    server: Running,
    auth: DebianOptions["auth"],
    tokens?: TokenServer,
  ) {
    this.#world = world;
    this.host = place.host;
    this.socket = place.socket;
    this.root = place.root;
    this.#server = server;
    this.#auth = auth;
    this.tokens = tokens;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  static async startOwn(world: World, port: number): Promise<Registry> {
    const host = `127.0.0.1:${port}`;
    const root = world.path(`registry-${port}`);
    const server = spawnOwn(world, { host, root });
    return await Registry.#reach(world, { host, root, port }, server, undefined);
  }

  /** Starts rt's own again where it was, after `stop`. */
  async restart(): Promise<Registry> {
    this.#server = spawnOwn(this.#world, this);
    await this.#answers();
    return this;
  }

  static async startDebian(world: World, port: number, options: DebianOptions): Promise<Registry> {
    const host = `127.0.0.1:${port}`;
    const root = world.path(`registry-${port}`);
    await mkdir(root);
    const tokens = options.auth === "bearer" ? await TokenServer.start(world, root) : undefined;
    const auth = tokens?.config ?? (options.auth === "basic" ? await basicConfig(root) : undefined);
    const config = {
      version: "0.1",
      log: { level: "warn" },
      storage: { filesystem: { rootdirectory: root }, delete: { enabled: true } },
      http: { addr: host, secret: "of this test" },
      ...(auth === undefined ? {} : { auth }),
    };
    // JSON is YAML.
    await writeFile(`${root}/config.yml`, JSON.stringify(config));
    const command = ["docker-registry", "serve", `${root}/config.yml`];
    const server = world.spawn(command, { timeoutMs: 2 ** 31 - 1 });
    return await Registry.#reach(world, { host, root, port }, server, options.auth, tokens);
  }

  static async #reach(
    world: World,
    place: { host: string; root: string; port: number },
    server: Running,
    auth: DebianOptions["auth"],
    tokens?: TokenServer,
  ): Promise<Registry> {
    const socket = world.path(`registry-${place.port}.sock`);
    await relay(world, `unix:${socket}`, `tcp:${place.host}`);
    const registry = new Registry(world, { ...place, socket }, server, auth, tokens);
    await registry.#answers();
    return registry;
  }

  async #answers(): Promise<void> {
    await until("the registry to answer", async () => {
      if (this.#server.ended) throw new Error(`the registry ended: ${this.#server.stderr}`);
      const reply = await this.request("/v2/").catch(() => undefined);
      return reply !== undefined && (reply.status === 200 || reply.status === 401);
    });
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(`${this.url}${path}`, { redirect: "manual", ...init, unix: this.socket });
  }

  /** `name` is "library/busybox:latest" or "library/busybox@sha256:…". */
  async push(name: string, image: Image): Promise<void> {
    const at = name.includes("@") ? name.indexOf("@") : name.lastIndexOf(":");
    const repository = name.slice(0, at);
    const authorization = this.#authorize(repository);
    const destination = { registry: this.url, repository, reference: name.slice(at + 1) };
    await pushImage(
      { ...destination, socket: this.socket, ...(authorization ? { authorization } : {}) },
      image,
    );
  }

  async stop(): Promise<void> {
    process.kill(await this.#world.innerPid(this.#server), "SIGKILL");
    await this.#server.finished();
  }

  #authorize(repository: string): string | undefined {
    if (this.#auth === "basic") return `Basic ${btoa(`${login.username}:${login.password}`)}`;
    const token = this.tokens?.sign(login.username, [
      { type: "repository", name: repository, actions: ["pull", "push"] },
    ]);
    return token === undefined ? undefined : `Bearer ${token}`;
  }
}

function spawnOwn(world: World, { host, root }: { host: string; root: string }): Running {
  const command = [rtPath, "registry", "--root", root, "--listen", host];
  return world.spawn(command, { timeoutMs: 2 ** 31 - 1 });
}

/** Carries connections between an address in the world and one outside; see relay.ts. */
export async function relay(world: World, listen: string, target: string): Promise<void> {
  const program = `${import.meta.dir}/relay.ts`;
  const running = world.spawn([process.execPath, program, listen, target], {
    timeoutMs: 2 ** 31 - 1,
  });
  await running.prints("ready");
}

async function basicConfig(root: string): Promise<object> {
  const hash = await Bun.password.hash(login.password, { algorithm: "bcrypt", cost: 4 });
  await writeFile(`${root}/htpasswd`, `${login.username}:${hash}\n`);
  return { htpasswd: { realm: "rt test", path: `${root}/htpasswd` } };
}
