import { EngineError } from "../../errors.ts";
import { isRecord, parseJson } from "../json.ts";
import { printable } from "../printable.ts";
import { hostKind } from "./addresses.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { type Endpoint, hostNameOf, isInsecure } from "./endpoints.ts";
import type { Exchange, Transport } from "./transport.ts";
import type { Credentials } from "./types.ts";

const tokenCap = 1024 * 1024;
/** What a token server that says nothing means. */
const defaultLifetimeMs = 60_000;
/** A token is not used within so long of its end. */
const marginMs = 5_000;
const maxTokens = 1_000;

export interface AuthOptions {
  transport: Transport;
  credentials: (host: string) => Promise<Credentials | undefined>;
  insecureRegistries: readonly string[];
}

/** A request to a registry, to be made with what the registry wants to see. */
export interface AuthorizedRequest {
  endpoint: Endpoint;
  scope: string;
  url: URL;
  open: (authorization: string | undefined) => Promise<Exchange>;
  signal: AbortSignal | undefined;
}

interface Grant {
  /** The whole Authorization header. */
  header: string;
  /** performance.now() beyond which it is not to be used. */
  expires: number;
}

/** Answers the challenges of registries, and remembers what they gave for each scope. */
export class Authorizer {
  readonly #options: AuthOptions;
  readonly #grants = new Map<string, Grant>();
  readonly #pending = new Map<string, Promise<Grant>>();

  constructor(options: AuthOptions) {
    this.#options = options;
  }

  /** The Authorization header known to serve a scope (or several, with spaces between) at an endpoint, if any. */
  find(endpoint: Endpoint, scope: string): string | undefined {
    const key = keyOf(endpoint, scope);
    const grant = this.#grants.get(key);
    if (grant === undefined) return undefined;
    if (grant.expires > performance.now()) return grant.header;
    this.#grants.delete(key);
    return undefined;
  }

  /** One request, once more with an answer to the challenge if there is one. Any status is returned. */
  async send({ endpoint, scope, url, open, signal }: AuthorizedRequest): Promise<Exchange> {
    const known = this.find(endpoint, scope);
    const exchange = await open(known);
    // A challenge counts only from the registry itself, not from where it redirects to.
    if (exchange.status !== 401 || exchange.url.origin !== url.origin) return exchange;
    try {
      const answer = await this.answer(endpoint, scope, exchange, known, signal);
      if (answer === undefined) return exchange;
      await exchange.settle();
      return await open(answer);
    } catch (error) {
      exchange.close();
      throw error;
    }
  }

  /**
   * Answers a 401. Returns the header to try once more with, or undefined if there is nothing to try.
   * Many requests of one scope that are refused at once share one answer.
   */
  async answer(
    endpoint: Endpoint,
    scope: string,
    exchange: Exchange,
    refused: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const known = this.find(endpoint, scope);
    if (known !== undefined && known !== refused) return known;
    const key = keyOf(endpoint, scope);
    this.#grants.delete(key);
    const challenges = parseChallenges(exchange.header("www-authenticate"));
    const bearer = challenges.find((c) => c.scheme === "bearer");
    const basic = challenges.find((c) => c.scheme === "basic");
    if (bearer === undefined && basic === undefined) return undefined;
    const credentials = await this.#options.credentials(endpoint.account);
    const grant =
      bearer === undefined
        ? basicGrant(credentials)
        : await this.#share(key, () =>
            this.#bearerGrant(endpoint, exchange.url, scope, bearer, credentials, signal),
          );
    if (grant === undefined || grant.header === refused) return undefined;
    if (this.#grants.size >= maxTokens) this.#grants.clear();
    this.#grants.set(key, grant);
    return grant.header;
  }

  async #share(key: string, ask: () => Promise<Grant>): Promise<Grant> {
    const pending = this.#pending.get(key);
    // A shared request that its owner gave up says nothing about this one.
    if (pending !== undefined) return pending.catch(() => ask());
    const own = ask();
    this.#pending.set(key, own);
    try {
      return await own;
    } finally {
      this.#pending.delete(key);
    }
  }

  async #bearerGrant(
    endpoint: Endpoint,
    registry: URL,
    scope: string,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Grant> {
    if (credentials?.registryToken !== undefined) {
      return { header: `Bearer ${credentials.registryToken}`, expires: Number.POSITIVE_INFINITY };
    }
    const realm = this.#checkRealm(challenge.parameters.get("realm"), registry);
    const { transport } = this.#options;
    const request = tokenRequest(realm, challenge.parameters.get("service"), scope, credentials);
    const insecure = endpoint.insecure && realm.hostname === hostNameOf(endpoint.host);
    const body = await transport.retrying({ signal }, async () => {
      using exchange = await transport.open(request.url, { ...request.options, insecure, signal });
      if (exchange.status !== 200) throw await exchange.failure();
      // Awaited here: the exchange is closed when this block is left.
      return await exchange.bytes(tokenCap, `token from ${realm.host}`);
    });
    return parseToken(body, realm);
  }

  /** A realm is an address given by a stranger: it must not lead to where only this machine can go. */
  #checkRealm(text: string | undefined, registry: URL): URL {
    const realm = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
    const refuse = (why: string) =>
      new EngineError("forbidden", `registry ${registry.host} names a token server ${why}`, {
        hint: "the registry is misconfigured or hostile; ask its owner",
      });
    if (realm === undefined || !/^https?:$/.test(realm.protocol) || realm.username !== "") {
      throw refuse("that is no valid address");
    }
    const same = realm.hostname === registry.hostname;
    if (realm.protocol === "http:") {
      const plain = same || isInsecure(realm.host, this.#options.insecureRegistries);
      if (registry.protocol === "https:" || !plain)
        throw refuse(`without https: ${printable(realm.host)}`);
    }
    const kind = hostKind(realm.hostname);
    const inward = kind === "loopback" || kind === "link-local" || kind === "private";
    // From this machine to this machine nothing is gained.
    const home = kind === "loopback" && hostKind(registry.hostname) === "loopback";
    if (inward && !same && !home && !this.#options.insecureRegistries.includes(realm.host)) {
      throw refuse(`at the local address ${printable(realm.host)}`);
    }
    return realm;
  }
}

function tokenRequest(
  realm: URL,
  service: string | undefined,
  scope: string,
  credentials: Credentials | undefined,
) {
  const identity = credentials?.identityToken;
  if (identity !== undefined && identity !== "") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "rt",
      service: service ?? "",
      scope,
      refresh_token: identity,
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { url: realm, options: { method: "POST" as const, headers, body: form.toString() } };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const each of scope.split(" ").filter(Boolean)) url.searchParams.append("scope", each);
  const basic = basicGrant(credentials);
  if (basic !== undefined) url.searchParams.set("account", credentials?.username ?? "");
  return { url, options: { headers: basic === undefined ? {} : { authorization: basic.header } } };
}

function basicGrant(credentials: Credentials | undefined): Grant | undefined {
  const { username, password } = credentials ?? {};
  if (username === undefined || username === "" || password === undefined) return undefined;
  const text = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
  return { header: `Basic ${text}`, expires: Number.POSITIVE_INFINITY };
}

function parseToken(body: Uint8Array, realm: URL): Grant {
  const value = parseJson(body, `token from ${realm.host}`);
  const token = isRecord(value) ? (value.token ?? value.access_token) : undefined;
  if (!isRecord(value) || typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw new EngineError("unavailable", `token server ${realm.host} gave no valid token`);
  }
  const seconds = value.expires_in;
  const lifetime =
    typeof seconds === "number" && seconds > 0
      ? Math.min(seconds, 86_400) * 1000
      : defaultLifetimeMs;
  return {
    header: `Bearer ${token}`,
    expires: performance.now() + Math.max(0, lifetime - marginMs),
  };
}

function keyOf(endpoint: Endpoint, scope: string): string {
  return `${endpoint.scheme ?? ""} ${endpoint.host} ${endpoint.account} ${scope}`;
}
