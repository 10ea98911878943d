import { describe, expect, test } from "bun:test";
import { digestOf } from "../digest.ts";
import { ociConfig, ociManifest } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { createCertificate } from "./testing/certificate.ts";
import { reply, ScriptedPeer } from "./testing/scripted-peer.ts";
import type { Credentials, RegistryOptions } from "./types.ts";

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: ociManifest,
  config: { mediaType: ociConfig, digest: digestOf("{}"), size: 2 },
  layers: [],
});

interface Guard {
  /** What WWW-Authenticate says, given the peer's own URL. */
  challenge: (url: string) => string;
  /** The Authorization that is let in. */
  accept?: string;
  /** The token server's answer. */
  token?: unknown;
  tls?: { cert: string; key: string };
}

/** A registry and its token server in one. */
async function guarded(guard: Guard): Promise<ScriptedPeer> {
  const peer: ScriptedPeer = await ScriptedPeer.start((request, socket) => {
    if (request.path === "/v2/") reply(socket, 200);
    else if (request.path.startsWith("/token"))
      reply(socket, 200, JSON.stringify(guard.token ?? { token: "t1" }));
    else if (request.headers.get("authorization") === (guard.accept ?? "Bearer t1"))
      reply(socket, 200, manifest);
    else reply(socket, 401, "", { "WWW-Authenticate": guard.challenge(peer.url) });
  }, guard.tls);
  return peer;
}

function resolve(peer: ScriptedPeer, credentials?: Credentials, options: RegistryOptions = {}) {
  const client = new RegistryClient({
    backoffMs: 1,
    credentials: async (host) => (host === peer.host ? credentials : undefined),
    ...options,
  });
  return client.resolve(parseReference(`${peer.host}/team/app`));
}

const bearer = (url: string) =>
  `Bearer realm="${url}/token",service="reg",scope="repository:other:push"`;

describe("bearer tokens", () => {
  test("an anonymous token is asked for our own scope, once", async () => {
    await using peer = await guarded({ challenge: bearer });
    const client = new RegistryClient();
    const ref = parseReference(`${peer.host}/team/app`);
    await client.resolve(ref);
    await client.resolve(ref);
    const tokens = peer.requests.filter((r) => r.path.startsWith("/token"));
    expect(tokens.map((r) => r.path)).toEqual([
      "/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull",
    ]);
    expect(tokens[0]?.headers.has("authorization")).toBe(false);
  });

  test("requests at once share one token", async () => {
    await using peer = await guarded({ challenge: bearer });
    const client = new RegistryClient();
    const ref = parseReference(`${peer.host}/team/app`);
    await Promise.all([client.resolve(ref), client.resolve(ref), client.resolve(ref)]);
    expect(peer.requests.filter((r) => r.path.startsWith("/token"))).toHaveLength(1);
  });

  test("name and password go to the token server", async () => {
    await using peer = await guarded({ challenge: bearer });
    await resolve(peer, { username: "u", password: "p:ü" });
    const token = peer.requests.find((r) => r.path.startsWith("/token"));
    expect(token?.headers.get("authorization")).toBe(
      `Basic ${Buffer.from("u:p:ü").toString("base64")}`,
    );
  });

  test("an identity token is exchanged by POST", async () => {
    await using peer = await guarded({
      challenge: bearer,
      token: { access_token: "t1", expires_in: 300 },
    });
    await resolve(peer, { identityToken: "secret" });
    const token = peer.requests.find((r) => r.path.startsWith("/token"));
    expect(token?.method).toBe("POST");
    expect(Object.fromEntries(new URLSearchParams(token?.body))).toEqual({
      grant_type: "refresh_token",
      client_id: "rt",
      service: "reg",
      scope: "repository:team/app:pull",
      refresh_token: "secret",
    });
  });

  test("a registry token is sent as it is", async () => {
    await using peer = await guarded({ challenge: bearer, accept: "Bearer ready" });
    await resolve(peer, { registryToken: "ready" });
    expect(peer.requests.some((r) => r.path.startsWith("/token"))).toBe(false);
  });

  test("a token that is refused is not tried for ever", async () => {
    await using peer = await guarded({ challenge: bearer, accept: "Bearer other" });
    await expect(resolve(peer)).rejects.toMatchObject({ code: "unauthorized" });
    expect(peer.requests.filter((r) => r.path.includes("/manifests/"))).toHaveLength(2);
  });

  test("a token that would break out of its header is refused", async () => {
    for (const token of ["a b", "a\r\nX: y", "", 1, undefined]) {
      await using peer = await guarded({ challenge: bearer, token: { token } });
      await expect(resolve(peer)).rejects.toThrow("gave no valid token");
    }
  });

  test("a token answer of two mebibytes is refused", async () => {
    await using peer = await guarded({ challenge: bearer, token: { token: "x".repeat(2 ** 21) } });
    await expect(resolve(peer)).rejects.toThrow("larger than 1048576 bytes");
  });

  test("wrong credentials are told without repeating them", async () => {
    const peer: ScriptedPeer = await ScriptedPeer.start((request, socket) => {
      if (request.path === "/v2/") reply(socket, 200);
      else reply(socket, 401, "", { "WWW-Authenticate": bearer(peer.url) });
    });
    await using _peer = peer;
    const error = await resolve(peer, { username: "u", password: "hunter2" }).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: "unauthorized" });
    expect(Bun.inspect(error)).not.toContain("hunter2");
  });
});

describe("a realm that leads astray", () => {
  const cases: [string, string][] = [
    ["http://169.254.169.254/latest/meta-data", "without https"],
    ["https://169.254.169.254/", "local address"],
    ["https://10.0.0.1/token", "local address"],
    ["https://[fd00:ec2::254]/", "local address"],
    ["file:///etc/passwd", "no valid address"],
    ["http://user:pw@127.0.0.1/", "no valid address"],
    ["", "no valid address"],
    ["/token", "no valid address"],
    ["::", "no valid address"],
    ["http://plain.example/token", "without https"],
  ];
  for (const [realm, message] of cases) {
    test(`${realm === "" ? "nothing" : realm} is refused`, async () => {
      await using peer = await guarded({ challenge: () => `Bearer realm="${realm}"` });
      await expect(resolve(peer, { username: "u", password: "p" })).rejects.toMatchObject({
        code: "forbidden",
        message: expect.stringContaining(message),
      });
    });
  }

  test("an https registry may not send its callers to plain http", async () => {
    const challenge = (url: string) => `Bearer realm="${url.replace("https", "http")}/token"`;
    await using peer = await guarded({ challenge, tls: createCertificate() });
    await expect(resolve(peer)).rejects.toThrow("without https");
  });
});

describe("basic authentication", () => {
  test("credentials are sent to the very host that they are for, and only when asked", async () => {
    await using peer = await guarded({
      challenge: () => 'Basic realm="x"',
      accept: `Basic ${btoa("u:p")}`,
    });
    await resolve(peer, { username: "u", password: "p" });
    expect(
      peer.requests
        .filter((r) => r.path.includes("manifests"))
        .map((r) => r.headers.has("authorization")),
    ).toEqual([false, true]);
    await expect(resolve(peer)).rejects.toMatchObject({ code: "unauthorized" });
  });

  test("bearer is preferred where both are offered", async () => {
    await using peer = await guarded({ challenge: (url) => `Basic realm="x", ${bearer(url)}` });
    await resolve(peer, { username: "u", password: "p" });
    expect(peer.requests.at(-1)?.headers.get("authorization")).toBe("Bearer t1");
  });
});
