/** kill -9 of the daemon while anything is asked of networks: what the next one finds is what it says, and all goes away. */
import { afterEach, expect, test } from "bun:test";
import { Random } from "../support/api/random.ts";
import { on, usePlaces } from "../support/places.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const { call, settings, connect, disconnect, inside, wires, clear } = usePlaces(stage);

afterEach(clear);

const rounds = 10;
const networks = ["cr-a", "cr-b", "cr-c"];
const containers = ["one", "two", "three"];
const sleeping = { Image: "busybox", Cmd: ["sleep", "1000"] };

/** What Docker answers by 500 of what cannot be asked now. */
const sentence =
  /is not connected to (the )?network cr-.$|is marked for removal and cannot be connected or disconnected|is not running$/;

interface Listed {
  Id: string;
  Name: string;
  Driver: string;
}

const lines = async (...command: string[]): Promise<string[]> => {
  const { stdout } = await stage().world.run(command);
  return stdout.split("\n").filter((line) => line !== "");
};

function create(random: Random) {
  const at = random.below(containers.length);
  const PortBindings = { [`80/${random.pick(["tcp", "udp"])}`]: [{ HostPort: `${8060 + at}` }] };
  const net = on(random.pick(networks));
  const HostConfig = { ...net.HostConfig, PortBindings };
  return call("POST", `/containers/create?name=${containers[at]}`, { ...sleeping, HostConfig });
}

function ask(random: Random) {
  const [container, net] = [random.pick(containers), random.pick(networks)];
  const chance = random.below(100);
  if (chance < 15) return call("POST", "/networks/create", { Name: net, EnableIPv6: chance < 7 });
  if (chance < 25) return create(random);
  if (chance < 40) return call("POST", `/containers/${container}/start`);
  if (chance < 60)
    return connect(net, container, { EndpointConfig: { GwPriority: random.below(3) } });
  if (chance < 78) return disconnect(net, container);
  if (chance < 84) return call("DELETE", `/networks/${net}`);
  if (chance < 88) return call("POST", "/networks/prune");
  if (chance < 94) return call("POST", `/containers/${container}/stop?t=0`);
  return call("DELETE", `/containers/${container}?force=true`);
}

/** Interfaces that we have made as bridges. */
async function bridges(): Promise<Set<string>> {
  const shown = await lines("ip", "-o", "link", "show", "type", "bridge");
  return new Set(shown.map((line) => /^\d+: ([^:]+):/.exec(line)?.[1] ?? ""));
}

/** Numbers of the host that our rules lead from. */
async function led(): Promise<Set<string>> {
  const ruleset = (await lines("nft", "list", "ruleset")).join("\n");
  const map = /map any4 \{[^}]*?elements = \{([^}]*)\}/s.exec(ruleset)?.[1] ?? "";
  const found = [...map.matchAll(/(tcp|udp) \. (\d+)/g)];
  return new Set(found.map(([, protocol, port]) => `${port}/${protocol}`));
}

interface Place {
  IPAddress: string;
}

/** A container that runs is where it is said to be: how many places that are, and the ports that it publishes. */
async function expectPlaces(id: string): Promise<{ places: number; ports: string[] }> {
  const { Networks: recorded, Ports: published } = await settings(id);
  const shown = await inside(id, "ip", "-o", "-4", "addr", "show", "scope", "global");
  const found = [...shown.matchAll(/inet ([\d.]+)\//g)].map(([, address]) => address);
  const expected = Object.values<Place>(recorded).map(({ IPAddress }) => IPAddress);
  expect(new Set(found)).toEqual(new Set(expected));
  const ways = (await inside(id, "ip", "route")).match(/^default/gm) ?? [];
  expect(ways).toHaveLength(expected.length > 0 ? 1 : 0);
  const ports = Object.entries<{ HostIp: string; HostPort: string }[] | null>(published);
  return {
    places: expected.length,
    ports: ports.flatMap(([port, bindings]) =>
      (bindings ?? [])
        .filter(({ HostIp }) => HostIp === "0.0.0.0")
        .map(({ HostPort }) => `${HostPort}/${port.split("/")[1]}`),
    ),
  };
}

/** Of all networks; answers how many ports are published. */
async function expectTrue(): Promise<number> {
  const daemon = stage().world.daemonAlive();
  const listed = await daemon.json<Listed[]>("/networks");
  const own = listed.filter(({ Name }) => Name.startsWith("cr-"));
  const wanted = new Set(own.map(({ Id }) => `br-${Id.slice(0, 12)}`));
  // They come behind the daemon's first answers.
  const areThere = async () => Bun.deepEquals(await bridges(), wanted);
  await until("the bridges of all networks", areThere).catch(() => undefined);
  expect(await bridges()).toEqual(wanted);
  let places = 0;
  const ports: string[] = [];
  for (const { Id } of await daemon.json<{ Id: string }[]>("/containers/json")) {
    const container = await expectPlaces(Id);
    places += container.places;
    ports.push(...container.ports);
  }
  // Those of containers that have ended go in the kernel's own time.
  const areAlone = async () => (await wires()).length === places;
  await until("no other wires", areAlone).catch(() => undefined);
  expect(await wires()).toHaveLength(places);
  expect(await led()).toEqual(new Set(ports));
  return ports.length;
}

test("a daemon that is killed amid random requests leaves what the next one says, and all of it can go", async () => {
  const { world } = stage();
  const random = new Random(77);
  let cut = 0;
  let published = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of networks) await call("POST", "/networks/create", { Name: name });
    for (const _ of containers) await create(random);
    for (const name of containers) await call("POST", `/containers/${name}/start`);
    const enough = Promise.withResolvers<void>();
    let left = 1 + random.below(20);
    const asked = Array.from({ length: 40 }, async () => {
      const answer = await ask(random).catch(() => undefined);
      left -= 1;
      if (left === 0) enough.resolve();
      return answer;
    });
    await enough.promise;
    await world.daemonAlive().kill();
    const answers = await Promise.all(asked);
    cut += answers.filter((answer) => answer === undefined).length;
    for (const answer of answers)
      if ((answer?.status ?? 0) >= 500) expect(answer?.body.message).toMatch(sentence);
    await world.daemon();
    published += await expectTrue();
  }
  expect(published).toBeGreaterThan(0);
  expect(cut).toBeGreaterThan(rounds);
  await world.daemonAlive().removeContainers();
  for (const { Name } of await world.daemonAlive().json<Listed[]>("/networks"))
    if (Name.startsWith("cr-"))
      expect(await call("DELETE", `/networks/${Name}`)).toMatchObject({ status: 204 });
  await expectTrue();
}, 120_000);
