import type { Database } from "bun:sqlite";
import type { Log } from "../../log.ts";
import type { Native } from "../../native-types/native.ts";
import { nowRfc3339 } from "../containers/container.ts";
import { newId } from "../containers/names.ts";
import type { ContainerTable } from "../containers/table.ts";
import type { EventBus } from "../events/bus.ts";
import { LeaseStore } from "../store/lease-store.ts";
import { NetworkStore } from "../store/network-store.ts";
import type { SettingStore } from "../store/setting-store.ts";
import { NetworkCatalog } from "./catalog.ts";
import { buildDefaultOptions } from "./default-bridge.ts";
import { NetworkHosting } from "./hosting.ts";
import { hasInterface } from "./interfaces.ts";
import { AddressBook } from "./ipam/book.ts";
import { choosePools } from "./ipam/default-pools.ts";
import { reservedByRoutes, reservedByServers } from "./ipam/reserved.ts";
import { membersOf, wiresOf } from "./members.ts";
import { readHostResolvConf } from "./names/resolv-conf.ts";
import type { NetworkConfig } from "./settings.ts";

export interface NetworkSettings {
  /** Interface of the default bridge and table of our nftables rules. */
  bridgeName: string;
  tableName: string;
  networks: NetworkConfig;
}

export interface NetworkFoundations {
  database: Database;
  native: Native;
  settings: SettingStore;
  table: ContainerTable;
  events: EventBus;
  log: Log;
  config: NetworkSettings;
}

/** The catalog of networks, which is still to be opened, with its addresses and bridges. */
export interface Networks {
  catalog: NetworkCatalog;
  book: AddressBook;
  hosting: NetworkHosting;
}

export function createNetworks(parts: NetworkFoundations): Networks {
  const { database, native, settings, table, events, log, config } = parts;
  const { forwarding, publishPolicy } = config.networks;
  native.configureRules({ table: config.tableName, policy: publishPolicy, forwarding });
  const book = new AddressBook(new LeaseStore(database));
  const hosting = new NetworkHosting({
    ...{ native, hasInterface },
    wiresOf: ({ id }) => wiresOf(table.all(), id),
  });
  const { networks, bridgeName } = config;
  const engineId = settings.ensure("engine.id", newId);
  const catalog = new NetworkCatalog({
    ...{ book, hosting, events, log, newId, now: nowRfc3339 },
    reserved: async () => [
      ...reservedByRoutes(await native.listRoutes()),
      ...reservedByServers((await readHostResolvConf()).text),
    ],
    store: new NetworkStore(database),
    defaultPools: choosePools(networks.defaultPools, engineId),
    defaultOptions: networks.defaultOptions,
    defaultBridge: {
      options: buildDefaultOptions(bridgeName, networks),
      ipv6: networks.ipv6,
      addresses: { 4: networks.addresses4, 6: networks.addresses6 },
      formerAddress: settings.find("network.bridge.address") ?? null,
    },
    idOf: (name) => settings.ensure(`network.${name}.id`, newId),
    membersOf: (network) => membersOf(table.all(), network.id),
  });
  return { catalog, book, hosting };
}
