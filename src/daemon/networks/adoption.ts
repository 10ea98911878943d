import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Entry } from "../containers/table.ts";
import { bridgeNameOf } from "./bridge-plan.ts";
import { type FirewallFinder, warnOfFirewalls } from "./firewalls.ts";
import { readInterfaces } from "./interfaces.ts";
import { isUserDefined, type Network } from "./network.ts";
import type { Publisher } from "./ports/publisher.ts";

export interface AdoptionParts {
  networks: { list(): Network[] };
  hosting: {
    adopt(networks: Network[], published: Awaited<ReturnType<Publisher["resume"]>>): Promise<void>;
  };
  ports: Pick<Publisher, "resume">;
  native: FirewallFinder;
  log: Pick<Log, "error" | "warn">;
}

/**
 * After a daemon restart: what runs keeps its ports, and the rules are put as they should be, in one step that no
 * connection notices. Before anything is started, for a start writes the rules that this daemon knows.
 */
export async function adoptNetworks(parts: AdoptionParts, running: Entry[]): Promise<void> {
  const interfaces = new Set(await readInterfaces());
  const used = new Set(running.flatMap(({ state }) => Object.keys(state.endpoints)));
  // The default bridge comes with its first container; one that stands there was left, and its rules too.
  const isOnHost = (network: Network): boolean =>
    isUserDefined(network.name) || used.has(network.name) || interfaces.has(bridgeNameOf(network));
  const networks = parts.networks
    .list()
    .filter(({ driver, configOnly }) => driver === "bridge" && !configOnly)
    .filter(isOnHost);
  if (networks.length === 0) return;
  try {
    await parts.hosting.adopt(networks, await parts.ports.resume(running));
    for (const warning of await warnOfFirewalls(parts.native, networks)) parts.log.warn(warning);
  } catch (error) {
    parts.log.error(`take over networks and published ports: ${messageOf(error)}`);
  }
}
