/**
 * Builds small OCI images out of files in memory and pushes them to a registry over plain HTTP.
 * For the quickstart, the tests and the benchmark; independent of src/, whose peer it is there.
 * The same input gives the same bytes: all times are 0, all owners root.
 */

/** One entry of a layer, in archive order. */
export interface Entry {
  /** Path without a leading slash. */
  name: string;
  type?: keyof typeof typeFlags;
  /** Permission bits; 0755 unless told. */
  mode?: number;
  content?: Uint8Array | string;
  /** Target of a link. */
  target?: string;
  /** Number of a device. */
  device?: { major: number; minor: number };
  /** Bytes of a sparse file, all of them a hole. */
  hole?: number;
  uid?: number;
  gid?: number;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export interface Image {
  manifest: Uint8Array;
  mediaType: string;
  /** sha256 of the manifest. */
  digest: string;
  /** Config and layers by digest. */
  blobs: Map<string, Uint8Array>;
}

export interface ImageOptions {
  layers: Entry[][];
  /** The `config` object of an image config: Cmd, Env, Entrypoint … */
  config: Record<string, unknown>;
  /** OCI name of the processor; this machine's unless told. */
  architecture?: string;
  compression?: "gzip" | "zstd" | "none";
  /** Docker's media types in place of OCI's. */
  docker?: boolean;
}

const typeFlags = {
  ...{ file: "0", hardlink: "1", symlink: "2", character: "3", block: "4" },
  ...{ directory: "5", fifo: "6", sparse: "S" },
} as const;
const block = 512;

/** A POSIX ustar archive; names up to 100 bytes. */
export function buildTar(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const content = new Uint8Array(Buffer.from(entry.content ?? ""));
    parts.push(buildHeader(entry, content.length), content);
    parts.push(new Uint8Array((block - (content.length % block)) % block));
  }
  parts.push(new Uint8Array(2 * block));
  return concat(parts);
}

function buildHeader(entry: Entry, size: number): Uint8Array {
  const header = Buffer.alloc(block);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  const type = entry.type ?? "file";
  header.write(type === "directory" ? `${entry.name}/` : entry.name, 0, 100);
  header.write(octal(entry.mode ?? 0o755, 8), 100);
  header.write(octal(entry.uid ?? 0, 8), 108);
  header.write(octal(entry.gid ?? 0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(" ".repeat(8), 148);
  header.write(typeFlags[type], 156);
  header.write(entry.target ?? "", 157, 100);
  header.write("ustar\u000000", 257);
  header.write(octal(entry.device?.major ?? 0, 8), 329);
  header.write(octal(entry.device?.minor ?? 0, 8), 337);
  if (type === "sparse") writeHole(header, entry.hole ?? 0);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** GNU's old form, which has a magic of its own: one segment without bytes, at the end. */
function writeHole(header: Buffer, size: number): void {
  header.write("ustar  \0", 257);
  header.fill(0, 329, 500);
  for (const [value, at] of [
    [size, 386],
    [0, 398],
    [size, 483],
  ] as const) {
    header.write(`${value.toString(8).padStart(11, "0")}\0`, at);
  }
}

export function buildImage(options: ImageOptions): Image {
  const compression = options.compression ?? "gzip";
  const blobs = new Map<string, Uint8Array>();
  const diffIds: string[] = [];
  const layers: Descriptor[] = [];
  for (const entries of options.layers) {
    const tar = buildTar(entries);
    diffIds.push(digestOf(tar));
    const bytes = compress(tar, compression);
    layers.push(addBlob(blobs, layerType(compression, options.docker ?? false), bytes));
  }
  const config = addBlob(
    blobs,
    options.docker
      ? "application/vnd.docker.container.image.v1+json"
      : "application/vnd.oci.image.config.v1+json",
    toJson({
      created: "1970-01-01T00:00:00Z",
      architecture: options.architecture ?? hostArchitecture(),
      os: "linux",
      config: options.config,
      rootfs: { type: "layers", diff_ids: diffIds },
      history: diffIds.map(() => ({ created: "1970-01-01T00:00:00Z", created_by: "rt scripts" })),
    }),
  );
  const mediaType = options.docker
    ? "application/vnd.docker.distribution.manifest.v2+json"
    : "application/vnd.oci.image.manifest.v1+json";
  const manifest = toJson({ schemaVersion: 2, mediaType, config, layers });
  return { manifest, mediaType, digest: digestOf(manifest), blobs };
}

/** An index (or Docker's manifest list) over images of several platforms. */
export function buildIndex(
  images: { image: Image; architecture: string; variant?: string }[],
): Image {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifests = images.map(({ image, architecture, variant }) => ({
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.manifest.length,
    platform: { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) },
  }));
  const manifest = toJson({ schemaVersion: 2, mediaType, manifests });
  return { manifest, mediaType, digest: digestOf(manifest), blobs: new Map() };
}

export interface Destination {
  /** "http://127.0.0.1:5000" */
  registry: string;
  /** "library/hello-world" */
  repository: string;
  /** A tag, or a digest. */
  reference: string;
  /** Value of an Authorization header. */
  authorization?: string;
  /** A Unix socket by which the registry is reached. */
  socket?: string;
}

/** Pushes blobs, then the manifest, by the Distribution protocol. Throws on any refusal. */
export async function pushImage(to: Destination, image: Image): Promise<void> {
  const base = `${to.registry}/v2/${to.repository}`;
  const headers: Record<string, string> =
    to.authorization === undefined ? {} : { authorization: to.authorization };
  const by = to.socket === undefined ? {} : { unix: to.socket };
  for (const [digest, bytes] of image.blobs) {
    const begun = await request(`${base}/blobs/uploads/`, { method: "POST", headers, ...by }, 202);
    const location = new URL(begun.headers.get("location") ?? "", `${base}/blobs/uploads/`);
    location.searchParams.set("digest", digest);
    const type = { "content-type": "application/octet-stream" };
    await request(
      location.href,
      { method: "PUT", headers: { ...headers, ...type }, body: bytes, ...by },
      201,
    );
  }
  await request(
    `${base}/manifests/${to.reference}`,
    {
      method: "PUT",
      headers: { ...headers, "content-type": image.mediaType },
      ...by,
      body: image.manifest,
    },
    201,
  );
}

async function request(url: string, init: RequestInit, status: number): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status !== status) {
    const said = (await response.text()).slice(0, 500);
    throw new Error(`${init.method} ${url} answered ${response.status}, not ${status}: ${said}`);
  }
  return response;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

/** This machine's processor by OCI's name. */
export function hostArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}

function layerType(compression: "gzip" | "zstd" | "none", docker: boolean): string {
  const suffix = compression === "none" ? "" : compression;
  if (docker) return `application/vnd.docker.image.rootfs.diff.tar${suffix && `.${suffix}`}`;
  return `application/vnd.oci.image.layer.v1.tar${suffix && `+${suffix}`}`;
}

function compress(bytes: Uint8Array, compression: "gzip" | "zstd" | "none"): Uint8Array {
  const copy = new Uint8Array(bytes);
  if (compression === "gzip") return Bun.gzipSync(copy, { level: 9 });
  return compression === "zstd" ? Bun.zstdCompressSync(copy) : copy;
}

function addBlob(blobs: Map<string, Uint8Array>, mediaType: string, bytes: Uint8Array): Descriptor {
  const digest = digestOf(bytes);
  blobs.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

function toJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function concat(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
