/** Layers as no tool would write them, made in memory header by header, and images of such layers. */
import { type Descriptor, digestOf, hostArchitecture, type Image } from "../../scripts/image.ts";

const blockSize = 512;

/** The fields of a POSIX header, as they are written; `raw` is put over them before the sum is made. */
export interface Head {
  name?: string | Uint8Array;
  link?: string;
  /** "0" unless told. */
  flag?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  device?: [major: number, minor: number];
  raw?: [at: number, bytes: string | Uint8Array][];
}

export function head(fields: Head): Buffer {
  const block = Buffer.alloc(blockSize);
  const octal = (at: number, width: number, value: number) =>
    block.write(value.toString(8).padStart(width - 1, "0"), at, "latin1");
  block.set(Buffer.from(fields.name ?? "x").subarray(0, 100), 0);
  octal(100, 8, fields.mode ?? 0o644);
  octal(108, 8, fields.uid ?? 0);
  octal(116, 8, fields.gid ?? 0);
  octal(124, 12, fields.size ?? 0);
  octal(136, 12, 1_000_000_000);
  block.write(fields.flag ?? "0", 156, "latin1");
  block.set(Buffer.from(fields.link ?? "").subarray(0, 100), 157);
  block.write("ustar\u000000", 257, "latin1");
  octal(329, 8, fields.device?.[0] ?? 0);
  octal(337, 8, fields.device?.[1] ?? 0);
  for (const [at, bytes] of fields.raw ?? []) block.set(Buffer.from(bytes), at);
  return withSum(block);
}

/** The block with its checksum made right. */
export function withSum(block: Buffer): Buffer {
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** An archive, part by part. */
export class Tar {
  readonly #parts: Uint8Array[] = [];

  raw(...parts: Uint8Array[]): this {
    this.#parts.push(...parts);
    return this;
  }

  /** Data and its padding; the header before it states its own size. */
  data(content: string | Uint8Array): this {
    const bytes = Buffer.from(content);
    return this.raw(bytes, new Uint8Array((blockSize - (bytes.length % blockSize)) % blockSize));
  }

  head(fields: Head): this {
    return this.raw(head(fields));
  }

  file(name: string | Uint8Array, content: string | Uint8Array = "", fields: Head = {}): this {
    const size = Buffer.from(content).length;
    return this.head({ name, size, ...fields }).data(content);
  }

  dir(name: string, fields: Head = {}): this {
    return this.head({ name, flag: "5", mode: 0o755, ...fields });
  }

  symlink(name: string, link: string): this {
    return this.head({ name, flag: "2", link, mode: 0o777 });
  }

  link(name: string, link: string, fields: Head = {}): this {
    return this.head({ name, flag: "1", link, ...fields });
  }

  /** An extension header of this letter, before the entry that it is for. */
  extension(flag: string, content: string | Uint8Array): this {
    return this.file("extension", content, { flag });
  }

  pax(records: Record<string, string | Uint8Array>): this {
    return this.extension("x", Buffer.concat(Object.entries(records).map(record)));
  }

  /** Without the two zero blocks. */
  openEnd(): Buffer {
    return Buffer.concat(this.#parts);
  }

  end(): Buffer {
    return Buffer.concat([...this.#parts, new Uint8Array(2 * blockSize)]);
  }
}

/** "LENGTH KEY=VALUE\n"; the length counts its own digits. */
export function record([key, value]: [string, string | Uint8Array]): Buffer {
  const rest = Buffer.from(` ${key}=`);
  const bytes = Buffer.concat([rest, Buffer.from(value), Buffer.from("\n")]);
  let length = bytes.length;
  while (length !== bytes.length + String(length).length) {
    length = bytes.length + String(length).length;
  }
  return Buffer.concat([Buffer.from(String(length)), bytes]);
}

export interface RawLayer {
  /** As the registry has it. */
  blob: Uint8Array;
  /** What the blob inflates to; the blob itself unless told. */
  diffId?: string;
  mediaType?: string;
}

const layerType = "application/vnd.oci.image.layer.v1.tar";

/** An image of these layers; `config` and `manifest` take the place of what their documents would say. */
export function imageOf(
  layers: RawLayer[],
  { config = {}, manifest = {} }: { config?: object; manifest?: object } = {},
): Image {
  const blobs = new Map<string, Uint8Array>();
  const add = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const described = layers.map(({ blob, mediaType }) => add(mediaType ?? layerType, blob));
  const diff_ids = layers.map(({ blob, diffId }) => diffId ?? digestOf(blob));
  const text = encode({
    ...{ architecture: hostArchitecture(), os: "linux", config: { Cmd: ["/x"] } },
    ...{ rootfs: { type: "layers", diff_ids }, ...config },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const raw = encode({
    ...{ schemaVersion: 2, mediaType },
    ...{ config: add("application/vnd.oci.image.config.v1+json", text), layers: described },
    ...manifest,
  });
  return { manifest: raw, mediaType, digest: digestOf(raw), blobs };
}

export function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
