/**
 * Where a registry may lead the engine, and what it is told: redirects, token servers, plain http, credentials. The
 * world has an address beside loopback, so that both sides of each rule can be tried.
 */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { digestOf } from "../../scripts/image.ts";
import { isSentence } from "../support/attempt.ts";
import { Authority } from "../support/certificates.ts";
import type { Daemon } from "../support/daemon.ts";
import { type Answer, FakeRegistry, refuse } from "../support/fake-registry.ts";
import { imageOf, Tar } from "../support/layers.ts";
import { forgetImages, keptBy, pullName } from "../support/ways.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

const address = "192.0.2.1";
const secret = "correct-horse-battery";
const login = { username: "alice", password: secret };
const basic = `Basic ${btoa(`alice:${secret}`)}`;

let world: World;
let daemon: Daemon;
let home: FakeRegistry;
let other: FakeRegistry;
/** At the address that is not loopback: configured for plain http, not configured, with https. */
let outside: FakeRegistry;
let strange: FakeRegistry;
let secure: FakeRegistry;
let mirror: FakeRegistry;
let empty: string[];

const blob = new Tar().file("f", "content").end();
const image = imageOf([{ blob }]);
const all = () => [home, other, outside, strange, secure, mirror];

beforeAll(async () => {
  world = await World.create();
  await world.run(["ip", "address", "add", `${address}/32`, "dev", "lo"]);
  await mkdir(world.path("tls"));
  const authority = await Authority.create(world.path("tls"), "authority");
  const hosts = [`IP:${address}`, "IP:127.0.0.1"];
  const tls = await authority.issue("registry", "/CN=registry", hosts);
  home = await FakeRegistry.start(world);
  other = await FakeRegistry.start(world);
  mirror = await FakeRegistry.start(world);
  outside = await FakeRegistry.start(world, { address });
  strange = await FakeRegistry.start(world, { address });
  secure = await FakeRegistry.start(world, { address, tls });
  for (const registry of all()) registry.serve("x/y:latest", image);
  const flags = [outside, secure].flatMap(({ host }) => ["--insecure-registry", host]);
  daemon = await world.daemon({ flags, mirrors: [`http://${mirror.host}`] });
  empty = await keptBy(daemon);
});
afterAll(async () => {
  for (const registry of all()) registry?.[Symbol.dispose]();
  await world?.end();
});
beforeEach(async () => {
  await forgetImages(daemon);
  for (const registry of all()) {
    registry.answer = () => undefined;
    registry.asked.length = 0;
  }
});

/** Answers requests for blobs with a redirect. */
const leadTo =
  (location: (path: string) => string): Answer =>
  (_, { pathname, search }) =>
    pathname.includes("/blobs/")
      ? new Response(null, { status: 307, headers: { location: location(pathname + search) } })
      : undefined;

async function expectRefused(registry: FakeRegistry, words: RegExp, auth?: object): Promise<void> {
  const message = await pullName(daemon, `${registry.host}/x/y`, auth);
  expect(message).toMatch(words);
  expect([message, isSentence(message)]).toEqual([message, true]);
  expect(await keptBy(daemon)).toEqual(empty);
}

test("ten redirects are followed, eleven are not", async () => {
  const answer = (limit: number) =>
    leadTo((path) => {
      const [at = "", hop = "0"] = path.split("?");
      return Number(hop) >= limit - 1 ? `http://${other.host}${at}` : `${at}?${Number(hop) + 1}`;
    });
  home.answer = answer(10);
  expect(await pullName(daemon, `${home.host}/x/y`)).toBe("");
  await forgetImages(daemon);
  home.answer = answer(11);
  await expectRefused(home, /redirects more than 10 times/);
});

test("redirects to what is no address on the web are refused", async () => {
  const wrong = [
    "file:///etc/passwd",
    "ftp://x/y",
    "gopher://x",
    "http://",
    "http://a:b@127.0.0.1/x",
  ];
  for (const location of [...wrong, "data:,x", "unix:/run/x.sock", "http://[::1"]) {
    home.answer = leadTo(() => location);
    await expectRefused(home, /redirects to an (invalid address|address with a password)/);
  }
});

test("a redirect from another machine to this one is refused", async () => {
  const port = other.host.split(":")[1];
  for (const host of [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "0.0.0.0",
    "2130706433",
    "[::ffff:127.0.0.1]",
  ]) {
    outside.answer = leadTo((path) => `http://${host}:${port}${path}`);
    await expectRefused(outside, /redirects to the local address/);
  }
  outside.answer = leadTo(() => "http://169.254.169.254/latest/meta-data/");
  await expectRefused(outside, /redirects to the local address/);
  expect(other.asked).toEqual([]);
});

test("no redirect leads from https to http", async () => {
  secure.answer = leadTo((path) => `http://${outside.host}${path}`);
  await expectRefused(secure, /redirects from https to http/);
  expect(outside.asked).toEqual([]);
});

test("credentials stay with the scheme, host and port that they are for", async () => {
  const seen: (string | null)[] = [];
  for (const elsewhere of [other, outside]) {
    elsewhere.answer = (request) => {
      seen.push(request.headers.get("authorization"));
      return undefined;
    };
  }
  const challenge = (next: string): Answer => {
    return (request, url) => {
      if (request.headers.get("authorization") !== basic)
        return refuse(401, "UNAUTHORIZED", "no", { "www-authenticate": 'Basic realm="x"' });
      return leadTo((path) => `${next}${path}`)(request, url);
    };
  };
  home.answer = challenge(`http://${other.host}`);
  expect(await pullName(daemon, `${home.host}/x/y`, login)).toBe("");
  await forgetImages(daemon);
  home.answer = challenge(`http://${outside.host}`);
  expect(await pullName(daemon, `${home.host}/x/y`, login)).toBe("");
  await forgetImages(daemon);
  // Who asks for them where he was led to gets nothing either.
  other.answer = (request) => {
    seen.push(request.headers.get("authorization"));
    return refuse(401, "UNAUTHORIZED", "no", { "www-authenticate": 'Basic realm="x"' });
  };
  home.answer = challenge(`http://${other.host}`);
  await expectRefused(home, /access denied|denied/, login);
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.filter((each) => each !== null)).toEqual([]);
});

test("a mirror is not shown the credentials of the registry that it mirrors", async () => {
  const seen: (string | null)[] = [];
  mirror.serve("library/y:latest", image);
  mirror.answer = (request) => {
    seen.push(request.headers.get("authorization"));
    return refuse(401, "UNAUTHORIZED", "no", { "www-authenticate": 'Basic realm="x"' });
  };
  expect(await pullName(daemon, "y", login)).not.toBe("");
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.filter((each) => each !== null)).toEqual([]);
});

/** Names a token server; `realm` as it stands in the header. */
const tokensAt =
  (realm: string): Answer =>
  (request, { pathname }) =>
    pathname.startsWith("/v2/") && request.headers.get("authorization") === null
      ? refuse(401, "UNAUTHORIZED", "no", {
          "www-authenticate": `Bearer realm="${realm}",service="x"`,
        })
      : undefined;

test("a token server at a local or private address is refused, unless the registry is there", async () => {
  const inward =
    "127.0.0.1 localhost 0.0.0.0 [::1] 169.254.169.254 [fe80::1] 10.0.0.1 172.16.0.1 172.31.255.255";
  const more =
    "192.168.1.1 100.64.0.1 [fd00::1] [::ffff:10.0.0.1] 2130706433 0x7f.1 127.1 [64:ff9b::a00:1]";
  for (const host of `${inward} ${more}`.split(" ")) {
    outside.answer = tokensAt(`https://${host}/token`);
    await expectRefused(outside, /names a token server at the local address/, login);
  }
  const given: (string | null)[] = [];
  outside.answer = (request, url) => {
    if (url.pathname !== "/token") return tokensAt(`http://${outside.host}/token`)(request, url);
    given.push(request.headers.get("authorization"));
    return Response.json({ token: "abc" });
  };
  expect(await pullName(daemon, `${outside.host}/x/y`, login)).toBe("");
  expect(given).toEqual([basic]);
});

test("a token server that is no address, or without https where the registry has it, is refused", async () => {
  for (const realm of ["", "file:///etc/passwd", "http://", "https://a:b@x.invalid/", "::"]) {
    home.answer = tokensAt(realm);
    await expectRefused(home, /names a token server/, login);
  }
  secure.answer = tokensAt(`http://${secure.host}/token`);
  await expectRefused(secure, /names a token server without https/, login);
  outside.answer = tokensAt("http://registry.invalid/token");
  await expectRefused(outside, /names a token server without https/, login);
});

test("a token that is too large or malformed is refused", async () => {
  const tokens: [unknown, RegExp][] = [
    [{ token: "x".repeat(1024 * 1024) }, /larger than 1048576 bytes/],
    [{ token: "a\r\nx-evil: 1" }, /gave no valid token/],
    [{ token: 7 }, /gave no valid token/],
    [{}, /gave no valid token/],
    [[], /gave no valid token/],
  ];
  for (const [body, words] of tokens) {
    home.answer = (request, url) =>
      url.pathname === "/token"
        ? Response.json(body)
        : tokensAt(`http://${home.host}/token`)(request, url);
    await expectRefused(home, words, login);
  }
});

test("plain http is spoken to loopback and to configured registries only", async () => {
  expect(await pullName(daemon, `${outside.host}/x/y`)).toBe("");
  await forgetImages(daemon);
  expect(await pullName(daemon, `${home.host}/x/y`)).toBe("");
  await forgetImages(daemon);
  expect(await pullName(daemon, `${secure.host}/x/y`)).toBe("");
  await forgetImages(daemon);
  await expectRefused(strange, /cannot reach registry/, login);
  expect(strange.asked).toEqual([]);
});

test("bodies are asked for as they are, and a compressed one is not taken for it", async () => {
  const encodings = new Set<string | null>();
  home.answer = (request, { pathname }) => {
    encodings.add(request.headers.get("accept-encoding"));
    if (!pathname.endsWith(digestOf(blob))) return undefined;
    return new Response(Bun.gzipSync(new Uint8Array(blob)), {
      headers: { "content-encoding": "gzip" },
    });
  };
  await expectRefused(home, /content encoding that was not asked for/);
  expect([...encodings]).toEqual(["identity"]);
});

test("credentials are in no message and in no log", async () => {
  const answers: Answer[] = [
    () => refuse(401, "UNAUTHORIZED", "no", { "www-authenticate": 'Basic realm="x"' }),
    (request) => refuse(403, "DENIED", `you said ${request.headers.get("authorization")}`),
    (request, url) =>
      url.pathname === "/token"
        ? refuse(401, "X", "no")
        : tokensAt(`http://${home.host}/token`)(request, url),
    leadTo(() => "file:///etc/passwd"),
    () => new Response("not http"),
  ];
  for (const answer of answers) {
    home.answer = answer;
    for (const auth of [login, { identitytoken: secret }, { registrytoken: secret }]) {
      const message = await pullName(daemon, `${home.host}/x/y`, auth);
      expect(message).not.toContain(secret);
    }
  }
  const log = await daemon.log();
  for (const text of [secret, basic.slice(6), btoa(secret)]) expect(log).not.toContain(text);
});
