import { RequestError } from "./limits.ts";

/** The head of one request: strict HTTP/1.x, whatever is ambiguous is refused. */
export interface RequestHead {
  method: string;
  /** Path and query, "/containers/json?all=1". */
  target: string;
  /** By lower-case name; repeated ones joined with ", ". No prototype. */
  headers: Record<string, string>;
  body: Framing;
  /** The client would use the connection again. */
  keepAlive: boolean;
  /** HTTP/1.0 knows no chunks. */
  minor: 0 | 1;
  /** It asks for the connection itself, as attach and exec do. */
  upgrade: boolean;
  /** It sends its body when told to. */
  expectsContinue: boolean;
}

/** How the end of a body is found. */
export type Framing = { kind: "length"; length: number } | { kind: "chunked" };

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;
/** Of these a second one would be a lie of some kind. */
const single = new Set(["host", "content-length", "transfer-encoding", "content-type", "expect"]);

/** Reads a head as latin-1 text without the empty line that ends it. */
export function parseHead(text: string, headerCount: number): RequestHead {
  const lines = text.split("\r\n");
  const [, method = "", target = "", major, minorDigit] = requestLine.exec(lines[0] ?? "") ?? [];
  if (method === "") throw new RequestError(400, "malformed HTTP request");
  if (major !== "1" || (minorDigit !== "0" && minorDigit !== "1")) {
    throw new RequestError(505, "unsupported HTTP version: use HTTP/1.1");
  }
  if (lines.length - 1 > headerCount) {
    throw new RequestError(431, `the request has more than ${headerCount} headers`);
  }
  const minor = minorDigit === "1" ? 1 : 0;
  const headers = parseHeaders(lines);
  if (minor === 1 && headers.host === undefined) {
    throw new RequestError(400, "missing required Host header");
  }
  const connection = tokens(headers.connection);
  return {
    method,
    target: toPath(target),
    headers,
    body: parseFraming(headers, minor),
    keepAlive: minor === 1 ? !connection.includes("close") : connection.includes("keep-alive"),
    minor,
    upgrade: minor === 1 && connection.includes("upgrade") && (headers.upgrade ?? "") !== "",
    expectsContinue: parseExpect(headers.expect),
  };
}

function parseHeaders(lines: string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (let i = 1; i < lines.length; i++) {
    const [, spelled, value = ""] = headerLine.exec(lines[i] ?? "") ?? [];
    if (spelled === undefined) throw new RequestError(400, "malformed header in the request");
    const name = spelled.toLowerCase();
    const before = headers[name];
    if (before !== undefined && single.has(name)) {
      throw new RequestError(400, `repeated ${name} header`);
    }
    headers[name] = before === undefined ? value.trim() : `${before}, ${value.trim()}`;
  }
  return headers;
}

/** A proxy's form, "http://host/path", is the path alone. */
function toPath(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?]*/i, "");
  if (path.startsWith("/")) return path;
  throw new RequestError(400, "the target of the request is not a path");
}

function parseFraming(headers: Record<string, string>, minor: 0 | 1): Framing {
  const encoding = headers["transfer-encoding"];
  const length = headers["content-length"];
  if (encoding !== undefined) {
    if (length !== undefined) {
      throw new RequestError(400, "both content-length and transfer-encoding are given");
    }
    if (minor === 0 || encoding.toLowerCase() !== "chunked") {
      throw new RequestError(400, "unsupported transfer encoding");
    }
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "length", length: 0 };
  if (!/^\d{1,15}$/.test(length)) throw new RequestError(400, "malformed content-length header");
  return { kind: "length", length: Number(length) };
}

function parseExpect(value: string | undefined): boolean {
  if (value === undefined) return false;
  if (value.toLowerCase() === "100-continue") return true;
  throw new RequestError(417, "unsupported expectation");
}

function tokens(value: string | undefined): string[] {
  return (value ?? "")
    .toLowerCase()
    .split(",")
    .map((token) => token.trim());
}
