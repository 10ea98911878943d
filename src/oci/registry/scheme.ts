import type { Endpoint } from "./endpoints.ts";
import { reasonOf } from "./failures.ts";
import type { Transport } from "./transport.ts";

/** A server that speaks plain http may leave a TLS greeting unanswered; it gets this long. */
const probeMs = 3_000;

/**
 * Finds out how an insecure registry is spoken to: https (whatever its certificate) if it answers to that,
 * else plain http, the order that Docker keeps. Others have their scheme from the start.
 */
export class SchemeFinder {
  readonly #transport: Transport;
  readonly #known = new Map<string, "https" | "http">();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The endpoint's base URL, "http://127.0.0.1:5000". */
  async find(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<string> {
    const scheme =
      endpoint.scheme ?? this.#known.get(endpoint.host) ?? (await this.#probe(endpoint, signal));
    return `${scheme}://${endpoint.host}${endpoint.prefix}`;
  }

  async #probe(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<"https" | "http"> {
    let scheme: "https" | "http" = "https";
    try {
      await this.#ping(`https://${endpoint.host}/v2/`, signal);
    } catch (error) {
      signal?.throwIfAborted();
      scheme = "http";
      if (reasonOf(error) === "connection refused" && /:[0-9]+$/.test(endpoint.host)) throw error;
    }
    this.#known.set(endpoint.host, scheme);
    return scheme;
  }

  async #ping(url: string, signal: AbortSignal | undefined): Promise<void> {
    const limit = AbortSignal.timeout(probeMs);
    const both = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    using _exchange = await this.#transport.open(new URL(url), { insecure: true, signal: both });
  }
}
