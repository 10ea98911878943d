import { EngineError } from "../../errors.ts";
import type { Descriptor } from "../descriptor.ts";
import { digestOf, isDigest, verifyBytes } from "../digest.ts";
import { manifestCap, parseManifest } from "../manifest.ts";
import { manifestAccept, parseContentType } from "../media-types.ts";
import { familiarName, familiarString, type Reference } from "../reference.ts";
import type { Authorizer } from "./auth.ts";
import { BlobOpener, type BlobTarget } from "./blob-opener.ts";
import { createBlobStream, type OpenBlob } from "./blob-stream.ts";
import { openConnections } from "./connections.ts";
import { type Endpoint, listEndpoints } from "./endpoints.ts";
import { type FailureContext, translate } from "./failures.ts";
import type { SchemeFinder } from "./scheme.ts";
import { collectTags, parseTagPage, type TagPage } from "./tags.ts";
import type { Exchange, Transport } from "./transport.ts";
import type {
  BlobOptions,
  BlobStream,
  CallOptions,
  ImageSource,
  RegistryOptions,
  ResolvedManifest,
} from "./types.ts";

/** A mirror gets fewer tries than the registry behind it. */
const mirrorAttempts = 2;

interface Request {
  ref: Reference;
  /** Below /v2/NAME/. */
  path: string;
  accept?: string;
  range?: string;
  what: string;
  isManifest: boolean;
  signal: AbortSignal | undefined;
  onRetry?: CallOptions["onRetry"];
}

/** Reads images from registries over the distribution protocol, mirrors first. */
export class RegistryClient implements ImageSource {
  readonly #options: RegistryOptions;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #schemes: SchemeFinder;
  readonly #opener: BlobOpener;
  readonly #attempts: number;
  /** Mirrors that could not be reached are not waited for again. */
  readonly #down = new Map<string, EngineError>();

  constructor(options: RegistryOptions = {}) {
    this.#options = options;
    const { transport, authorizer, schemes, attempts } = openConnections(options, 30_000);
    this.#transport = transport;
    this.#authorizer = authorizer;
    this.#schemes = schemes;
    this.#attempts = attempts;
    this.#opener = new BlobOpener({
      transport: this.#transport,
      attempts: this.#attempts,
      width: options.rangesPerBlob ?? 1,
    });
  }

  async resolve(ref: Reference, options: CallOptions = {}): Promise<ResolvedManifest> {
    const target = ref.digest ?? ref.tag ?? "latest";
    const request = manifestRequest(ref, target, `manifest for ${familiarString(ref)}`, options);
    return this.#each(request, async (endpoint) => {
      const { bytes, mediaType, announced } = await this.#readManifest(endpoint, request);
      const digest = ref.digest ?? digestOf(bytes);
      verifyBytes(bytes, digest, undefined, request.what);
      if (isDigest(announced) && announced.startsWith("sha256:") && ref.digest === undefined) {
        verifyBytes(bytes, announced, undefined, request.what);
      }
      const parsed = parseManifest(bytes, mediaType);
      return {
        descriptor: { mediaType: parsed.mediaType, digest, size: bytes.byteLength },
        bytes,
        endpoint: await this.#schemes.find(endpoint, request.signal),
      };
    });
  }

  async tags(ref: Reference, options: CallOptions = {}): Promise<string[]> {
    const what = `tags of ${familiarName(ref)}`;
    const request = { ref, what, path: "", isManifest: false, signal: options.signal };
    return this.#each(request, (endpoint) =>
      collectTags(what, (query) =>
        this.#readTags(endpoint, { ...request, path: `tags/list${query}` }),
      ),
    );
  }

  /** A client of the same registry that passes its mirrors over; undefined if it has none. */
  withoutMirrors(ref: Reference): RegistryClient | undefined {
    if (listEndpoints(ref, this.#options).length === 1) return undefined;
    return new RegistryClient({ ...this.#options, mirrors: [], registryMirrors: {} });
  }

  async manifest(
    ref: Reference,
    descriptor: Descriptor,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    const { digest, size } = descriptor;
    if (size > manifestCap) {
      throw new EngineError(
        "invalid_argument",
        `manifest ${digest} is larger than ${manifestCap} bytes`,
      );
    }
    const what = `manifest ${digest} of ${familiarName(ref)}`;
    const request = manifestRequest(ref, digest, what, options);
    return this.#each(request, async (endpoint) => {
      const { bytes } = await this.#readManifest(endpoint, request);
      verifyBytes(bytes, digest, size, "manifest");
      return bytes;
    });
  }

  async blob(
    ref: Reference,
    descriptor: Descriptor,
    options: BlobOptions = {},
  ): Promise<BlobStream> {
    const { size, digest } = descriptor;
    const asked = options.offset ?? 0;
    if (asked === size && size > 0) {
      return { stream: new ReadableStream({ start: (c) => c.close() }), offset: asked };
    }
    const request: Request = {
      ref,
      path: `blobs/${digest}`,
      what: `layer ${digest} of ${familiarName(ref)}`,
      isManifest: false,
      signal: options.signal,
      onRetry: options.onRetry,
    };
    const ranges = options.ranges !== false;
    const { first, target } = await this.#each(request, async (endpoint) => {
      const target = this.#targetOf(endpoint, request, size);
      const attempts = endpoint.mirror ? mirrorAttempts : this.#attempts;
      const attempt = () => this.#opener.open(target, ranges ? asked : 0, ranges);
      return { target, first: await this.#transport.retrying(request, attempt, attempts) };
    });
    if (first.joined) options.onResume?.();
    const again = this.#opener.createReopen(target, first.offset, ranges);
    const reopen = async (offset: number, error: unknown): Promise<OpenBlob> => {
      const opened = await again(offset, error);
      options.onResume?.();
      return opened;
    };
    const verify = options.verify !== false && first.offset === 0;
    const stream = createBlobStream(first, { descriptor, verify, reopen });
    return { stream, offset: first.offset };
  }

  async blobBytes(
    ref: Reference,
    descriptor: Descriptor,
    cap: number,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    if (descriptor.size > cap) {
      throw new EngineError(
        "invalid_argument",
        `content ${descriptor.digest} is larger than ${cap} bytes`,
      );
    }
    try {
      const { stream } = await this.blob(ref, descriptor, options);
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return Buffer.concat(chunks);
    } catch (error) {
      const origin = isWrong(error) ? this.withoutMirrors(ref) : undefined;
      if (origin === undefined) throw error;
      // What was wrong first is what to tell if that does not help.
      return await origin.blobBytes(ref, descriptor, cap, options).catch(() => {
        throw error;
      });
    }
  }

  #targetOf(endpoint: Endpoint, request: Request, size: number): BlobTarget {
    const { what, signal, onRetry } = request;
    return {
      ...{ size, what, signal, onRetry },
      send: (range) => this.#send(endpoint, range === undefined ? request : { ...request, range }),
      translate: (error) => translate(error, contextOf(request, endpoint.host)),
    };
  }

  /** Throws `unauthorized` unless the registry takes the credentials that it is shown. */
  async login(domain: string, { signal }: CallOptions = {}): Promise<void> {
    const ref: Reference = { domain, path: "" };
    const request: Request = { ref, path: "", what: "login", isManifest: false, signal };
    const [endpoint] = listEndpoints(ref, { ...this.#options, mirrors: [], registryMirrors: {} });
    if (endpoint === undefined) return;
    try {
      using exchange = await this.#send(endpoint, request);
      if (exchange.status !== 200) throw await exchange.failure();
    } catch (cause) {
      signal?.throwIfAborted();
      const error = translate(cause, contextOf(request, endpoint.host));
      if (error.code !== "unauthorized") throw error;
      throw new EngineError(
        "unauthorized",
        `login at ${domain} failed: unauthorized: incorrect username or password`,
        { cause },
      );
    }
  }

  async #readManifest(endpoint: Endpoint, request: Request) {
    const attempts = endpoint.mirror ? mirrorAttempts : this.#attempts;
    return this.#transport.retrying(
      request,
      async () => {
        using exchange = await this.#send(endpoint, request);
        if (exchange.status !== 200) throw await exchange.failure();
        return {
          bytes: await exchange.bytes(manifestCap, request.what),
          mediaType: parseContentType(exchange.header("content-type")),
          announced: exchange.header("docker-content-digest"),
        };
      },
      attempts,
    );
  }

  async #readTags(endpoint: Endpoint, request: Request): Promise<TagPage> {
    const attempts = endpoint.mirror ? mirrorAttempts : this.#attempts;
    const read = async () => {
      using exchange = await this.#send(endpoint, request);
      if (exchange.status !== 200) throw await exchange.failure();
      const body = await exchange.bytes(manifestCap, request.what);
      return parseTagPage(body, exchange.header("link"), request.what);
    };
    return this.#transport.retrying(request, read, attempts);
  }

  /** One request, once more with an answer to the challenge if there is one. Any status is returned. */
  async #send(endpoint: Endpoint, request: Request): Promise<Exchange> {
    const { ref, signal } = request;
    const base = await this.#schemes.find(endpoint, signal);
    const isLogin = ref.path === "";
    const url = new URL(isLogin ? `${base}/v2/` : `${base}/v2/${ref.path}/${request.path}`);
    const scope = isLogin ? "" : `repository:${ref.path}:pull`;
    const open = (authorization: string | undefined) =>
      this.#transport.open(url, {
        headers: {
          ...(request.accept === undefined ? {} : { accept: request.accept }),
          ...(request.range === undefined ? {} : { range: request.range }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        insecure: endpoint.insecure,
        signal,
      });
    return this.#authorizer.send({ endpoint, scope, url, open, signal });
  }

  /** Tries each endpoint in turn; the registry's own failure is the one that is told. */
  async #each<T>(request: Request, use: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    const endpoints = listEndpoints(request.ref, this.#options);
    let mirrorFailure: { host: string; error: EngineError } | undefined;
    for (const endpoint of endpoints) {
      const address = `${endpoint.host}${endpoint.prefix}`;
      const known = endpoint.mirror ? this.#down.get(address) : undefined;
      if (known !== undefined) {
        mirrorFailure ??= { host: endpoint.host, error: known };
        continue;
      }
      try {
        return await use(endpoint);
      } catch (cause) {
        request.signal?.throwIfAborted();
        const error = translate(cause, contextOf(request, endpoint.host));
        if (!endpoint.mirror) throw withMirror(error, mirrorFailure);
        if (error.code === "unavailable") this.#down.set(address, error);
        mirrorFailure ??= { host: endpoint.host, error };
      }
    }
    throw new EngineError("internal", `no registry to ask for ${familiarString(request.ref)}`);
  }
}

/** True of content that is not what was promised; it may be right elsewhere. */
function isWrong(error: unknown): boolean {
  return error instanceof EngineError && error.code === "invalid_argument";
}

/** If the registry cannot even be asked, what its mirror said matters more to the reader. */
function withMirror(
  error: EngineError,
  mirror: { host: string; error: EngineError } | undefined,
): EngineError {
  if (mirror === undefined || error.code !== "unavailable") return error;
  const message = `${error.message} (and mirror ${mirror.host}: ${mirror.error.message})`;
  const hint = error.hint;
  return new EngineError(error.code, message, {
    cause: error.cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

function manifestRequest(
  ref: Reference,
  target: string,
  what: string,
  options: CallOptions,
): Request {
  return {
    ref,
    path: `manifests/${target}`,
    accept: manifestAccept,
    what,
    isManifest: true,
    signal: options.signal,
    onRetry: options.onRetry,
  };
}

function contextOf(request: Request, host: string): FailureContext {
  const { what, isManifest } = request;
  return { host, name: familiarName(request.ref), what, isManifest };
}
