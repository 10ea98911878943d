import { errorCodeHeader, errorHintHeader, fromErrorReply } from "../api/errors.ts";
import { type Route, routes } from "../api/routes.ts";
import { EngineError, type ErrorCode, messageOf } from "../errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import { Body, type Head, ProtocolError, readHead } from "./http.ts";

const maxErrorBody = 1024 * 1024;

export type QueryValue = string | number | boolean | undefined;

export interface RequestOptions {
  /** Values for the `{name}` parts of the route's path. */
  path?: Record<string, string>;
  query?: Record<string, QueryValue>;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Statuses of 300 and above that are an answer, not an error. */
  accept?: readonly number[];
  signal?: AbortSignal | undefined;
}

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
    const body = this.#body(connection, head);
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
      return { connection, head: await readHead(connection) };
    } catch (error) {
      connection.close();
      options.signal?.throwIfAborted();
      throw this.#toFailure(error);
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
          throw this.#toFailure(again);
        });
      }
      throw this.#toFailure(error);
    }
  }

  async #connect(): Promise<Connection> {
    const connection = await Connection.open(this.address);
    this.#open.add(connection);
    return connection;
  }

  #body(connection: Connection, head: Head): Body {
    const finished = (reusable: boolean) => {
      if (reusable) this.#idle.push(Promise.resolve(connection));
      else this.#open.delete(connection);
    };
    return new Body(connection, head, { finished, toFailure: (error) => this.#toLoss(error) });
  }

  async #toError(route: Route, head: Head, body: Body): Promise<EngineError> {
    const text = await body.text(maxErrorBody).catch(() => "");
    const hint = head.headers[errorHintHeader.toLowerCase()];
    const message = `Error response from daemon: ${messageIn(text, head.status)}`;
    const code = head.headers[errorCodeHeader.toLowerCase()] ?? guessCode(route, message);
    return fromErrorReply(head.status, message, code, hint);
  }

  /** What a connection that failed in the middle of a reply means to the user. */
  #toLoss(error: unknown): EngineError {
    const where = formatAddress(this.address);
    const message = `lost the connection to the daemon at ${where}: ${messageOf(error)}`;
    return new EngineError("unavailable", message, { cause: error, hint: startHint });
  }

  /** What a connection that failed means to the user. */
  #toFailure(error: unknown): EngineError {
    if (error instanceof EngineError) return error;
    const where = formatAddress(this.address);
    const prefix = `cannot connect to the rt daemon at ${where}`;
    if (error instanceof ProtocolError) {
      return new EngineError(
        "unavailable",
        `${prefix}: what answers there is not a container engine: ${error.message}`,
        {
          cause: error,
          hint: "name the daemon's socket with -H or RT_HOST",
        },
      );
    }
    const known = failures[codeOf(error) ?? ""];
    return new EngineError(
      known?.code ?? "unavailable",
      `${prefix}: ${known?.detail ?? messageOf(error)}`,
      { cause: error, hint: known?.hint ?? startHint },
    );
  }
}

export interface HijackedStream {
  connection: Connection;
  /** Whether the engine said that output comes in frames; undefined when it did not say. */
  multiplexed: boolean | undefined;
}

const startHint = "is the daemon running? start it with 'rt daemon', or name another with -H";

const failures: Record<
  string,
  { code: "unavailable" | "forbidden"; detail: string; hint: string }
> = {
  ENOENT: { code: "unavailable", detail: "no such socket", hint: startHint },
  ECONNREFUSED: { code: "unavailable", detail: "connection refused", hint: startHint },
  EACCES: {
    code: "forbidden",
    detail: "permission denied",
    hint: "run rt as root, or as a member of the group that owns the socket",
  },
  EPERM: {
    code: "forbidden",
    detail: "permission denied",
    hint: "run rt as root, or as a member of the group that owns the socket",
  },
  ENOTSOCK: { code: "unavailable", detail: "not a socket", hint: startHint },
};

function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ECONNREFUSED";
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

function messageIn(text: string, status: number): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === "object" && "message" in parsed) return String(parsed.message);
  } catch {
    // Not JSON: a proxy, or an engine older than the error format.
  }
  return text.trim() || `status ${status}`;
}

/**
 * What Docker's engine, which sends no codes, means by a failed start: its own client too goes by
 * these words. Ours says it in a header.
 */
function guessCode(route: Route, message: string): ErrorCode | undefined {
  if (route.path !== routes.containerStart.path) return undefined;
  if (/executable file not found|no such file or directory/.test(message)) {
    return "command_not_found";
  }
  if (/permission denied|is a directory/.test(message)) return "command_not_executable";
  return undefined;
}

/** The bytes of a request. */
export function buildRequest(
  route: Route,
  options: RequestOptions,
  extra: Record<string, string>,
): Uint8Array {
  const body = encoder.encode(options.json === undefined ? "" : JSON.stringify(options.json));
  let head = `${route.method} ${buildTarget(route.path, options)} HTTP/1.1\r\nHost: rt\r\n`;
  for (const headers of [options.headers, extra]) {
    for (const name in headers) head += `${name}: ${checkHeader(name, headers[name] ?? "")}\r\n`;
  }
  if (body.length > 0) head += "Content-Type: application/json\r\n";
  if (body.length > 0 || route.method === "POST" || route.method === "PUT") {
    head += `Content-Length: ${body.length}\r\n`;
  }
  const request = encoder.encode(`${head}\r\n`);
  if (body.length === 0) return request;
  const whole = new Uint8Array(request.length + body.length);
  whole.set(request);
  whole.set(body, request.length);
  return whole;
}

const encoder = new TextEncoder();

function checkHeader(name: string, value: string): string {
  if (!value.includes("\r") && !value.includes("\n")) return value;
  throw new EngineError("invalid_argument", `invalid value for the header "${name}"`);
}

/** Path and query of a request: `{id}` is one segment, `{name*}` keeps its slashes. */
export function buildTarget(pattern: string, options: RequestOptions): string {
  let target = "";
  for (const [index, part] of pattern.split("{").entries()) {
    const end = part.indexOf("}");
    if (index === 0) target = part;
    else target += escapeName(part.slice(0, end), options.path ?? {}) + part.slice(end + 1);
  }
  let separator = "?";
  for (const name in options.query) {
    const value = options.query[name];
    if (value === undefined) continue;
    target += `${separator}${name}=${encodeURIComponent(formatQuery(value))}`;
    separator = "&";
  }
  return target;
}

function escapeName(name: string, values: Record<string, string>): string {
  const many = name.endsWith("*");
  const value = values[many ? name.slice(0, -1) : name] ?? "";
  const escaped = encodeURIComponent(value).replaceAll("%3A", ":").replaceAll("%40", "@");
  return many ? escaped.replaceAll("%2F", "/") : escaped;
}

function formatQuery(value: string | number | boolean): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}
