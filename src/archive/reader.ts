import {
  blockSize,
  damaged,
  type Extensions,
  type Header,
  maxExtension,
  parseHeader,
  parseRecords,
  text,
} from "./header.ts";

/** Reads a tar archive entry by entry, in constant memory. */
export class TarReader {
  readonly #next: () => Promise<Uint8Array | undefined>;
  #held: Uint8Array = new Uint8Array(0);
  /** Data and padding of the current entry that were not read. */
  #left = 0;
  #padding = 0;

  /** `next` gives the bytes of the archive, undefined after the last. */
  constructor(next: () => Promise<Uint8Array | undefined>) {
    this.#next = next;
  }

  /** The next entry, or undefined once the archive is read to its end. */
  async entry(): Promise<Header | undefined> {
    const extensions: Extensions = { pax: new Map(), name: undefined, link: undefined };
    for (;;) {
      await this.#skip();
      const block = await this.#take(blockSize);
      if (block === undefined || block.every((byte) => byte === 0)) return await this.#end();
      const found = parseHeader(block, extensions);
      this.#left = found.size;
      this.#padding = (blockSize - (found.size % blockSize)) % blockSize;
      if (!("extension" in found)) return found;
      if (found.size > maxExtension) throw damaged("an extension header is larger than 1 MiB");
      const bytes = await this.#all();
      if (found.extension === "x") extensions.pax = parseRecords(bytes);
      else if (found.extension === "L") extensions.name = text(bytes);
      else if (found.extension === "K") extensions.link = text(bytes);
    }
  }

  /** The next bytes of the current entry's data, undefined after the last. */
  async data(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    const chunk = await this.#some(this.#left);
    if (chunk === undefined) throw damaged("it is cut off");
    this.#left -= chunk.length;
    return chunk;
  }

  async #all(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.data(); chunk; chunk = await this.data()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async #skip(): Promise<void> {
    while ((await this.data()) !== undefined);
    this.#left = this.#padding;
    this.#padding = 0;
    while ((await this.data()) !== undefined);
  }

  async #end(): Promise<undefined> {
    this.#held = new Uint8Array(0);
    while ((await this.#next()) !== undefined);
  }

  async #take(size: number): Promise<Uint8Array | undefined> {
    const first = await this.#some(size);
    if (first === undefined || first.length === size) return first;
    const chunks = [first];
    for (let have = first.length; have < size; ) {
      const chunk = await this.#some(size - have);
      if (chunk === undefined) throw damaged("it is cut off");
      chunks.push(chunk);
      have += chunk.length;
    }
    return Buffer.concat(chunks);
  }

  async #some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#held.length === 0) {
      const chunk = await this.#next();
      if (chunk === undefined) return undefined;
      this.#held = chunk;
    }
    const chunk = this.#held.subarray(0, limit);
    this.#held = this.#held.subarray(chunk.length);
    return chunk;
  }
}
