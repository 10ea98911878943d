/** Names that are not containers': asked of servers of the host, or of those that the container names. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Envoy, type LookupReply } from "../support/envoy.ts";
import { withResolvConf } from "../support/fake-dns.ts";
import { type Member, useMembers } from "../support/members.ts";
import type { Running } from "../support/process.ts";

// Before the members end, who are told of after this.
afterAll(async () => {
  process.kill(await members().world.innerPid(server), "SIGKILL");
  await server.finished().catch(() => undefined);
});

const members = useMembers({
  wrapper: withResolvConf("nameserver 127.0.0.53\nsearch lan.example\n"),
});
const script = `${import.meta.dir}/../support/fake-dns.ts`;
const day = 2 ** 31 - 1;

let server: Running;
let asker: Member;

/** A server in the host's network at these addresses. */
async function serve(...addresses: string[]): Promise<Running> {
  const running = members().world.spawn([process.execPath, script, ...addresses], {
    timeoutMs: day,
  });
  await running.prints("serving");
  return running;
}

beforeAll(async () => {
  await members().network("back", { subnets: ["10.40.0.0/24"] });
  await members().network("inner", { subnets: ["10.41.0.0/24"], internal: true });
  server = await serve("127.0.0.53", "10.40.0.1", "10.41.0.1", "127.0.0.54");
  asker = await members().member("asker", { network: "back" });
});

async function ask({ envoy }: Member, name: string, tcp = false): Promise<LookupReply> {
  const { replies } = await envoy.lookup({ names: [name], tcp, timeout: 15_000 });
  const [reply] = replies;
  if (reply === undefined) throw new Error("no reply");
  return reply;
}

const known = (...answers: string[]) => ({ code: 0, truncated: false, answers });

test("servers on the host's loopback are asked from there, over UDP and TCP", async () => {
  expect(await ask(asker, "www.example.org")).toEqual(known("198.51.100.53"));
  expect(await ask(asker, "unknown")).toEqual(known("198.51.100.53"));
  expect(await ask(asker, "tcp.example.org", true)).toEqual(known("198.51.100.53"));
  await server.prints("udp www.example.org");
  await server.prints("tcp tcp.example.org");
});

test("what the server says is what the container hears", async () => {
  expect(await ask(asker, "absent.example.org")).toMatchObject({ code: 3, answers: [] });
  expect(await ask(asker, "lies.example.org")).toEqual(known("198.51.100.53"));
  expect(await ask(asker, "long.example.org")).toMatchObject({ truncated: true });
  const long = await ask(asker, "long.example.org", true);
  expect(long.answers).toHaveLength(2000);
  for (const failure of ["failing.example.org", "refused.example.org"])
    expect(await ask(asker, failure)).toMatchObject({ code: 2, answers: [] });
});

test("names of containers are never asked for outside", async () => {
  await asker.envoy.lookup({ names: ["asker", "asker.back"], kind: "AAAA" });
  await ask(asker, "last.example.org");
  expect(await server.prints("udp last.example.org")).not.toMatch(/^\w+ asker/m);
});

test("of several servers the next is asked where one is silent, absent or fails", async () => {
  const wish = (Dns: string[]) => ({ network: "back", host: { Dns } });
  const absent = await members().member("absent", wish(["10.40.0.99", "10.40.0.1"]));
  expect(await ask(absent, "www.example.org")).toEqual(known("198.51.100.1"));
  const silent = await members().member("silent", wish(["10.40.0.1"]));
  expect(await ask(silent, "silent.example.org")).toMatchObject({ code: 2 });
  // Its own loopback, where nobody serves; and the resolver itself, which is passed over.
  const own = await members().member("own", wish(["127.0.0.1", "127.0.0.11", "10.40.0.1"]));
  expect(await ask(own, "www.example.org")).toEqual(known("198.51.100.1"));
}, 60_000);

test("names of containers are answered at once while a server is silent", async () => {
  const wish = { network: "back", host: { Dns: ["10.40.0.1"] } };
  const busy = await members().member("busy", wish);
  using second = Envoy.in(members().world, busy.pid);
  let isSilent = true;
  const waiting = Promise.all(
    Array.from({ length: 3 }, () => ask(busy, "silent.example.org")),
  ).finally(() => {
    isSilent = false;
  });
  await server.prints("udp silent.example.org");
  // One after another, and all of them before the server is given up.
  const { replies } = await second.lookup({ names: ["asker"], count: 200 });
  expect(isSilent).toBe(true);
  expect(replies.every(({ answers }) => answers[0] === asker.ipv4)).toBe(true);
  await waiting;
}, 60_000);

test("without a way out the host's servers are not asked, those in the network are", async () => {
  const inner = await members().member("inner", { network: "inner" });
  expect(await ask(inner, "secret.example.org")).toMatchObject({ code: 2 });
  expect(await ask(inner, "inner")).toEqual(known(inner.ipv4));
  expect(server.stdout).not.toContain("secret.example.org");
  const near = await members().member("near", {
    ...{ network: "inner", host: { Dns: ["10.41.0.1"] } },
  });
  expect(await ask(near, "www.example.org")).toEqual(known("198.51.100.1"));
});

test("where the user chose ndots a name without a dot is left to the search list", async () => {
  const wish = { network: "back", host: { DnsOptions: ["ndots:1"] } };
  const chosen = await members().member("chosen", wish);
  expect(await ask(chosen, "unknown")).toEqual(known());
  expect(await ask(chosen, "asker")).toEqual(known(asker.ipv4));
  expect(await ask(chosen, "unknown.lan.example")).toEqual(known("198.51.100.53"));
});
