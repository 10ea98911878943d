import { expect, test } from "bun:test";
import type { NetworkInspect } from "../../src/api/networks.ts";
import type { EventMessage } from "../../src/api/types.ts";
import type { Daemon } from "../support/daemon.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
/** The stage's daemon, or the one that came after it. */
let later: Daemon | undefined;
const daemon = (): Daemon => later ?? stage().daemon;

const create = (body: Record<string, unknown>): Promise<Response> =>
  daemon().post("/networks/create", body);
const remove = (name: string): Promise<Response> =>
  daemon().request(`/networks/${name}`, { method: "DELETE" });
const list = (): Promise<NetworkInspect[]> => daemon().json("/networks");

async function bridges(): Promise<string[]> {
  const shown = await stage()
    .world.spawn(["ip", "-o", "link", "show", "type", "bridge"])
    .finished();
  return [...shown.stdout.matchAll(/^\d+: ([^:@]+)/gm)].map(([, name = ""]) => name);
}

test("events tell of a network's life", async () => {
  const since = Math.floor(Date.now() / 1000);
  await create({ Name: "told" });
  await remove("told");
  await create({ Name: "pruned" });
  await daemon().post("/networks/prune");
  const until = Math.floor(Date.now() / 1000) + 1;
  const filters = encodeURIComponent(JSON.stringify({ type: ["network"] }));
  const reply = await daemon().request(`/events?since=${since}&until=${until}&filters=${filters}`);
  const events = (await reply.text())
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EventMessage);
  expect(events.map(({ Action, Actor }) => [Action, Actor?.Attributes])).toEqual([
    ["create", { name: "told", type: "bridge" }],
    ["destroy", { name: "told", type: "bridge" }],
    ["create", { name: "pruned", type: "bridge" }],
    ["destroy", { name: "pruned", type: "bridge" }],
    ["prune", { reclaimed: "0" }],
  ]);
});

test("networks that are made at once have subnets of their own, and one name is given once", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `many${index}`);
  const replies = await Promise.all([...names, ...names].map((Name) => create({ Name })));
  const statuses = replies.map(({ status }) => status).sort();
  expect(statuses).toEqual([...names.map(() => 201), ...names.map(() => 409)]);
  const made = (await list()).filter(({ Name }) => Name.startsWith("many"));
  const subnets = made.map(({ IPAM }) => IPAM.Config?.[0]?.Subnet);
  expect(new Set(subnets).size).toBe(12);
  await Promise.all(names.map(remove));
  expect(await bridges()).toEqual([]);
});

test("a template is in use while a network is made of it, and is never pruned", async () => {
  await create({
    Name: "template",
    ConfigOnly: true,
    IPAM: { Config: [{ Subnet: "10.50.0.0/24" }] },
  });
  await create({ Name: "copy", ConfigFrom: { Network: "template" } });
  const copy = await daemon().json<NetworkInspect>("/networks/copy");
  expect(copy).toMatchObject({
    ...{ ConfigFrom: { Network: "template" }, Driver: "bridge" },
    IPAM: { Config: [{ Subnet: "10.50.0.0/24", Gateway: "10.50.0.1" }] },
  });
  const refused = await remove("template");
  expect(refused.status).toBe(403);
  expect(await refused.text()).toContain('configuration network \\"template\\" is in use');
  const pruned = await (await daemon().post("/networks/prune")).json();
  expect(pruned).toEqual({ NetworksDeleted: ["copy"] });
  expect((await remove("template")).status).toBe(204);
});

test("the filters of a list are Docker's", async () => {
  await create({ Name: "seen", Labels: { stage: "test" }, Internal: true });
  const names = async (filters: Record<string, string[]>): Promise<string[]> => {
    const query = encodeURIComponent(JSON.stringify(filters));
    const found = await daemon().json<NetworkInspect[]>(`/networks?filters=${query}`);
    return found.map(({ Name }) => Name).sort();
  };
  expect(await names({ type: ["builtin"] })).toEqual(["bridge", "host", "none"]);
  expect(await names({ label: ["stage=test"], driver: ["bridge"] })).toEqual(["seen"]);
  expect(await names({ dangling: ["true"] })).toEqual(["seen"]);
  expect(
    (await daemon().request("/networks?filters=%7B%22color%22%3A%5B%22red%22%5D%7D")).status,
  ).toBe(400);
  await remove("seen");
});

test("a daemon that is killed at any time leaves networks that the next one has whole", async () => {
  const { world, registry } = stage();
  for (const [round, delay] of [0, 3, 8, 15, 25].entries()) {
    const makes = Array.from({ length: 6 }, (_, index) =>
      create({ Name: `r${round}n${index}`, EnableIPv6: index % 2 === 0 }).catch(() => undefined),
    );
    await Bun.sleep(delay);
    await daemon().kill();
    await Promise.all(makes);
    later = await world.daemon({ mirrors: [registry.url] });
    const known = (await list()).filter(({ Name }) => /^r\dn\d$/.test(Name));
    const subnets = known.flatMap(({ IPAM }) => (IPAM.Config ?? []).map(({ Subnet }) => Subnet));
    expect(new Set(subnets).size).toBe(subnets.length);
    for (const { Name } of known) expect((await remove(Name)).status).toBe(204);
    expect(await bridges()).toEqual([]);
  }
});

test("a container's lease outlives the daemon, and ends with the container", async () => {
  const { world, registry } = stage();
  await create({ Name: "leased", IPAM: { Config: [{ Subnet: "10.60.0.0/30" }] } });
  const run = ["run", "-d", "--network", "leased", "busybox", "sleep", "600"];
  const id = await world.rtOutput(run);
  await daemon().kill();
  later = await world.daemon({ mirrors: [registry.url] });
  const full = await world.rt(run);
  expect(full.code).toBe(125);
  expect(full.stderr).toContain(
    "no available IPv4 addresses on this network's address pools: leased",
  );
  await world.rtOutput(["rm", "-f", id]);
  const next = await world.rtOutput(run);
  const { Containers } = await daemon().json<NetworkInspect>("/networks/leased");
  expect(Containers[next]?.IPv4Address).toBe("10.60.0.2/30");
  await daemon().removeContainers();
  expect((await remove("leased")).status).toBe(204);
});
