/** Requests about networks that nobody with good intentions makes, and many at once. */
import { afterEach, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { type Member, useMembers } from "../support/members.ts";

// Wires that are kept ready come and go with the demand; here they are counted.
const members = useMembers({ flags: ["--network-pool", "0"] });

interface Found {
  Id: string;
  Name: string;
  IPAM: { Config: { Subnet: string }[] | null };
}

const all = async (): Promise<Found[]> => await members().daemon.json<Found[]>("/networks");

const create = async (Name: unknown, wish: object = {}): Promise<Response> =>
  await members().daemon.post("/networks/create", { Name, ...wish });

const withSubnet = (...subnets: string[]) => ({
  IPAM: { Config: subnets.map((Subnet) => ({ Subnet })) },
});

async function statuses(replies: Promise<Response>[]): Promise<Record<number, number>> {
  const counted: Record<number, number> = {};
  for (const { status } of await Promise.all(replies)) counted[status] = (counted[status] ?? 0) + 1;
  return counted;
}

/** First and last address, as numbers. */
function span(subnet: string): [number, number] {
  const [address = "", prefix] = subnet.split("/");
  const first = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return [first, first + 2 ** (32 - Number(prefix)) - 1];
}

afterEach(async () => {
  await members().clear();
  expect(new Set((await all()).map(({ Name }) => Name))).toEqual(
    new Set(["bridge", "host", "none"]),
  );
});

test("networks are made until the pools are used up; then a clear refusal, and room again after a removal", async () => {
  const { world } = members();
  await world.run(["ip", "route", "add", "172.20.0.0/16", "dev", "lan0"]);
  let refused = new Response();
  for (let number = 0; number < 60 && refused.ok; number += 1) {
    const reply = await create(`pool-${number}`);
    if (!reply.ok) refused = reply;
  }
  expect(refused.status).toBe(400);
  const { message } = (await refused.json()) as { message: string };
  expect(message).toBe("all predefined address pools have been fully subnetted");
  const subnets = (await all()).flatMap(({ IPAM }) =>
    (IPAM.Config ?? []).map((each) => each.Subnet),
  );
  // Docker's pools: 172.17 to 172.31, and sixteen of 192.168; one of them is routed elsewhere.
  expect(subnets).toHaveLength(30);
  const spans = subnets.map(span).toSorted(([a], [b]) => a - b);
  spans.reduce((before, each) => {
    expect(each[0]).toBeGreaterThan(before[1]);
    return each;
  });
  expect(subnets).not.toContain("172.20.0.0/16");
  await members().daemon.request("/networks/pool-3", { method: "DELETE" });
  expect((await create("again")).status).toBe(201);
  await world.run(["ip", "route", "del", "172.20.0.0/16"]);
});

const many = process.env.RT_FULL === "1" ? 2000 : 200;

test(`${many} networks: the last is made as quickly as the first, and nothing is left of them`, async () => {
  const { world } = members();
  const before = await world.namespace.links();
  const times: number[] = [];
  for (let number = 0; number < many; number += 1) {
    const subnet = `10.${64 + (number >> 8)}.${number & 255}.0/24`;
    const start = performance.now();
    const reply = await create(`many-${number}`, withSubnet(subnet));
    times.push(performance.now() - start);
    expect(reply.status).toBe(201);
  }
  const middle = (some: number[]) => some.toSorted((a, b) => a - b)[some.length >> 1] ?? 0;
  const tenth = Math.floor(many / 10);
  expect(middle(times.slice(-tenth))).toBeLessThan(5 * middle(times.slice(0, tenth)) + 5);
  const listed = performance.now();
  expect(await all()).toHaveLength(many + 3);
  expect(performance.now() - listed).toBeLessThan(1000);
  const pruned = await members().daemon.post("/networks/prune");
  expect(((await pruned.json()) as { NetworksDeleted: string[] }).NetworksDeleted).toHaveLength(
    many,
  );
  expect((await world.namespace.links()).filter((each) => !before.includes(each))).toEqual([]);
}, 300_000);

const names = [
  "réseau",
  "网络",
  "../x",
  "a/b",
  "a b",
  "-x",
  "%2e%2e",
  "line\nserver 192.0.2.66",
  "x".repeat(2000),
  "😀".repeat(50),
];

test("whatever a network is called, it is one, and its name names no file", async () => {
  const { daemon } = members();
  for (const name of names) {
    const reply = await create(name);
    expect([201, 400]).toContain(reply.status);
    if (reply.status !== 201) continue;
    const { Id } = (await reply.json()) as { Id: string };
    // A line's end is not let into a path.
    const path = `/networks/${name.includes("\n") ? Id : encodeURIComponent(name)}`;
    expect((await daemon.json<Found>(path)).Name).toBe(name);
    const member: Member = await members().member("guest", { network: name });
    const { replies } = await member.envoy.lookup({ names: ["guest"] });
    expect(replies[0]?.answers).toEqual([member.ipv4]);
    const files = await readdir(daemon.runRoot, { recursive: true });
    expect(files.filter((file) => file.includes(name))).toEqual([]);
    await members().remove(member.id);
    expect((await daemon.request(path, { method: "DELETE" })).status).toBe(204);
  }
});

test("names with a NUL, a line or nothing in them are refused", async () => {
  for (const name of ["", " ", "x\0y", 5, null, {}, []]) {
    expect((await create(name)).status).toBe(400);
  }
});

test("labels and options of any size are kept or refused, and never harm", async () => {
  for (const size of [1000, 100_000, 1_000_000]) {
    const Labels = { big: "ä".repeat(size) };
    const reply = await create(`label-${size}`, { Labels });
    expect([201, 400, 413]).toContain(reply.status);
    if (reply.status !== 201) continue;
    const kept = await members().daemon.json<{ Labels: object }>(`/networks/label-${size}`);
    expect(kept.Labels).toEqual(Labels);
  }
  const Options = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`key.${at}`, "x"]));
  expect([201, 400]).toContain((await create("options", { Options })).status);
  const deep = `{"Name":"deep","Labels":${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}}`;
  const reply = await members().daemon.request("/networks/create", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: deep,
  });
  expect(reply.status).toBe(400);
});

test("ports and subnets that say nothing, or far too much, keep nobody waiting", async () => {
  const { daemon } = members();
  const ask = async (fields: object): Promise<Response> =>
    await daemon.post("/containers/create", {
      Image: "busybox",
      Cmd: ["sleep", "1000"],
      ...fields,
    });
  const empty = await ask({ HostConfig: { PortBindings: { "80/tcp": [null], "81/tcp": null } } });
  expect(empty.status).toBe(201);
  const ranges = Array.from({ length: 5000 }, (_, at) => [`${at + 1}-65535/udp`, {}]);
  const wide = await ask({ ExposedPorts: Object.fromEntries(ranges) });
  expect(wide.status).toBe(201);
  const { Id } = (await wide.json()) as { Id: string };
  expect((await daemon.post(`/containers/${Id}/start`)).status).toBe(204);
  const { NetworkSettings: shown } = await daemon.json<{ NetworkSettings: { Ports: object } }>(
    `/containers/${Id}/json`,
  );
  expect(Object.keys(shown.Ports)).toHaveLength(65_535);
  const subnets = Array.from({ length: 30_000 }, (_, at) => `11.${at >> 8}.${at & 255}.0/24`);
  const wish = { Driver: "macvlan", Options: { parent: "lan0" }, ...withSubnet(...subnets) };
  const refused = await create("wide", wish);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("30000 subnets are more than a network can have");
  for (const request of [empty, { json: async () => ({ Id }) }]) {
    const { Id: id } = (await request.json()) as { Id: string };
    await daemon.request(`/containers/${id}?force=true`, { method: "DELETE" });
  }
});

test("of many at once with one name, or one subnet, one is made", async () => {
  const twenty = Array.from({ length: 20 });
  expect(await statuses(twenty.map(async () => await create("same")))).toEqual({ 201: 1, 409: 19 });
  const subnet = withSubnet("10.90.0.0/24");
  const made = await statuses(twenty.map(async (_, at) => await create(`subnet-${at}`, subnet)));
  expect(made).toEqual({ 201: 1, 403: 19 });
  const bridge = { Options: { "com.docker.network.bridge.name": "samebridge" } };
  const named = await statuses(twenty.map(async (_, at) => await create(`bridge-${at}`, bridge)));
  expect(named[201]).toBe(1);
});

test("subnets that overlap another's, or make no sense, are refused", async () => {
  const first = { EnableIPv6: true, ...withSubnet("10.91.0.0/16", "fd00:91::/64") };
  expect((await create("first", first)).status).toBe(201);
  for (const subnet of [
    ...["10.91.0.0/16", "10.91.7.0/24", "10.0.0.0/8", "fd00:91::/80", "fd00::/8"],
    ...[
      "10.92.0.0/33",
      "10.92.0.0/-1",
      "10.92.0.0/",
      "10.92.0.0",
      "x",
      "",
      "::/129",
      "10.92.0.1/24",
    ],
    ...["10.92.0.0/24/24", " 10.92.0.0/24", "010.92.0.0/24", "10.92.0/24"],
  ]) {
    const reply = await create("second", { EnableIPv6: true, ...withSubnet(subnet) });
    expect([subnet, reply.status >= 400 && reply.status < 500]).toEqual([subnet, true]);
  }
  for (const IPAM of [
    { Config: [{ Subnet: "10.92.0.0/24", Gateway: "10.93.0.1" }] },
    { Config: [{ Subnet: "10.92.0.0/24", Gateway: "fd00::1" }] },
    { Config: [{ Subnet: "10.92.0.0/24", IPRange: "10.92.0.0/16" }] },
    { Config: [{ Subnet: "10.92.0.0/24", AuxiliaryAddresses: { a: "10.92.1.1" } }] },
    {
      Config: [{ Subnet: "10.92.0.0/24", AuxiliaryAddresses: { a: "10.92.0.9", b: "10.92.0.9" } }],
    },
    { Config: [{ Subnet: "10.92.0.0/24" }, { Subnet: "10.92.0.0/25" }] },
    { Config: "x" },
    { Config: [5] },
    { Driver: "nobody" },
  ]) {
    const { status } = await create("third", { IPAM });
    expect([IPAM, status >= 400 && status < 500]).toEqual([IPAM, true]);
  }
});

test("in and out, made and removed, from all sides at once: in the end all is as it was", async () => {
  const { daemon, world } = members();
  await members().network("stage", { subnets: ["10.94.0.0/24"] });
  const ids = [await members().start("one"), await members().start("two", { network: "stage" })];
  // But for pairs that wait for a start: they are made behind the answers.
  const count = async (): Promise<number> => {
    const lines = (await world.run(["ip", "-o", "link"])).stdout.trim().split("\n");
    return lines.filter((line) => !line.includes("vethrt") || line.includes("master")).length;
  };
  const links = await count();
  const deeds = Array.from({ length: 8 }, async (_, side) => {
    for (let round = 0; round < 12; round += 1) {
      const name = `chaos-${(side + round) % 3}`;
      const body = { Container: ids[(side + round) % 2], Force: round % 2 === 0 };
      const replies = [
        await create(name, withSubnet(`10.95.${(side + round) % 3}.0/24`)),
        await daemon.post(`/networks/${name}/connect`, body),
        await daemon.post(`/networks/${name}/disconnect`, body),
        await daemon.request(`/networks/${name}`, { method: "DELETE" }),
      ];
      for (const reply of replies) {
        const { status } = reply;
        const text = await reply.text();
        // Docker's own status for that.
        if (status >= 500 && !text.includes("is not connected to")) throw new Error(text);
      }
    }
  });
  await Promise.all(deeds);
  for (const name of ["chaos-0", "chaos-1", "chaos-2"]) {
    for (const Container of ids) {
      await daemon.post(`/networks/${name}/disconnect`, { Container, Force: true });
    }
    await daemon.request(`/networks/${name}`, { method: "DELETE" });
  }
  expect(await count()).toBe(links);
  for (const [id, network] of [
    [ids[0], "bridge"],
    [ids[1], "stage"],
  ]) {
    const found = await daemon.json<{ NetworkSettings: { Networks: object } }>(
      `/containers/${id}/json`,
    );
    expect(Object.keys(found.NetworkSettings.Networks)).toEqual([`${network}`]);
  }
});
