/** Names of containers, asked for in containers. */
import { afterEach, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { Envoy, type LookupReply } from "../support/envoy.ts";
import { withResolvConf } from "../support/fake-dns.ts";
import { type Member, type MemberWish, useMembers } from "../support/members.ts";
import { until } from "../support/until.ts";

/** A daemon whose host has no name servers, so that nobody is waited for. */
const wrapper = withResolvConf("");
const members = useMembers({ wrapper });

afterEach(async () => {
  await members().clear();
});

/** A member of a network that has further names there. */
function named(name: string, network: string, aliases: string[], links: string[] = []) {
  const settings = { Aliases: aliases, Links: links };
  const config = { NetworkingConfig: { EndpointsConfig: { [network]: settings } } };
  return members().member(name, { network, config } satisfies MemberWish);
}

async function ask(
  { envoy }: Member,
  name: string,
  kind: "A" | "AAAA" | "PTR" = "A",
): Promise<LookupReply> {
  const { replies } = await envoy.lookup({ names: [name], kind });
  const [reply] = replies;
  if (reply === undefined) throw new Error("no reply");
  return reply;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : 1);

const known = (...answers: string[]) => ({ code: 0, truncated: false, answers });

test("names, aliases, ids, hostnames and full names, in any case, have addresses", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const web = await named("web", "back", ["www", "WWW.Example.org"]);
  const asker = await members().member("asker", { network: "back", config: { Hostname: "box" } });
  const names = ["web", "WEB", "www", "www.example.org", "web.back", "www.back", "WeB.BACK"];
  for (const name of [...names, web.id.slice(0, 12), `${web.id.slice(0, 12)}.back`])
    expect(await ask(asker, name)).toEqual(known(web.ipv4));
  expect(await ask(asker, "box")).toEqual(known(asker.ipv4));
  expect(await ask(web, "asker")).toEqual(known(asker.ipv4));
  const [a, b, c, d] = web.ipv4.split(".");
  const reverse = `${d}.${c}.${b}.${a}.in-addr.arpa`;
  expect(await ask(asker, reverse, "PTR")).toEqual(known("web.back"));
});

test("a name without an address of a family is known all the same", async () => {
  await members().network("four", { subnets: ["10.40.0.0/24"] });
  const web = await members().member("web", { network: "four" });
  expect(await ask(web, "web", "AAAA")).toEqual(known());
  await members().network("both", { subnets: ["10.41.0.0/24", "fd00:41::/64"], ipv6: true });
  const other = await members().member("other", { network: "both" });
  expect(await ask(other, "other", "AAAA")).toEqual(known(other.ipv6));
  expect(await ask(other, "other")).toEqual(known(other.ipv4));
});

test("an alias of several containers has the addresses of all, each first at times", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const one = await named("one", "back", ["many"]);
  const two = await named("two", "back", ["many"]);
  const { replies } = await one.envoy.lookup({ names: ["many"], count: 60 });
  const firsts = new Set(replies.map(({ answers }) => answers[0]));
  expect(firsts).toEqual(new Set([one.ipv4, two.ipv4]));
  for (const { answers } of replies)
    expect(answers.toSorted(compareText)).toEqual([one.ipv4, two.ipv4]);
});

test("networks do not know each other's names, and a link is the container's own", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  await members().network("front", { subnets: ["10.41.0.0/24"] });
  const postgres = await members().member("postgres", { network: "back" });
  const linked = await named("linked", "back", [], ["postgres:db"]);
  const plain = await members().member("plain", { network: "back" });
  const stranger = await members().member("stranger", { network: "front" });
  for (const name of ["db", "DB.back", "postgres"])
    expect(await ask(linked, name)).toEqual(known(postgres.ipv4));
  expect((await ask(plain, "db")).answers).toEqual([]);
  for (const name of ["postgres", "postgres.back", "db"])
    expect((await ask(stranger, name)).answers).toEqual([]);
});

test("names follow starts, stops, kills and renames, and are gone when nobody has them", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const asker = await members().member("asker", { network: "back" });
  const web = await members().member("web", { network: "back" });
  expect(await ask(asker, "web")).toEqual(known(web.ipv4));
  const { daemon } = members();
  await daemon.post(`/containers/${web.id}/rename?name=site`);
  expect(await ask(asker, "site")).toEqual(known(web.ipv4));
  expect((await ask(asker, "web")).answers).toEqual([]);
  await daemon.post(`/containers/${web.id}/rename?name=web`);
  await daemon.post(`/containers/${web.id}/stop?t=0`);
  expect((await ask(asker, "web")).answers).toEqual([]);
  await daemon.post(`/containers/${web.id}/start`);
  expect((await ask(asker, "web")).answers).toHaveLength(1);
  await daemon.post(`/containers/${web.id}/kill`);
  await until("the name to go", async () => (await ask(asker, "web")).answers.length === 0);
  await members().clear();
  expect(await readdir(`${daemon.runRoot}/networks`)).toEqual([]);
});

test("programs of the container may have port 53, of all addresses", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const server = await members().member("server", { network: "back" });
  const client = await members().member("client", { network: "back" });
  for (const protocol of ["tcp", "udp"] as const) {
    await server.envoy.serve("own", { port: 53, address: "0.0.0.0", protocol });
    const call = { address: server.ipv4, port: 53, protocol };
    expect(await client.envoy.call(call)).toMatchObject({ server: "own" });
  }
  expect(await ask(server, "client")).toEqual(known(client.ipv4));
});

test("more addresses than a datagram takes come over TCP", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const asker = await named("member-0", "back", ["crowd"]);
  for (let number = 1; number < 32; number += 1) {
    const settings = { Aliases: ["crowd"] };
    const config = { NetworkingConfig: { EndpointsConfig: { back: settings } } };
    await members().start(`member-${number}`, { network: "back", config });
  }
  const short = await ask(asker, "crowd");
  expect(short.truncated).toBe(true);
  expect(short.answers.length).toBeLessThan(32);
  const { replies } = await asker.envoy.lookup({ names: ["crowd"], tcp: true });
  expect(replies[0]).toMatchObject({ code: 0, truncated: false });
  expect(replies[0]?.answers).toHaveLength(32);
});

test("names are answered while the daemon is dead, and the next one goes on with them", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const web = await members().member("web", { network: "back" });
  const asker = await members().member("asker", { network: "back" });
  const { daemon, world } = members();
  await daemon.kill();
  expect(await ask(asker, "web")).toEqual(known(web.ipv4));
  // It ends while nobody writes names.
  await world.run(["kill", "-KILL", `${web.pid}`]);
  await Bun.write(`${daemon.runRoot}/networks/${"0".repeat(64)}`, "rt-names 1\n");
  await world.daemon({ mirrors: [], wrapper });
  await until("its name to go", async () => (await ask(asker, "web")).answers.length === 0);
  expect(await ask(asker, "asker")).toEqual(known(asker.ipv4));
  expect(await readdir(`${daemon.runRoot}/networks`)).toHaveLength(1);
});

test("a flood of queries holds up neither output, nor execs, nor the end", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const { world } = members();
  const script =
    "while :; do nslookup -type=a web 127.0.0.11; nslookup no.such.name; done >/dev/null 2>&1";
  const busy = {
    network: "back",
    image: "busybox",
    command: ["sh", "-c", `(${script}) & (${script}) & ${script}`],
  };
  const id = await members().start("busy", busy);
  const web = await members().member("web", { network: "back" });
  using second = Envoy.in(world, web.pid);
  const names = ["busy", "web", "unknown", "some.where.example"];
  const floods = [web.envoy, second].map((envoy) => envoy.lookup({ names, count: 4000 }));
  const said = await world.rt(["exec", id, "echo", "here"], { timeoutMs: 10_000 });
  expect(said.stdout).toBe("here\n");
  const ended = await world.rt(["exec", web.id, "/probe", "process"], { timeoutMs: 10_000 });
  expect(ended.code).toBe(0);
  await Promise.all(floods);
  expect((await world.rt(["kill", id], { timeoutMs: 10_000 })).code).toBe(0);
  expect((await world.rt(["wait", id], { timeoutMs: 10_000 })).stdout).toBe("137\n");
});

async function procOf(pid: number, file: string): Promise<string> {
  return (await members().world.run(["cat", `/proc/${pid}/${file}`])).stdout;
}

/** Private memory of a process in KiB. */
async function privateKib(pid: number): Promise<number> {
  const text = await procOf(pid, "smaps_rollup");
  const sizes = [...text.matchAll(/^Private_\w+: +(\d+) kB$/gm)].map(([, size]) => Number(size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function monitorOf(pid: number): Promise<number> {
  return Number(/^PPid:\s+(\d+)$/m.exec(await procOf(pid, "status"))?.[1]);
}

test("at rest a resolver takes some tens of KiB of its monitor", async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  const plain = await members().member("plain");
  const web = await members().member("web", { network: "back" });
  await web.envoy.lookup({ names: ["web", "unknown"], count: 2000 });
  const [without, with_] = [await monitorOf(plain.pid), await monitorOf(web.pid)];
  const grown = await until("its monitor to rest", async () => {
    const [before, after] = await Promise.all([privateKib(without), privateKib(with_)]);
    return after - before <= 48 && { before, after };
  });
  console.info("private KiB of a monitor at rest, without and with a resolver:", grown);
});
