/**
 * A token server as Docker's registries want one: GET with basic or no credentials and a scope gives
 * a signed JWT. Source: Distribution's token authentication specification.
 */
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { output } from "./process.ts";
import { login, relay } from "./registry.ts";
import type { World } from "./world.ts";

export interface Access {
  type: string;
  name: string;
  actions: string[];
}

export class TokenServer {
  /** The `auth` section of the registry's configuration. */
  readonly config: object;
  /** Every request for a token: its query, and whether it came with credentials. */
  readonly asked: { query: string; authorized: boolean }[] = [];
  readonly #key: KeyObject;
  readonly #certificate: string;

  private constructor(config: object, key: KeyObject, certificate: string) {
    this.config = config;
    this.#key = key;
    this.#certificate = certificate;
  }

  static async start(world: World, dir: string): Promise<TokenServer> {
    const [key, certificate] = [`${dir}/token.key`, `${dir}/token.crt`];
    await output([
      ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
      ...["-subj", "/CN=rt test", "-keyout", key, "-out", certificate],
    ]);
    const port = world.nextPort();
    const pem = await readFile(certificate, "utf8");
    const realm = `http://127.0.0.1:${port}/token`;
    const names = { service: "rt-test", issuer: "rt-test" };
    const server = new TokenServer(
      { token: { realm, ...names, rootcertbundle: certificate } },
      createPrivateKey(await readFile(key)),
      pem.replace(/-----[^-]+-----|\s/g, ""),
    );
    const socket = world.path(`tokens-${port}.sock`);
    Bun.serve({ unix: socket, fetch: (request) => server.#answer(request) }).unref();
    await relay(world, `tcp:127.0.0.1:${port}`, `unix:${socket}`);
    return server;
  }

  /** A token that grants `access`. */
  sign(subject: string, access: Access[]): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: "rt-test", aud: "rt-test", sub: subject, jti: crypto.randomUUID() },
      ...{ iat: now, nbf: now - 10, exp: now + 300, access },
    };
    const header = { typ: "JWT", alg: "RS256", x5c: [this.#certificate] };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const body = `${encode(header)}.${encode(claims)}`;
    return `${body}.${sign("sha256", Buffer.from(body), this.#key).toString("base64url")}`;
  }

  /** Anybody may pull from library/, alice everything; who gives a wrong password gets a 401. */
  #answer(request: Request): Response {
    const url = new URL(request.url);
    const given = request.headers.get("authorization");
    const right = `Basic ${btoa(`${login.username}:${login.password}`)}`;
    this.asked.push({ query: url.search, authorized: given === right });
    if (given !== null && given !== right) {
      return Response.json({ errors: [{ code: "UNAUTHORIZED" }] }, { status: 401 });
    }
    const access = url.searchParams.getAll("scope").map((scope): Access => {
      const [type = "", name = "", actions = ""] = scope.split(":");
      const allowed = actions
        .split(",")
        .filter((action) => given || (action === "pull" && name.startsWith("library/")));
      return { type, name, actions: allowed };
    });
    return Response.json({
      token: this.sign(given ? login.username : "", access),
      expires_in: 300,
    });
  }
}
