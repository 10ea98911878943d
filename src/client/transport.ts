import type { Route } from "../api/routes.ts";
import type { EngineError } from "../errors.ts";
import type { Address } from "./address.ts";
import { Connection } from "./connection.ts";
import { isAbsent, toLost, toReplyError, toUnreachable } from "./failures.ts";
import { Body, type Head, readHead } from "./http.ts";
import { buildRequest, type RequestOptions } from "./request.ts";
import { Upload } from "./upload.ts";

const maxErrorBody = 1024 * 1024;

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Body;
}

/**
 * Speaks HTTP/1.1 to one engine. A connection that has served its reply whole is used again; requests
 * may run at the same time, each on a connection of its own. All failures are EngineErrors: the
 * engine's own carry "Error response from daemon: ", a missing engine is `unavailable`.
 */
export class Transport {
  readonly address: Address;
  /** Tried once, when nothing listens: may start an engine and return true to try again. */
  readonly #onAbsent: (() => Promise<boolean>) | undefined;
  readonly #idle: Promise<Connection>[] = [];
  readonly #open = new Set<Connection>();
  #expected = 0;

  constructor(address: Address, onAbsent?: () => Promise<boolean>) {
    this.address = address;
    this.#onAbsent = onAbsent;
  }

  /**
   * Says how many connections will soon be in use at once: one is opened now, the others while the
   * first request is being answered.
   */
  expect(count: number): void {
    this.#warm(1);
    this.#expected = count;
  }

  async request(route: Route, options: RequestOptions = {}): Promise<Reply> {
    const { connection, head } = await this.#exchange(route, options, {});
    const body = this.#body(connection, head, route.method === "HEAD");
    options.signal?.addEventListener("abort", () => body.cancel());
    if (head.status >= 300 && !options.accept?.includes(head.status)) {
      throw await this.#toError(route, head, body);
    }
    return { status: head.status, headers: head.headers, body };
  }

  /** A request whose connection becomes a raw stream in both directions. */
  async hijack(route: Route, options: RequestOptions = {}): Promise<HijackedStream> {
    const upgrade = { Connection: "Upgrade", Upgrade: "tcp" };
    const { connection, head } = await this.#exchange(route, options, upgrade);
    if (head.status === 101 || head.status === 200) {
      const contentType = head.headers["content-type"];
      return { connection, multiplexed: contentType?.endsWith("multiplexed-stream") };
    }
    throw await this.#toError(route, head, this.#body(connection, head));
  }

  /** Offers to go on in `protocol`; an engine that does not know it answers as to any other request. */
  async offer(route: Route, options: RequestOptions, protocol: string): Promise<Offered> {
    const upgrade = { Connection: "Upgrade", Upgrade: protocol };
    const { connection, head } = await this.#exchange(route, options, upgrade);
    const { status, headers } = head;
    if (status === 101) return { headers, connection };
    const body = this.#body(connection, head);
    if (status >= 300) throw await this.#toError(route, head, body);
    return { status, headers, body };
  }

  /** Closes every connection. */
  close(): void {
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  async #exchange(route: Route, options: RequestOptions, extra: Record<string, string>) {
    const request = buildRequest(route, options, extra);
    const connection = await this.#acquire(options.signal);
    const abort = () => connection.close();
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener("abort", abort);
    try {
      await connection.write(request);
      this.#warm(this.#expected);
      this.#expected = 0;
      const upload = options.body === undefined ? undefined : new Upload(connection, options.body);
      if (upload === undefined) return { connection, head: await readHead(connection) };
      // An engine that refuses may answer before it has all.
      const head = await Promise.race([readHead(connection), upload.failed]);
      return { connection, head: upload.stop() ? head : { ...head, keepAlive: false } };
    } catch (error) {
      connection.close();
      options.signal?.throwIfAborted();
      throw toUnreachable(error, this.address);
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
  }

  #warm(count: number): void {
    for (let i = this.#open.size; i < count; i++) {
      const connection = this.#connect();
      connection.catch(() => {});
      this.#idle.push(connection);
    }
  }

  async #acquire(signal: AbortSignal | undefined): Promise<Connection> {
    signal?.throwIfAborted();
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      const connection = await idle.catch(() => undefined);
      if (connection && !connection.ended) return connection;
    }
    try {
      return await this.#connect();
    } catch (error) {
      if (isAbsent(error) && this.#onAbsent && (await this.#onAbsent())) {
        return await this.#connect().catch((again) => {
          throw toUnreachable(again, this.address);
        });
      }
      throw toUnreachable(error, this.address);
    }
  }

  async #connect(): Promise<Connection> {
    const connection = await Connection.open(this.address);
    this.#open.add(connection);
    return connection;
  }

  #body(connection: Connection, head: Head, isEmpty = false): Body {
    const finished = (reusable: boolean) => {
      if (reusable) this.#idle.push(Promise.resolve(connection));
      else this.#open.delete(connection);
    };
    const toFailure = (error: unknown) => toLost(error, this.address);
    return new Body(connection, head, { finished, toFailure }, isEmpty);
  }

  async #toError(route: Route, head: Head, body: Body): Promise<EngineError> {
    const text = await body.text(maxErrorBody).catch(() => "");
    return toReplyError(route, head, text);
  }
}

/** A connection that speaks the protocol now, or an ordinary answer. */
export type Offered = Reply | { headers: Record<string, string>; connection: Connection };

export interface HijackedStream {
  connection: Connection;
  /** Whether the engine said that output comes in frames; undefined when it did not say. */
  multiplexed: boolean | undefined;
}
