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

async function readHeadText(connection: Connection): Promise<string> {
  let text = "";
  while (true) {
    const chunk = await connection.read();
    if (!chunk) throw new ProtocolError(text === "" ? "no answer" : "the answer was cut off");
    const from = Math.max(0, text.length - 3);
    text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1");
    if (!text.startsWith("HTTP/1.".slice(0, text.length))) throw new ProtocolError("not HTTP");
    const end = text.indexOf("\r\n\r\n", from);
    if (end >= 0) {
      connection.unread(chunk.subarray(chunk.length - (text.length - end - 4)));
      return text.slice(0, end);
    }
    if (text.length > maxHeadBytes) throw new ProtocolError("the head of the answer is too long");
  }
}

export function parseHead(text: string): Head {
  const lines = text.split("\r\n");
  const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(lines[0] ?? "");
  if (!match) throw new ProtocolError("not HTTP");
  const headers: Record<string, string> = {};
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const colon = line.indexOf(":");
    if (colon <= 0) throw new ProtocolError("a malformed header in the answer");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  checkFraming(headers);
  const connection = (headers.connection ?? "").toLowerCase();
  const keepAlive = match[1] === "1" ? connection !== "close" : connection === "keep-alive";
  return { status: Number(match[2]), headers, keepAlive };
}

function checkFraming(headers: Record<string, string>): void {
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked") {
    throw new ProtocolError(`transfer encoding "${encoding}" in the answer`);
  }
  const length = headers["content-length"];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
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

  constructor(connection: Connection, head: Head, events: BodyEvents) {
    this.#connection = connection;
    this.#events = events;
    this.#chunked = head.headers["transfer-encoding"] !== undefined;
    const length = head.headers["content-length"];
    const empty = head.status === 204 || head.status === 304;
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
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
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
    const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(await this.#line());
    if (!size?.[1]) throw new ProtocolError("a malformed chunk size");
    this.#left = Number.parseInt(size[1], 16);
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
