import { EngineError } from "../../errors.ts";
import { printable } from "../printable.ts";
import { hostKind } from "./addresses.ts";
import { ConnectionFailure, HttpFailure, isTransient, reasonOf } from "./failures.ts";
import { type FilePart, openFilePart } from "./file-body.ts";
import type { RetryEvent } from "./types.ts";

const maxRedirects = 10;
const errorBodyCap = 1024 * 1024;
/** A body of no interest is read up to this size to keep its connection. */
const settleCap = 64 * 1024;
/** The longest a Retry-After is obeyed. */
const longestWaitMs = 30_000;
const longestBackoffMs = 10_000;

export interface TransportOptions {
  userAgent: string;
  attempts: number;
  backoffMs: number;
  stallMs: number;
  onRetry: (event: RetryEvent) => void;
}

/** Whom a repeated attempt concerns. */
export interface Concerned {
  signal?: AbortSignal | undefined;
  onRetry?: ((event: RetryEvent) => void) | undefined;
}

export interface RequestOptions {
  method?: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  headers?: Record<string, string>;
  /** A text may hold secrets: it goes no further than where it was meant for. */
  body?: string | Uint8Array<ArrayBuffer> | FilePart;
  /** Do not ask for a valid certificate of the first host. */
  insecure?: boolean;
  signal?: AbortSignal | undefined;
}

/** The part of a stream reader that is used: the types of Bun and of the web differ in the rest. */
interface BodyReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
}

/**
 * One answered request. `close` must be called in the end: it gives the connection back if the body was read
 * whole and breaks it otherwise. (In Bun, cancelling a body reads it to its end; only abort closes it.)
 */
export class Exchange implements Disposable {
  readonly response: Response;
  readonly url: URL;
  readonly #reader: BodyReader | undefined;
  readonly #abort: (reason?: unknown) => void;
  readonly #stallMs: number;

  constructor(response: Response, url: URL, abort: (reason?: unknown) => void, stallMs: number) {
    this.response = response;
    this.url = url;
    this.#reader = response.body?.getReader();
    this.#abort = abort;
    this.#stallMs = stallMs;
  }

  get status(): number {
    return this.response.status;
  }

  header(name: string): string | null {
    return this.response.headers.get(name);
  }

  /** The next bytes, undefined at the end. Throws if none come for the stall time. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined;
    const timer = setTimeout(() => this.#abort(stalled(this.#stallMs)), this.#stallMs);
    try {
      const { done, value } = await this.#reader.read();
      return done ? undefined : value;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The whole body; throws invalid_argument when it is larger than `cap` bytes. */
  async bytes(cap: number, what: string): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const declared = Number(this.header("content-length") ?? "0");
    for (;;) {
      if (declared > cap || size > cap) {
        this.close();
        throw new EngineError("invalid_argument", `${what} is larger than ${cap} bytes`);
      }
      const chunk = await this.read();
      if (chunk === undefined) return Buffer.concat(chunks, size);
      size += chunk.byteLength;
      chunks.push(chunk);
    }
  }

  /** Ends an exchange whose body does not matter, keeping the connection for the next one if that is cheap. */
  async settle(): Promise<void> {
    const length = this.header("content-length");
    if (length !== null && Number(length) <= settleCap) {
      await this.bytes(settleCap, "body").catch(() => undefined);
    }
    this.close();
  }

  /** Reads an answer that is a failure, for its words. */
  async failure(): Promise<HttpFailure> {
    const body = await this.bytes(errorBodyCap, "error body").catch(() => new Uint8Array());
    this.close();
    return new HttpFailure(this.status, body, this.header("retry-after"));
  }

  close(): void {
    this.#abort();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** HTTP as a registry client needs it: redirects by hand, nothing decompressed, silence noticed. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and follows its redirects. Authorization goes no further than the origin it was meant for,
   * and no redirect leads from https to http or from elsewhere to this machine. Any status is returned; throws
   * Bun's own error, ConnectionFailure, or EngineError for a redirect that is refused.
   */
  async open(url: URL, options: RequestOptions = {}): Promise<Exchange> {
    let current = url;
    const headers = new Headers(options.headers);
    headers.set("accept-encoding", "identity");
    headers.set("user-agent", this.#options.userAgent);
    for (let hop = 0; ; hop++) {
      const insecure = options.insecure === true && current.host === url.host;
      const exchange = await this.#send(current, headers, { ...options, insecure });
      const location = exchange.header("location");
      if (location === null || !mayFollow(exchange.status, options)) return exchange;
      await exchange.settle();
      if (hop === maxRedirects) {
        throw new EngineError(
          "unavailable",
          `registry ${url.host} redirects more than ${maxRedirects} times`,
        );
      }
      const next = checkRedirect(current, location, url);
      if (next.origin !== current.origin) headers.delete("authorization");
      current = next;
    }
  }

  /** Runs an attempt until it succeeds, fails for good, or has failed too often. */
  async retrying<T>(
    concerned: Concerned,
    attempt: () => Promise<T>,
    attempts = this.#options.attempts,
  ): Promise<T> {
    for (let n = 1; ; n++) {
      concerned.signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        if (n >= attempts) throw error;
        await this.backOff(concerned, error, n);
      }
    }
  }

  /** Waits after failure number `n` in a row; throws the failure if waiting is of no use. */
  async backOff({ signal, onRetry }: Concerned, error: unknown, n: number): Promise<void> {
    signal?.throwIfAborted();
    const delayMs = this.#delay(error, n);
    if (delayMs === undefined) throw error;
    const reason = error instanceof HttpFailure ? error.message : reasonOf(error);
    this.#options.onRetry({ attempt: n, delayMs, reason });
    onRetry?.({ attempt: n, delayMs, reason });
    await pause(delayMs, signal);
  }

  /** How long to wait after failure number `n`, undefined if waiting is of no use. */
  #delay(error: unknown, n: number): number | undefined {
    if (!isTransient(error)) return undefined;
    const asked = error instanceof HttpFailure ? error.retryAfterMs : undefined;
    if (asked !== undefined) return asked > longestWaitMs ? undefined : asked;
    const full = Math.min(this.#options.backoffMs * 2 ** (n - 1), longestBackoffMs);
    return Math.round(full * (0.5 + Math.random() / 2));
  }

  async #send(url: URL, headers: Headers, options: RequestOptions): Promise<Exchange> {
    const { signal } = options;
    const controller = new AbortController();
    const onAbort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const abort = (reason?: unknown) => {
      signal?.removeEventListener("abort", onAbort);
      controller.abort(reason);
    };
    const { stallMs } = this.#options;
    let isAnswered = false;
    const touch = (): void => {
      if (!isAnswered) timer.refresh();
    };
    const { body, length, blindMs } = toFetchBody(url, options.body, touch);
    if (length !== undefined) headers.set("content-length", String(length));
    const waitMs = stallMs + blindMs;
    const timer = setTimeout(() => controller.abort(stalled(waitMs)), waitMs);
    try {
      signal?.throwIfAborted();
      const response = await fetch(url, {
        method: options.method ?? "GET",
        headers,
        redirect: "manual",
        decompress: false,
        timeout: false,
        signal: controller.signal,
        ...(body === undefined ? {} : { body }),
        ...(options.insecure === true ? { tls: { rejectUnauthorized: false } } : {}),
      } as BunFetchRequestInit);
      return new Exchange(response, url, abort, stallMs);
    } catch (error) {
      abort();
      throw error;
    } finally {
      isAnswered = true;
      clearTimeout(timer);
    }
  }
}

function toFetchBody(url: URL, body: RequestOptions["body"], touch: () => void) {
  return typeof body !== "object" || body instanceof Uint8Array
    ? { body, length: undefined, blindMs: 0 }
    : openFilePart(body, url.protocol === "https:", touch);
}

/** What a redirect leads to is read there; what is sent is sent again only if the answer says so. */
function mayFollow(status: number, { method = "GET", body }: RequestOptions): boolean {
  if (method === "GET" || method === "HEAD") return [301, 302, 303, 307, 308].includes(status);
  return typeof body !== "string" && (status === 307 || status === 308);
}

/** Where an answer leads; throws forbidden for a place that it may not lead to. */
export function checkRedirect(from: URL, location: string, first: URL): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const refuse = (why: string) =>
    new EngineError("forbidden", `registry ${first.host} redirects ${why}`, {
      hint: "the registry is misconfigured or hostile; ask its owner",
    });
  if (next === undefined || (next.protocol !== "https:" && next.protocol !== "http:")) {
    throw refuse(`to an invalid address ${JSON.stringify(printable(location, 80))}`);
  }
  if (from.protocol === "https:" && next.protocol === "http:") {
    throw refuse(`from https to http://${next.host}`);
  }
  if (next.username !== "" || next.password !== "") throw refuse("to an address with a password");
  const kind = hostKind(next.hostname);
  const inward = kind === "loopback" || kind === "link-local";
  if (inward && next.hostname !== first.hostname && hostKind(first.hostname) !== "loopback") {
    throw refuse(`to the local address ${next.host}`);
  }
  return next;
}

function stalled(ms: number): ConnectionFailure {
  return new ConnectionFailure("stalled", `no data for ${Math.round(ms / 1000)} s`);
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = () => reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
