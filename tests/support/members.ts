/** Networks, containers in them and machines around, made by the engine's API and asked by envoys. */
import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { buildImage } from "../../scripts/image.ts";
import type { Daemon, DaemonOptions } from "./daemon.ts";
import { Envoy } from "./envoy.ts";
import { createHosts, type Hosts } from "./hosts.ts";
import { buildBusybox } from "./images.ts";
import { probePath } from "./probe.ts";
import { World } from "./world.ts";

export interface Place {
  ipv4: string;
  ipv6: string;
}

export interface Member extends Place {
  id: string;
  name: string;
  /** Of its first process, in the world. */
  pid: number;
  envoy: Envoy;
}

export interface NetworkWish {
  subnets?: string[];
  driver?: string;
  ipv4?: boolean;
  ipv6?: boolean;
  internal?: boolean;
  options?: Record<string, string>;
}

export interface MemberWish {
  network?: string;
  /** As `-p` has them: "127.0.0.1:8080:80/tcp". */
  ports?: string[];
  image?: string;
  command?: string[];
  host?: Record<string, unknown>;
  config?: Record<string, unknown>;
}

interface Inspected {
  State: { Pid: number };
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string; GlobalIPv6Address: string }>;
  };
}

/** "[::1]:8080:80/udp" as the API has it. */
function bindingOf(port: string): [string, { HostIp: string; HostPort: string }] {
  const parts = /^(?:(?:\[([^\]]*)\]|([^:]*)):)?(\d*):(\d+)(?:\/(\w+))?$/.exec(port);
  if (parts === null) throw new Error(`no port: ${port}`);
  const [, ipv6, ipv4, HostPort = "", inside, protocol = "tcp"] = parts;
  return [`${inside}/${protocol}`, { HostIp: ipv6 ?? ipv4 ?? "", HostPort }];
}

export class Members {
  readonly world: World;
  /** By the container's id. */
  readonly #envoys = new Map<string, Envoy>();

  private constructor(world: World) {
    this.world = world;
  }

  /** A world whose daemon has the images "probe", which waits, and "busybox". */
  static async create(options: DaemonOptions = {}): Promise<Members> {
    const world = await World.create();
    try {
      const content = await Bun.file(probePath).bytes();
      const config = { Entrypoint: ["/probe"], Cmd: ["wait"] };
      const registry = await world.registry();
      const probe = buildImage({ layers: [[{ name: "probe", content }]], config });
      await registry.push("library/probe:latest", probe);
      await registry.push("library/busybox:latest", await buildBusybox());
      await world.daemon({ mirrors: [registry.url], ...options });
      for (const name of ["probe", "busybox"]) await world.rtOutput(["pull", "-q", name]);
      return new Members(world);
    } catch (error) {
      await world.end().catch(() => undefined);
      throw error;
    }
  }

  /** The daemon that runs now. */
  get daemon(): Daemon {
    return this.world.daemonAlive();
  }

  /** The one that runs now, or ran last. */
  get lastDaemon(): Daemon {
    return this.world.lastDaemon();
  }

  async #ask<T>(path: string, body?: unknown): Promise<T> {
    const reply = await this.daemon.post(path, body);
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}: ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Creates a network; its id. */
  async network(name: string, wish: NetworkWish = {}): Promise<string> {
    const { Id } = await this.#ask<{ Id: string }>("/networks/create", {
      Name: name,
      Driver: wish.driver ?? "bridge",
      EnableIPv4: wish.ipv4 ?? true,
      EnableIPv6: wish.ipv6 ?? false,
      Internal: wish.internal ?? false,
      Options: wish.options ?? {},
      ...(wish.subnets === undefined
        ? {}
        : { IPAM: { Config: wish.subnets.map((Subnet) => ({ Subnet })) } }),
    });
    return Id;
  }

  /** Creates and starts a container; its id. */
  async start(name: string, wish: MemberWish = {}): Promise<string> {
    const bindings: Record<string, object[]> = {};
    for (const [inside, binding] of (wish.ports ?? []).map(bindingOf)) {
      bindings[inside] = [...(bindings[inside] ?? []), binding];
    }
    const exposed = Object.fromEntries(Object.keys(bindings).map((inside) => [inside, {}]));
    const { Id } = await this.#ask<{ Id: string }>(`/containers/create?name=${name}`, {
      Image: wish.image ?? "probe",
      ...(wish.command === undefined ? {} : { Cmd: wish.command }),
      ExposedPorts: exposed,
      HostConfig: {
        NetworkMode: wish.network ?? "bridge",
        PortBindings: bindings,
        ...wish.host,
      },
      ...wish.config,
    });
    await this.#ask(`/containers/${Id}/start`);
    return Id;
  }

  /** A running container with an envoy in its network. */
  async member(name: string, wish: MemberWish = {}): Promise<Member> {
    const id = await this.start(name, wish);
    const found = await this.daemon.json<Inspected>(`/containers/${id}/json`);
    const place = found.NetworkSettings.Networks[wish.network ?? "bridge"];
    const envoy = Envoy.in(this.world, found.State.Pid);
    this.#envoys.set(id, envoy);
    return {
      ...{ id, name, envoy, pid: found.State.Pid },
      ipv4: place?.IPAddress ?? "",
      ipv6: place?.GlobalIPv6Address ?? "",
    };
  }

  async connect(network: string, container: string): Promise<void> {
    await this.#ask(`/networks/${network}/connect`, { Container: container });
  }

  async disconnect(network: string, container: string): Promise<void> {
    await this.#ask(`/networks/${network}/disconnect`, { Container: container });
  }

  /** Removes a container. Its envoy ends first, which would keep its network alive. */
  async remove(id: string): Promise<void> {
    this.#envoys.get(id)?.end();
    this.#envoys.delete(id);
    await this.daemon.request(`/containers/${id}?force=true`, { method: "DELETE" });
  }

  /** Removes all containers and networks, and ends their envoys. */
  async clear(): Promise<void> {
    for (const envoy of this.#envoys.values()) envoy.end();
    this.#envoys.clear();
    await this.daemon.removeContainers();
    await this.#ask("/networks/prune");
  }

  async end(): Promise<void> {
    if (this.world.hasDaemon) await this.clear();
    await this.world.end();
  }
}

/** Sets members up for the tests of the calling file, with machines around them if asked for. */
export function useMembers(options: DaemonOptions = {}): () => Members & { hosts: Hosts } {
  setDefaultTimeout(120_000);
  let members: (Members & { hosts: Hosts }) | undefined;
  beforeAll(async () => {
    const made = await Members.create(options);
    members = Object.assign(made, { hosts: await createHosts(made.world) });
  });
  afterAll(async () => {
    await members?.hosts[Symbol.asyncDispose]();
    await members?.end();
  });
  return () => {
    if (members === undefined) throw new Error("the members are not there");
    return members;
  };
}
