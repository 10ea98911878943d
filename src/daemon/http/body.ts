import type { Framing } from "./head.ts";
import { RequestError } from "./limits.ts";
import type { Wire } from "./wire.ts";

/** A chunk's size line, with extensions, and a trailer's line. */
const maxLine = 1024;
const maxTrailers = 16 * 1024;

/** The body of one request, as it comes. */
export class RequestBody {
  readonly #wire: Wire;
  readonly #chunked: boolean;
  readonly #ask: () => void;
  /** Bytes left of the body or of the current chunk. */
  #left: number;
  #inChunk = false;
  #whole: boolean;
  #asked = false;

  /** `ask` tells a client that waits for it to begin; called before the first read. */
  constructor(wire: Wire, framing: Framing, ask: () => void) {
    this.#wire = wire;
    this.#chunked = framing.kind === "chunked";
    this.#left = framing.kind === "length" ? framing.length : 0;
    this.#whole = !this.#chunked && this.#left === 0;
    this.#ask = ask;
  }

  /** All of it was read. */
  get isWhole(): boolean {
    return this.#whole;
  }

  /** The least number of bytes that are still to come. */
  get atLeast(): number {
    return this.#left;
  }

  /** The next bytes, or undefined at the end. Throws when it is cut short or malformed. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#whole) return undefined;
    if (!this.#asked) {
      this.#asked = true;
      this.#ask();
    }
    if (this.#chunked && this.#left === 0 && !(await this.#nextChunk())) return undefined;
    return this.#take(await this.#read());
  }

  /** What of `bytes` belongs to the body; the rest is put back. */
  #take(bytes: Uint8Array): Uint8Array {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    if (bytes.length > this.#left) this.#wire.unread(bytes.subarray(this.#left));
    this.#left -= piece.length;
    if (this.#left === 0 && !this.#chunked) this.#whole = true;
    return piece;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let piece = await this.next(); piece; piece = await this.next()) yield piece;
  }

  /** Reads past what is here already, for a body that nobody wants; true if that was all of it. */
  skipReceived(): boolean {
    while (!this.#chunked && !this.#whole) {
      const bytes = this.#wire.shift();
      if (bytes === undefined) break;
      this.#take(bytes);
    }
    return this.#whole;
  }

  async #nextChunk(): Promise<boolean> {
    if (this.#inChunk && (await this.#line()) !== "") throw malformed();
    const [digits = ""] = (await this.#line()).split(";", 1);
    if (!/^[0-9a-fA-F]{1,12}[\t ]*$/.test(digits)) throw malformed();
    this.#left = Number.parseInt(digits, 16);
    this.#inChunk = true;
    if (this.#left > 0) return true;
    let trailers = 0;
    for (let line = await this.#line(); line !== ""; line = await this.#line()) {
      trailers += line.length;
      if (trailers > maxTrailers)
        throw new RequestError(431, "the request's trailers are too long");
    }
    this.#whole = true;
    return false;
  }

  async #line(): Promise<string> {
    let line = "";
    while (true) {
      const bytes = await this.#read();
      const end = bytes.indexOf(10);
      const part = end < 0 ? bytes : bytes.subarray(0, end);
      line += Buffer.from(
        part.buffer,
        part.byteOffset,
        Math.min(part.length, maxLine + 1),
      ).toString("latin1");
      if (line.length > maxLine) throw malformed();
      if (end < 0) continue;
      this.#wire.unread(bytes.subarray(end + 1));
      if (!line.endsWith("\r")) throw malformed();
      return line.slice(0, -1);
    }
  }

  async #read(): Promise<Uint8Array> {
    const bytes = await this.#wire.read();
    if (bytes === undefined) throw new RequestError(400, "the request's body was cut off");
    return bytes;
  }
}

function malformed(): RequestError {
  return new RequestError(400, "malformed chunk in the request's body");
}
