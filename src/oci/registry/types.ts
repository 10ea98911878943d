import type { Descriptor } from "../descriptor.ts";
import type { Digest } from "../digest.ts";
import type { Reference } from "../reference.ts";

/** Who we are to one registry. Never logged, never part of a message. */
export interface Credentials {
  username?: string;
  password?: string;
  /** An OAuth2 refresh token, used in place of a password. */
  identityToken?: string;
  /** A bearer token to send as it is. */
  registryToken?: string;
}

/** A request is about to be made again. */
export interface RetryEvent {
  attempt: number;
  delayMs: number;
  reason: string;
}

/** Credentials, and the one registry that they are for. */
export interface Login {
  /** As in a reference: "docker.io", "localhost:5000". */
  domain: string;
  credentials: Credentials;
}

export interface RegistryOptions {
  /** Base URLs tried before docker.io, in order: "http://127.0.0.1:5001". */
  mirrors?: readonly string[];
  /** Base URLs tried before other registries, by domain: {"ghcr.io": ["https://mirror.example"]}. */
  registryMirrors?: Readonly<Record<string, readonly string[]>>;
  /** "host", "host:port" or a CIDR that may be spoken to by plain http or without a valid certificate. */
  insecureRegistries?: readonly string[];
  /** Asked with the exact host:port of a registry, "docker.io" for Docker Hub. */
  credentials?: (host: string) => Promise<Credentials | undefined>;
  userAgent?: string;
  /** Told before each repeated attempt. */
  onRetry?: (event: RetryEvent) => void;
  /** Tries per request, default 5. */
  attempts?: number;
  /** First back-off in milliseconds, default 500; doubles, with jitter, up to 10 s. */
  backoffMs?: number;
  /** Gives a connection up that shows no byte for so long; default 30 s. */
  stallMs?: number;
  /** Connections at once for one large blob, each for a range of it; default 1. */
  rangesPerBlob?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Told, besides the client's own `onRetry`, before each repeated attempt of this call. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
}

export interface BlobOptions extends CallOptions {
  /** Where to begin, for a download that is resumed. */
  offset?: number;
  /** False: a broken stream is begun again from the start, for a registry whose ranges cannot be trusted. */
  ranges?: boolean;
  /** Told when the bytes go on from another answer. */
  onResume?: () => void;
  /**
   * Compute the digest while streaming (the default) and fail at the end if it is wrong; only done for a
   * stream from the start. A caller that hashes the bytes itself turns it off.
   */
  verify?: boolean;
}

export interface ResolvedManifest {
  /** mediaType, digest and size of the very bytes. */
  descriptor: Descriptor;
  bytes: Uint8Array;
  /** Base URL of the registry or mirror that answered. */
  endpoint: string;
}

export interface BlobStream {
  /**
   * The bytes from `offset` to the end, over as many connections as it takes. It fails if they go beyond the
   * declared size or the registry fails too often. Cancel closes the connection.
   */
  stream: ReadableStream<Uint8Array>;
  /** Where the stream begins: as asked, or 0 when the registry cannot resume. */
  offset: number;
}

/** What a pull needs of a registry; the daemon's services take this, tests give their own. */
export interface ImageSource {
  /** The manifest (or index) a tag or digest names now; by digest, verified against it. */
  resolve(ref: Reference, options?: CallOptions): Promise<ResolvedManifest>;
  /** Every tag of the reference's repository, in the registry's order. */
  tags(ref: Reference, options?: CallOptions): Promise<string[]>;
  /** The verified bytes of a manifest of the same repository. */
  manifest(ref: Reference, descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>;
  /** Opens a blob, at `offset` if the registry can. */
  blob(ref: Reference, descriptor: Descriptor, options?: BlobOptions): Promise<BlobStream>;
  /** A verified small blob in memory; refused if larger than `cap` bytes. */
  blobBytes(
    ref: Reference,
    descriptor: Descriptor,
    cap: number,
    options?: CallOptions,
  ): Promise<Uint8Array>;
  /** The registry alone, where a mirror gave something else than was promised; undefined without mirrors. */
  withoutMirrors(ref: Reference): ImageSource | undefined;
}

/** A blob as a file of this machine. */
export interface LocalBlob {
  descriptor: Descriptor;
  path: string;
}

export interface PutBlobOptions extends CallOptions {
  /** Told how many bytes of the blob the registry has. */
  sent?: (bytes: number) => void;
}

/** What a push needs of one repository of a registry. */
export interface ImageTarget {
  hasBlob(digest: Digest, options?: CallOptions): Promise<boolean>;
  /** Has the registry take a blob from another of its repositories; false if it would rather not. */
  mountBlob(digest: Digest, from: string, options?: CallOptions): Promise<boolean>;
  /** Sends a blob, over as many connections as it takes. */
  putBlob(blob: LocalBlob, options?: PutBlobOptions): Promise<void>;
  /** Sends a manifest, byte for byte, under a tag or its digest. */
  putManifest(
    target: string,
    descriptor: Descriptor,
    bytes: Uint8Array<ArrayBuffer>,
    options?: CallOptions,
  ): Promise<void>;
}
