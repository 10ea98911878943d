import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../errors.ts";
import type { Log } from "../../../log.ts";
import { type Container, isRunning } from "../../containers/container.ts";
import { type Hostnames, hostnamesOf } from "../../containers/hostnames.ts";
import type { ContainerPaths } from "../../containers/paths.ts";
import type { ContainerTable, Entry } from "../../containers/table.ts";
import { type Endpoint, isUserDefined } from "../network.ts";
import type { Endpoints, NameSource, NetworkSource } from "../services.ts";
import { addRecords, moveRecords, ownRecords, removeRecords } from "./hosts.ts";
import { isUntouchedSince, rewriteInPlace } from "./in-place.ts";
import {
  type LegacyLink,
  linkEnvironment,
  linkRecords,
  linksOf,
  refuseAbsent,
} from "./legacy-links.ts";
import { buildNetworkFile, memberLine, namesIn } from "./name-files.ts";
import { removeFile, replaceFile } from "./replaced-file.ts";
import { type AskedResolver, readHostResolvConf } from "./resolv-conf.ts";
import { addressesOf, buildNameFiles, hasResolver, type NameFacts } from "./start-files.ts";

export interface NameParts {
  networks: NetworkSource;
  table: Pick<ContainerTable, "all" | "find">;
  runRoot: string;
  pathsOf(id: string): ContainerPaths;
  hostGateways: readonly string[];
  defaults: AskedResolver;
  log: Pick<Log, "warn">;
}

/** What a start needs about names. */
export interface StartNames {
  hosts: string;
  resolvConf: string;
  /** What the container's resolver reads; null: it has none. */
  resolver: string | null;
  /** Variables that tell of the containers it is linked to. */
  environment: string[];
}

/** Keeps the files that containers and their resolvers know names from; the resolvers are in the monitors. */
export class NameService implements NameSource {
  readonly #parts: NameParts;
  readonly #directory: string;
  /** For each network the write under way, and the one that is to begin behind it. */
  readonly #writing = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #lines = new WeakMap<Endpoint, { container: Container; line: string }>();

  constructor(parts: NameParts) {
    this.#parts = parts;
    this.#directory = join(parts.runRoot, "networks");
  }

  /** Writes who is in a network now. Those who ask while a write is under way share the next one. */
  update(networkId: string): Promise<void> {
    const waiting = this.#waiting.get(networkId);
    if (waiting !== undefined) return waiting;
    const before = this.#writing.get(networkId);
    const write = async (): Promise<void> => {
      await before?.catch(() => {});
      this.#waiting.delete(networkId);
      this.#writing.set(networkId, turn);
      try {
        await this.#write(networkId);
      } finally {
        if (this.#writing.get(networkId) === turn) this.#writing.delete(networkId);
      }
    };
    const turn: Promise<void> = Promise.resolve().then(write);
    this.#waiting.set(networkId, turn);
    return turn;
  }

  /** The files of a container that is about to start in these places. */
  async forStart(container: Container, endpoints: Endpoints): Promise<StartNames> {
    const links = this.#linksOf(container);
    refuseAbsent(container, links);
    const files = buildNameFiles(await this.#factsOf(container, endpoints));
    return { ...files, environment: linkEnvironment(container, links) };
  }

  /** A container that runs has been connected or disconnected; `before` is where it was. */
  async moved(entry: Entry, before: Endpoints): Promise<void> {
    const { container, state } = entry;
    const paths = this.#parts.pathsOf(container.id);
    const addresses = [addressesOf(before), addressesOf(state.endpoints)] as const;
    await moveHosts(paths.hosts, hostnamesOf(container), ...addresses);
    // Once there it stays, and is asked for other names too.
    const isThere = hasResolver(before) || (await Bun.file(paths.names).exists());
    const facts = await this.#factsOf(container, state.endpoints, isThere);
    const { resolver, resolvConf } = buildNameFiles(facts);
    if (resolver !== null) replaceFile(paths.names, resolver);
    if (!hasResolver(state.endpoints) || hasResolver(before)) return;
    await entry.monitor?.resolve();
    if (await isUntouchedSince(paths.resolvConf, state.startedAt))
      await rewriteInPlace(paths.resolvConf, () => resolvConf);
  }

  /** After a daemon restart: all files as they should be, and no others. */
  async reconcile(): Promise<void> {
    const entries = this.#parts.table.all();
    const ids = new Set<string>();
    for (const { state } of entries)
      for (const { networkId } of Object.values(state.endpoints)) ids.add(networkId);
    await this.#sweep(ids);
    await Promise.all([...ids].map((id) => this.#tell(`names of ${id}`, this.update(id))));
    const named = entries.filter(({ state, monitor }) => monitor && hasResolver(state.endpoints));
    await Promise.all(
      named.map((entry) => this.#tell(`names in ${entry.container.name}`, this.#resume(entry))),
    );
  }

  async #resume({ container, state, monitor }: Entry): Promise<void> {
    const { resolver } = buildNameFiles(await this.#factsOf(container, state.endpoints));
    if (resolver !== null) replaceFile(this.#parts.pathsOf(container.id).names, resolver);
    await monitor?.resolve();
  }

  async #sweep(kept: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => []))
      if (!kept.has(name)) removeFile(join(this.#directory, name));
  }

  async #tell(what: string, work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => this.#parts.log.warn(`${what}: ${messageOf(error)}`));
  }

  async #write(networkId: string): Promise<void> {
    const name = this.#parts.networks.find(networkId)?.name;
    if (name !== undefined && !isUserDefined(name)) return await this.#moveLinked();
    const path = join(this.#directory, networkId);
    const lines = this.#membersOf(networkId);
    if (lines.length > 0) replaceFile(path, buildNetworkFile(lines));
    else removeFile(path);
  }

  /** Containers that are linked to others have their addresses in /etc/hosts. */
  async #moveLinked(): Promise<void> {
    for (const { container, state } of this.#parts.table.all()) {
      if ((container.hostConfig.Links ?? []).length === 0 || !isRunning(state)) continue;
      const records = linkRecords(this.#linksOf(container));
      const { hosts } = this.#parts.pathsOf(container.id);
      await rewriteInPlace(hosts, (text) => moveRecords(text, records));
    }
  }

  #linksOf(container: Container): LegacyLink[] {
    return linksOf(container, (id) => this.#parts.table.find(id));
  }

  #membersOf(networkId: string): string[] {
    const lines: string[] = [];
    for (const { container, state } of this.#parts.table.all()) {
      for (const [network, endpoint] of Object.entries(state.endpoints)) {
        if (endpoint.networkId === networkId && isUserDefined(network))
          lines.push(this.#lineOf(container, network, endpoint));
      }
    }
    return lines;
  }

  /** Made once for each place: there may be a thousand of them at every start. */
  #lineOf(container: Container, network: string, endpoint: Endpoint): string {
    const known = this.#lines.get(endpoint);
    if (known?.container === container) return known.line;
    const names = namesIn(container, container.attachments[network]?.aliases ?? []);
    const line = memberLine(endpoint, names);
    this.#lines.set(endpoint, { container, line });
    return line;
  }

  async #factsOf(container: Container, endpoints: Endpoints, isThere = false): Promise<NameFacts> {
    const { networks, hostGateways, defaults } = this.#parts;
    const isHosts = container.hostConfig.NetworkMode === "host";
    return {
      ...{ container, ...hostnamesOf(container), endpoints, hostGateways, defaults },
      links: linkRecords(this.#linksOf(container)),
      hasResolver: isThere || hasResolver(endpoints),
      defaultBridge: networks.find("bridge"),
      networks: Object.keys(endpoints).flatMap((name) => networks.find(name) ?? []),
      resolvConf: readHostResolvConf(),
      hosts: isHosts ? await readFile("/etc/hosts", "utf8").catch(() => "") : "",
      pathOf: (id) => join(this.#directory, id),
    };
  }
}

/** Lines for addresses that came and went; all others are the user's. */
async function moveHosts(
  path: string,
  { hostname, domainname }: Hostnames,
  before: string[],
  after: string[],
): Promise<void> {
  const gone = before.filter((address) => !after.includes(address));
  const added = after.filter((address) => !before.includes(address));
  await rewriteInPlace(path, (text) => {
    const left = removeRecords(text, ownRecords(hostname, domainname, gone));
    return addRecords(left, ownRecords(hostname, domainname, added));
  });
}
