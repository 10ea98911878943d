/** What the rows of the table are asked of: for each network a server and a neighbour of it. */
import { type Called, NoAnswer, type Protocol } from "../../support/envoy.ts";
import { type Hosts, worldAddresses } from "../../support/hosts.ts";
import type { Member, Members } from "../../support/members.ts";
import {
  expected,
  type Family,
  type From,
  nameOf,
  type Row,
  type Target,
  type TestedNetwork,
} from "./table.ts";

interface Scene {
  server: Member;
  neighbour: Member;
  gateway: Record<Family, string>;
  /** First of the ports that the server's are published by. */
  base: number;
}

const loopback: Record<Family, string> = { ipv4: "127.0.0.1", ipv6: "::1" };
const wildcard: Record<Family, string> = { ipv4: "0.0.0.0", ipv6: "::" };

const written = (family: Family, address: string): string =>
  family === "ipv4" ? address : `[${address}]`;

/** Every way a server's port 80 is published. */
function portsOf(network: TestedNetwork, base: number, protocols: Protocol[]): string[] {
  return protocols.flatMap((protocol) =>
    network.families.flatMap((family) => [
      `${written(family, wildcard[family])}:${base}:80/${protocol}`,
      `${written(family, worldAddresses[family])}:${base + 1}:80/${protocol}`,
      `${written(family, loopback[family])}:${base + 2}:80/${protocol}`,
    ]),
  );
}

interface NetworkFound {
  IPAM: { Config: { Subnet: string; Gateway?: string }[] };
}

export class Reach {
  readonly #members: Members & { hosts: Hosts };
  readonly #stranger: Member;
  readonly #protocols: Protocol[];
  readonly #scenes = new Map<string, Scene>();

  private constructor(
    members: Members & { hosts: Hosts },
    stranger: Member,
    protocols: Protocol[],
  ) {
    this.#members = members;
    this.#stranger = stranger;
    this.#protocols = protocols;
  }

  static async create(members: Members & { hosts: Hosts }, protocols: Protocol[]): Promise<Reach> {
    await members.network("elsewhere", { ipv6: true });
    return new Reach(
      members,
      await members.member("stranger", { network: "elsewhere" }),
      protocols,
    );
  }

  /** Makes a network and its two containers. */
  async add(network: TestedNetwork): Promise<void> {
    const { name } = network;
    const members = this.#members;
    if (name !== "bridge") await members.network(name, network);
    const base = 8000 + 10 * this.#scenes.size;
    const ports = portsOf(network, base, this.#protocols);
    const server = await members.member(`${name}-server`, { network: name, ports });
    const neighbour = await members.member(`${name}-neighbour`, { network: name });
    for (const protocol of this.#protocols) {
      for (const family of network.families) {
        for (const port of [80, 81]) {
          await server.envoy.serve(name, { address: wildcard[family], port, protocol });
        }
      }
    }
    const found = await members.daemon.json<NetworkFound>(`/networks/${name}`);
    const gateways = found.IPAM.Config.map(({ Gateway = "" }) => Gateway);
    const gateway = {
      ipv4: gateways.find((each) => !each.includes(":")) ?? "",
      ipv6: gateways.find((each) => each.includes(":")) ?? "",
    };
    this.#scenes.set(name, { server, neighbour, gateway, base });
  }

  #scene(row: Row): Scene {
    const scene = this.#scenes.get(row.network.name);
    if (scene === undefined) throw new Error(`${row.network.name} is not there`);
    return scene;
  }

  #where(row: Row): { address: string; port: number } {
    const { server, gateway, base } = this.#scene(row);
    const { family } = row;
    const second = worldAddresses.second[family];
    const places: Record<Target, { address: string; port: number }> = {
      "any by loopback": { address: loopback[family], port: base },
      "any by host": { address: worldAddresses[family], port: base },
      "any by second": { address: second, port: base },
      "any by gateway": { address: gateway[family], port: base },
      "one by host": { address: worldAddresses[family], port: base + 1 },
      "one by second": { address: second, port: base + 1 },
      "loopback by loopback": { address: loopback[family], port: base + 2 },
      "loopback by host": { address: worldAddresses[family], port: base + 2 },
      container: { address: server[family], port: 80 },
      "container unpublished": { address: server[family], port: 81 },
    };
    return places[row.target];
  }

  #caller(row: Row): Pick<Member, "envoy" | "ipv4" | "ipv6"> {
    const { server, neighbour } = this.#scene(row);
    const { hosts } = this.#members;
    const callers: Record<From, Pick<Member, "envoy" | "ipv4" | "ipv6">> = {
      host: { envoy: hosts.world, ...worldAddresses },
      self: server,
      "same network": neighbour,
      "other network": this.#stranger,
      near: hosts.near,
      other: hosts.other,
      far: hosts.far,
    };
    return callers[row.from];
  }

  /** Asks; a sentence if something else came of it than was to. */
  async judge(row: Row): Promise<string | undefined> {
    const outcome = expected(row);
    const caller = this.#caller(row);
    // Silence says no; what is to be heard is waited for on a busy machine too.
    const timeout = outcome === "nothing" ? 400 : 8000;
    const place = this.#where(row);
    const called = await caller.envoy
      .call({ ...place, protocol: row.protocol, timeout })
      .catch((error: unknown) => {
        if (error instanceof NoAnswer) return error.message;
        throw error;
      });
    const wrong = judge(row, outcome, called, caller[row.family]);
    return wrong && `${nameOf(row)} (${place.address} port ${place.port}): ${wrong}`;
  }
}

function judge(
  row: Row,
  outcome: ReturnType<typeof expected>,
  called: Called | string,
  own: string,
): string | undefined {
  if (typeof called === "string") return outcome === "nothing" ? undefined : called;
  if (called.server !== row.network.name) return `reached ${called.server}`;
  if (outcome === "nothing") return `reached as ${called.seen}`;
  return outcome === "own" && called.seen !== own ? `seen as ${called.seen}` : undefined;
}
