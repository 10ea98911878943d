import type { Connection } from "./connection.ts";

/** HTTP/1.1 as a client needs it: request heads out, response heads and bodies in. */

const maxHeadBytes = 64 * 1024;
const maxChunkLine = 1024;

export interface Head {
  status: number;
  /** By lower-case name; of repeated headers the last. */
  headers: Record<string, string>;
  /** False when the peer closes the connection after this reply. */
  keepAlive: boolean;
}

/** The peer's bytes are not HTTP, or break its rules. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** Reads one response head, passing over 1xx replies except 101. */
export async function readHead(connection: Connection): Promise<Head> {
  while (true) {
    const head = parseHead(await readHeadText(connection));
    if (head.status >= 200 || head.status === 101) return head;
  }
}

/** Heads are ASCII; a stray byte beyond it becomes U+FFFD. */
const decoder = new TextDecoder();

async function readHeadText(connection: Connection): Promise<string> {
  let bytes: Uint8Array = new Uint8Array(0);
  while (true) {
    const chunk = await connection.read();
    if (!chunk)
      throw new ProtocolError(bytes.length === 0 ? "no answer" : "the answer was cut off");
    const from = Math.max(0, bytes.length - 3);
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    if (!startsHttp(bytes)) throw new ProtocolError("not HTTP");
    const end = findHeadEnd(bytes, from);
    if (end >= 0) {
      connection.unread(bytes.subarray(end + 4));
      return decoder.decode(bytes.subarray(0, end));
    }
    if (bytes.length > maxHeadBytes) throw new ProtocolError("the head of the answer is too long");
  }
}

const protocol = "HTTP/1.";

/** As far as the bytes go. */
function startsHttp(bytes: Uint8Array): boolean {
  for (let i = 0; i < protocol.length && i < bytes.length; i++) {
    if (bytes[i] !== protocol.charCodeAt(i)) return false;
  }
  return true;
}

/** Position of the empty line that ends a head, or -1. */
function findHeadEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

/** Reads "HTTP/1.1 200 OK" and its headers. Written without patterns: compiling one takes longer. */
export function parseHead(text: string): Head {
  const lines = text.split("\r\n");
  const first = lines[0] ?? "";
  const minor = first[protocol.length];
  const status = toCount(first.slice(9, 12));
  const spaced = first[8] === " " && (first.length === 12 || first[12] === " ");
  const valid = first.startsWith(protocol) && (minor === "0" || minor === "1") && spaced;
  if (!valid || status === undefined || status < 100 || status > 599) {
    throw new ProtocolError("not HTTP");
  }
  const headers: Record<string, string> = {};
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const colon = line.indexOf(":");
    if (colon <= 0) throw new ProtocolError("a malformed header in the answer");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  checkFraming(headers);
  const connection = (headers.connection ?? "").toLowerCase();
  const keepAlive = minor === "1" ? connection !== "close" : connection === "keep-alive";
  return { status, headers, keepAlive };
}

/** A number of up to 15 digits of `base`, and nothing else. */
function toCount(text: string, base = 10): number | undefined {
  const digits = "0123456789abcdef".slice(0, base);
  if (text.length === 0 || text.length > 15) return undefined;
  for (const char of text.toLowerCase()) if (!digits.includes(char)) return undefined;
  return Number.parseInt(text, base);
}

function checkFraming(headers: Record<string, string>): void {
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked") {
    throw new ProtocolError(`transfer encoding "${encoding}" in the answer`);
  }
  const length = headers["content-length"];
  if (length !== undefined && toCount(length) === undefined) {
    throw new ProtocolError(`content length "${length}" in the answer`);
  }
}

interface BodyEvents {
  /** Called once, with true when the connection may serve another request. */
  finished(reusable: boolean): void;
  /** What to throw for a body that cannot be read to its end. */
  toFailure(error: unknown): Error;
}

/** The body of one response; pulled, so that the peer waits when nobody reads. */
export class Body {
  readonly #connection: Connection;
  readonly #events: BodyEvents;
  readonly #reusable: boolean;
  readonly #chunked: boolean;
  /** Bytes left of the body or of the current chunk; Infinity when it lasts until the close. */
  #left: number;
  #inChunk = false;
  #done = false;

  /** `isEmpty`: whatever the head says, as after a HEAD request. */
  constructor(connection: Connection, head: Head, events: BodyEvents, isEmpty = false) {
    this.#connection = connection;
    this.#events = events;
    this.#chunked = head.headers["transfer-encoding"] !== undefined;
    const length = head.headers["content-length"];
    const empty = isEmpty || head.status === 204 || head.status === 304;
    if (empty) this.#left = 0;
    else if (this.#chunked) this.#left = 0;
    else this.#left = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
    this.#reusable = head.keepAlive && this.#left !== Number.POSITIVE_INFINITY;
    if (empty || (!this.#chunked && this.#left === 0)) this.#finish(true);
  }

  /** The next bytes, or undefined at the end. Throws when the body is cut short. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#done) return undefined;
    try {
      return await this.#read();
    } catch (error) {
      this.#finish(false);
      throw this.#events.toFailure(error);
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#chunked && this.#left === 0 && !(await this.#nextChunk())) return undefined;
    const bytes = await this.#connection.read();
    if (!bytes) {
      const untilClose = this.#left === Number.POSITIVE_INFINITY;
      if (!untilClose) throw new ProtocolError("the answer was cut off");
      this.#finish(false);
      return undefined;
    }
    if (bytes.length > this.#left) this.#connection.unread(bytes.subarray(this.#left));
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= piece.length;
    if (this.#left === 0 && !this.#chunked) this.#finish(true);
    return piece;
  }

  /** All of it. Throws beyond `limit` bytes. */
  async bytes(limit = 64 * 1024 * 1024): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (let piece = await this.next(); piece; piece = await this.next()) {
      size += piece.length;
      if (size > limit) {
        this.cancel();
        throw this.#events.toFailure(new ProtocolError(`it sent more than ${limit} bytes`));
      }
      pieces.push(piece);
    }
    return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
  }

  async text(limit?: number): Promise<string> {
    const bytes = await this.bytes(limit);
    return decoder.decode(bytes);
  }

  /** Gives up the rest, and the connection with it. */
  cancel(): void {
    if (this.#done) return;
    this.#finish(false);
    this.#connection.close();
  }

  /** Reads on to the next chunk with data; false at the last one. */
  async #nextChunk(): Promise<boolean> {
    if (this.#inChunk && (await this.#line()) !== "") throw new ProtocolError("a malformed chunk");
    const [digits = ""] = (await this.#line()).split(";", 1);
    const size = toCount(digits.trim(), 16);
    if (size === undefined) throw new ProtocolError("a malformed chunk size");
    this.#left = size;
    this.#inChunk = true;
    if (this.#left > 0) return true;
    while ((await this.#line()) !== "");
    this.#finish(true);
    return false;
  }

  async #line(): Promise<string> {
    let line = "";
    while (true) {
      const bytes = await this.#connection.read();
      if (!bytes) throw new ProtocolError("the answer was cut off");
      const end = bytes.indexOf(10);
      line += Buffer.from(bytes.buffer, bytes.byteOffset, end < 0 ? bytes.length : end).toString(
        "latin1",
      );
      if (end >= 0) {
        this.#connection.unread(bytes.subarray(end + 1));
        return line.endsWith("\r") ? line.slice(0, -1) : line;
      }
      if (line.length > maxChunkLine) throw new ProtocolError("a malformed chunk size");
    }
  }

  #finish(whole: boolean): void {
    if (this.#done) return;
    this.#done = true;
    this.#events.finished(whole && this.#reusable);
  }
}
