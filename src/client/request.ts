import type { Route } from "../api/routes.ts";
import { EngineError } from "../errors.ts";

/** Of a list each value is sent, under the same name. */
export type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface RequestOptions {
  /** Values for the `{name}` parts of the route's path. */
  path?: Record<string, string>;
  query?: Record<string, QueryValue>;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it comes, in place of JSON. */
  body?: AsyncIterable<Uint8Array>;
  /** Statuses of 300 and above that are an answer, not an error. */
  accept?: readonly number[];
  signal?: AbortSignal | undefined;
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
  if (options.body !== undefined) head += "Transfer-Encoding: chunked\r\n";
  else if (body.length > 0 || route.method === "POST" || route.method === "PUT") {
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
    for (const each of typeof value === "object" ? value : [formatQuery(value)]) {
      target += `${separator}${name}=${encodeURIComponent(each)}`;
      separator = "&";
    }
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
