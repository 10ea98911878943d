import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerPaths } from "../../containers/paths.ts";
import type { Entry } from "../../containers/table.ts";
import type { Network } from "../network.ts";
import type { Endpoints } from "../services.ts";
import { NameService } from "./service.ts";

const back = { id: "b".repeat(64), name: "back", internal: false, pools: [] };
const bridge = { ...back, id: "a".repeat(64), name: "bridge" };

let root: string;
let entries: Entry[];
let service: NameService;
/** How often a monitor was asked to resolve. */
let asked: number;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "rt-names-"));
  await mkdir(join(root, "c"));
  entries = [];
  asked = 0;
  const networks = [back, bridge] as unknown as Network[];
  const find = (name: string) => networks.find((each) => each.name === name || each.id === name);
  service = new NameService({
    networks: { find, get: (name) => find(name) as Network },
    table: {
      all: () => entries,
      find: (id) => entries.find(({ container }) => container.id === id),
    },
    runRoot: root,
    pathsOf: (id) => containerPaths(root, root, id),
    ...{ hostGateways: [], defaults: { servers: ["10.0.0.53"], search: [], options: [] } },
    log: { warn: Object.assign(() => {}, { raw: () => {} }) },
  });
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

function placeIn(network: { id: string; name: string }, address: string): Endpoints {
  const endpoint = { networkId: network.id, address, address6: "", gateway: "10.0.0.1" };
  const more = { gateway6: "", isGateway: { ipv4: true, ipv6: false } };
  return { [network.name]: { ...endpoint, ...more } } as unknown as Endpoints;
}

async function add(name: string, endpoints: Endpoints): Promise<Entry> {
  const resolve = async (): Promise<void> => {
    asked += 1;
  };
  const entry = {
    container: {
      ...{ id: name.padEnd(64, "0"), name, config: {}, hostConfig: {} },
      attachments: { back: { aliases: [`${name}-alias`], links: [] } },
    },
    state: { status: "running", endpoints, startedAt: new Date().toISOString() },
    monitor: { resolve },
  } as unknown as Entry;
  entries.push(entry);
  const paths = containerPaths(root, root, entry.container.id);
  for (const path of [paths.data, paths.run]) await mkdir(path, { recursive: true });
  const { hosts, resolvConf } = await service.forStart(entry.container, endpoints);
  await Bun.write(paths.hosts, hosts);
  await Bun.write(paths.resolvConf, resolvConf);
  return entry;
}

const networkFile = () => Bun.file(join(root, "networks", back.id)).text();

describe("update", () => {
  test("writes who is in a network, once for all who ask meanwhile", async () => {
    const web = await add("web", placeIn(back, "10.0.0.2"));
    const first = service.update(back.id);
    expect(service.update(back.id)).toBe(first);
    await first;
    expect(await networkFile()).toBe("rt-names 1\n10.0.0.2 - web web-alias web000000000\n");
    await add("db", placeIn(back, "10.0.0.3"));
    web.container = { ...web.container, name: "site" };
    await service.update(back.id);
    expect(await networkFile()).toBe(
      "rt-names 1\n10.0.0.2 - site web-alias web000000000\n10.0.0.3 - db db-alias db0000000000\n",
    );
  });

  test("of a network without containers nothing is left", async () => {
    await add("web", placeIn(back, "10.0.0.2"));
    await service.update(back.id);
    entries = [];
    await service.update(back.id);
    expect(await readdir(join(root, "networks"))).toEqual([]);
  });

  test("a start among a thousand costs little", async () => {
    for (let number = 0; number < 1000; number += 1) {
      const container = { id: `${number}`.padEnd(64, "0"), name: `c${number}`, config: {} };
      entries.push({
        container: { ...container, hostConfig: {}, attachments: {} },
        state: { endpoints: placeIn(back, `10.0.${number >> 8}.${number & 255}`) },
      } as unknown as Entry);
    }
    await service.update(back.id);
    const times: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const start = performance.now();
      await service.update(back.id);
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    console.info(`names of 1,000 containers are written in ${times[10]?.toFixed(2)} ms`);
    expect(times[0] ?? Number.NaN).toBeLessThan(5);
  });
});

describe("moved", () => {
  const paths = (entry: Entry) => containerPaths(root, root, entry.container.id);

  test("gives a container its first resolver", async () => {
    const before = placeIn(bridge, "172.17.0.2");
    const entry = await add("web", before);
    expect(await Bun.file(paths(entry).resolvConf).text()).toContain("nameserver 10.0.0.53\n");
    const endpoints = { ...before, ...placeIn(back, "10.0.0.2") };
    entry.state = { ...entry.state, endpoints, startedAt: soon() };
    await service.moved(entry, before);
    expect(asked).toBe(1);
    expect(await Bun.file(paths(entry).resolvConf).text()).toContain("nameserver 127.0.0.11\n");
    expect(await Bun.file(paths(entry).hosts).text()).toEndWith("10.0.0.2\tweb000000000\n");
    expect(await Bun.file(paths(entry).names).text()).toContain("server 10.0.0.53\noutside\n");
  });

  test("leaves servers as they are where the monitor knows of no resolver", async () => {
    const before = placeIn(bridge, "172.17.0.2");
    const entry = await add("web", before);
    const resolve = async (): Promise<void> => {
      throw new Error("unknown command");
    };
    Object.assign(entry, { monitor: { resolve } });
    const endpoints = { ...before, ...placeIn(back, "10.0.0.2") };
    entry.state = { ...entry.state, endpoints, startedAt: soon() };
    await expect(service.moved(entry, before)).rejects.toThrow("unknown command");
    expect(await Bun.file(paths(entry).resolvConf).text()).toContain("nameserver 10.0.0.53\n");
  });

  test("leaves a resolv.conf that was written to, and a resolver where it is", async () => {
    const before = placeIn(bridge, "172.17.0.2");
    const entry = await add("web", before);
    await utimes(paths(entry).resolvConf, new Date(), new Date(Date.now() + 60_000));
    entry.state = { ...entry.state, endpoints: placeIn(back, "10.0.0.2") };
    await service.moved(entry, before);
    expect(await Bun.file(paths(entry).resolvConf).text()).toContain("nameserver 10.0.0.53\n");
    const after = entry.state.endpoints;
    entry.state = { ...entry.state, endpoints: before };
    await service.moved(entry, after);
    expect(asked).toBe(1);
    const names = await Bun.file(paths(entry).names).text();
    expect(names).toBe("rt-names 1\nserver 10.0.0.53\noutside\n");
    expect(await Bun.file(paths(entry).hosts).text()).toEndWith("172.17.0.2\tweb000000000\n");
  });
});

test("reconcile writes what is there, and removes what is not", async () => {
  await add("web", placeIn(back, "10.0.0.2"));
  await mkdir(join(root, "networks"));
  await Bun.write(join(root, "networks", "c".repeat(64)), "rt-names 1\n");
  await service.reconcile();
  expect(await readdir(join(root, "networks"))).toEqual([back.id]);
  expect(asked).toBe(1);
});

/** A moment by which all that was written before is old. */
function soon(): string {
  return new Date(Date.now() + 1000).toISOString();
}
