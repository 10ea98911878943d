/** Beside the rules of others: they stay as they are, and containers go on with what they are allowed. */
import { afterEach, beforeAll, expect, test } from "bun:test";
import {
  firewalldLike,
  foreignRules,
  putRules,
  removeForeignRules,
  setBridgeFilter,
  tables,
  ufwLike,
  ufwLike6,
} from "../support/firewalls.ts";
import { worldAddresses, worldInterface } from "../support/hosts.ts";
import { type Member, useMembers } from "../support/members.ts";
import { until } from "../support/until.ts";

const members = useMembers();

// With it, ::1 is out of the reach of what comes back.
beforeAll(async () => {
  await setBridgeFilter(members().world, false);
});

afterEach(async () => {
  await removeForeignRules(members().world);
  await members().clear();
});

/** A container that serves by `8080`, on a network of both families. */
async function published(name = "web"): Promise<Member> {
  await members().network(`net-${name}`, { ipv6: true });
  const web = await members().member(name, { network: `net-${name}`, ports: ["8080:80"] });
  for (const address of ["0.0.0.0", "::"]) await web.envoy.serve(name, { address, port: 80 });
  return web;
}

/** What works for a container that is published, and does not; each a name. */
async function works(web: Member): Promise<string[]> {
  const { far, world } = members().hosts;
  const found: string[] = [];
  const outward = { ipv4: 0, ipv6: 0 };
  for (const family of ["ipv4", "ipv6"] as const) {
    outward[family] = await far.envoy.serve("far", { address: far[family] });
  }
  const look = async (what: string, call: Promise<{ seen: string }>, seen?: string) => {
    const called = await call.catch(() => undefined);
    if (called !== undefined && (seen === undefined || called.seen === seen)) found.push(what);
  };
  const timeout = 1500;
  for (const family of ["ipv4", "ipv6"] as const) {
    const address = worldAddresses[family];
    const own = far[family];
    await look(`in ${family}`, far.envoy.call({ address, port: 8080, timeout }), own);
    await look(`out ${family}`, web.envoy.call({ address: own, port: outward[family], timeout }));
    const loopback = family === "ipv4" ? "127.0.0.1" : "::1";
    await look(`loopback ${family}`, world.call({ address: loopback, port: 8080, timeout }));
  }
  return found;
}

const all = ["ipv4", "ipv6"].flatMap((each) => [`in ${each}`, `out ${each}`, `loopback ${each}`]);

test("with nobody else's rules everything works", async () => {
  expect(await works(await published())).toEqual(all);
});

test("ports are published past a host's INPUT policy of drop, as Docker's are", async () => {
  const { world } = members();
  const rules = { ipv4: ufwLike("ACCEPT"), ipv6: ufwLike6("ACCEPT") };
  await putRules(world, rules);
  expect(await works(await published())).toEqual(all);
});

test("rules as firewalld writes them are got along with", async () => {
  const { world } = members();
  await putRules(world, { nft: firewalldLike(worldInterface) });
  expect(await works(await published())).toEqual(all);
});

test("rules of others stay byte for byte as they are, whatever is started, stopped and removed", async () => {
  const { world } = members();
  await putRules(world, {
    ipv4: ufwLike("ACCEPT"),
    ipv6: ufwLike6("ACCEPT"),
    nft: firewalldLike(worldInterface),
  });
  const before = await foreignRules(world);
  expect(before.length).toBeGreaterThan(1000);
  const web = await published();
  expect(await foreignRules(world)).toBe(before);
  await members().network("more");
  await members().connect("more", web.id);
  await members().disconnect("more", web.id);
  await members().daemon.kill();
  await members().world.daemon();
  expect(await foreignRules(world)).toBe(before);
  await members().clear();
  expect(await members().daemon.stop()).toBe(0);
  expect(await foreignRules(world)).toBe(before);
  expect((await tables(world)).filter((name) => name.startsWith("inet rt"))).toEqual([]);
  await members().world.daemon();
});

for (const [what, command] of [
  ["the whole ruleset", ["nft", "flush", "ruleset"]],
  [
    "the engine's chains",
    [
      "sh",
      "-c",
      "nft flush table inet $(nft list tables | sed -n 's/^table inet \\(rt.*\\)/\\1/p')",
    ],
  ],
] as const) {
  test(`when somebody flushes ${what}, it is put back at once`, async () => {
    const { world } = members();
    const web = await published();
    // What is translated may be refused by the host in between; what is not does not notice.
    const peer = await members().member("peer", { network: "net-web" });
    await peer.envoy.stream({ address: web.ipv4, port: 80 });
    const before = await world.run(["nft", "list", "ruleset"]);
    expect((await world.run(command)).stderr).toBe("");
    await until(
      "the rules to be back",
      async () => (await world.run(["nft", "list", "ruleset"])).stdout === before.stdout,
      10_000,
    );
    expect(await works(web)).toEqual(all);
    const [fate] = await peer.envoy.streams();
    expect(fate?.error).toBeNull();
  });
}

test("iptables -F and its friends concern nobody but their own tables", async () => {
  const { world } = members();
  await putRules(world, { ipv4: ufwLike("ACCEPT") });
  const web = await published();
  for (const table of ["filter", "nat"]) {
    for (const flag of ["-F", "-X"]) await world.run(["iptables", "-t", table, flag]);
  }
  await world.run(["iptables", "-P", "INPUT", "ACCEPT"]);
  expect(await works(web)).toEqual(all);
});

test("a rule of the user's in front of ours is obeyed", async () => {
  const { world } = members();
  const web = await published();
  const rule = `ip saddr ${members().hosts.far.ipv4} tcp dport 80 drop`;
  await putRules(world, {
    nft: `table inet user { chain forward { type filter hook forward priority -10; ${rule}; }; }`,
  });
  expect(await works(web)).toEqual(all.filter((each) => each !== "in ipv4"));
});
