import { EngineError } from "../../errors.ts";
import type { Descriptor } from "../descriptor.ts";
import { type Digest, isDigest } from "../digest.ts";
import { familiarName, type Reference } from "../reference.ts";
import type { Authorizer } from "./auth.ts";
import { openConnections } from "./connections.ts";
import { type Endpoint, listEndpoints } from "./endpoints.ts";
import { HttpFailure, isTransient, translate } from "./failures.ts";
import type { SchemeFinder } from "./scheme.ts";
import { checkRedirect, type Exchange, type RequestOptions, type Transport } from "./transport.ts";
import type {
  CallOptions,
  ImageTarget,
  LocalBlob,
  PutBlobOptions,
  RegistryOptions,
} from "./types.ts";
import { BlobUpload, type UploadSession } from "./upload.ts";

/** One request to the registry, or to where it keeps an upload. */
export interface PushCall extends Pick<RequestOptions, "method" | "headers" | "body"> {
  url: URL;
  /** Another repository that is read from. */
  from?: string;
  signal: AbortSignal | undefined;
}

/** Writes to one repository over the distribution protocol. Mirrors are for reading: they are never asked. */
export class PushClient implements ImageTarget {
  readonly #ref: Pick<Reference, "domain" | "path">;
  readonly #endpoint: Endpoint;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #schemes: SchemeFinder;
  readonly #attempts: number;

  constructor(ref: Pick<Reference, "domain" | "path">, options: RegistryOptions = {}) {
    const [endpoint] = listEndpoints(ref, { ...options, mirrors: [], registryMirrors: {} });
    if (endpoint === undefined) throw new EngineError("internal", "no registry to push to");
    this.#ref = ref;
    this.#endpoint = endpoint;
    const { transport, authorizer, schemes, attempts } = openConnections(options, 60_000);
    this.#transport = transport;
    this.#authorizer = authorizer;
    this.#schemes = schemes;
    this.#attempts = attempts;
  }

  async hasBlob(digest: Digest, { signal }: CallOptions = {}): Promise<boolean> {
    return await this.#translated(`layer ${digest}`, signal, () => this.#head(digest, signal));
  }

  async mountBlob(digest: Digest, from: string, { signal }: CallOptions = {}): Promise<boolean> {
    return await this.#translated(`layer ${digest}`, signal, async () => {
      const query = new URLSearchParams({ mount: digest, from });
      const answer = await this.#begin(`?${query}`, signal, from).catch(refusedMount);
      if (answer === "done") return true;
      if (answer !== undefined) this.#cancel(answer);
      return false;
    });
  }

  async putBlob(blob: LocalBlob, options: PutBlobOptions = {}): Promise<void> {
    const { digest } = blob.descriptor;
    const { signal, sent = () => undefined } = options;
    const upload = new BlobUpload(blob, {
      attempts: this.#attempts,
      signal,
      sent,
      begin: () => this.#begin("", signal).then(needSession),
      has: () => this.#head(digest, signal),
      send: (call) => this.#send({ ...call, signal }),
      cancel: (session) => this.#cancel(session),
      backOff: (error, n) => this.#transport.backOff({ signal }, error, n),
      retrying: (attempt) => this.#transport.retrying({ signal }, attempt),
    });
    await this.#translated(`layer ${digest}`, signal, () => upload.run());
  }

  async putManifest(
    target: string,
    descriptor: Descriptor,
    bytes: Uint8Array<ArrayBuffer>,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const { mediaType, digest } = descriptor;
    const what = `manifest ${digest}`;
    await this.#translated(what, signal, async () => {
      const url = await this.#url(`manifests/${target}`, signal);
      const headers = { "content-type": mediaType };
      const put = { method: "PUT", url, headers, body: bytes, signal } as const;
      const stored = await this.#transport.retrying({ signal }, async () => {
        using exchange = await this.#send(put);
        if (exchange.status !== 201 && exchange.status !== 200) throw await exchange.failure();
        return exchange.header("docker-content-digest");
      });
      if (isDigest(stored) && stored.startsWith("sha256:") && stored !== digest) {
        const message = `registry ${this.#endpoint.host} has stored ${what} as ${stored}`;
        throw new EngineError("unavailable", message);
      }
    });
  }

  async #head(digest: Digest, signal: AbortSignal | undefined): Promise<boolean> {
    const url = await this.#url(`blobs/${digest}`, signal);
    return await this.#transport.retrying({ signal }, async () => {
      using exchange = await this.#send({ method: "HEAD", url, signal });
      if (exchange.status === 200) return true;
      if (exchange.status === 404) return false;
      throw await exchange.failure();
    });
  }

  /** Begins an upload, which a mount that succeeds ends at once. */
  async #begin(
    query: string,
    signal: AbortSignal | undefined,
    from?: string,
  ): Promise<UploadSession | "done"> {
    const url = await this.#url(`blobs/uploads/${query}`, signal);
    const call = { method: "POST", url, signal, ...(from === undefined ? {} : { from }) } as const;
    return await this.#transport.retrying({ signal }, async () => {
      using exchange = await this.#send(call);
      if (exchange.status === 201) return "done";
      if (exchange.status !== 202) throw await exchange.failure();
      const location = exchange.header("location");
      if (location === null) {
        const message = `registry ${this.#endpoint.host} does not say where to upload to`;
        throw new EngineError("unavailable", message);
      }
      const least = Number(exchange.header("oci-chunk-min-length") ?? 0);
      const leastChunk = Number.isSafeInteger(least) && least > 0 ? least : 0;
      return { url: checkRedirect(exchange.url, location, exchange.url), leastChunk };
    });
  }

  /** Tells the registry that nothing more will come. It finds out by itself if this does not reach it. */
  #cancel({ url }: UploadSession): void {
    const signal = AbortSignal.timeout(10_000);
    void this.#send({ method: "DELETE", url, signal })
      .then((exchange) => exchange.settle())
      .catch(() => undefined);
  }

  async #url(path: string, signal: AbortSignal | undefined): Promise<URL> {
    const base = await this.#schemes.find(this.#endpoint, signal);
    return new URL(`${base}/v2/${this.#ref.path}/${path}`);
  }

  /** An upload may be kept by another host: that one is shown no credentials. */
  async #send({ url, from, signal, ...request }: PushCall): Promise<Exchange> {
    const endpoint = this.#endpoint;
    const base = new URL(await this.#schemes.find(endpoint, signal));
    const insecure = endpoint.insecure && url.host === base.host;
    const open = (authorization: string | undefined) => {
      const shown = authorization === undefined ? {} : { authorization };
      const headers = { ...request.headers, ...shown };
      return this.#transport.open(url, { ...request, headers, insecure, signal });
    };
    if (url.origin !== base.origin) return await open(undefined);
    const read = from === undefined ? "" : ` repository:${from}:pull`;
    const scope = `repository:${this.#ref.path}:pull,push${read}`;
    return await this.#authorizer.send({ endpoint, scope, url, open, signal });
  }

  async #translated<T>(
    what: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      signal?.throwIfAborted();
      const name = familiarName(this.#ref);
      const isManifest = what.startsWith("manifest");
      const { host } = this.#endpoint;
      throw translate(cause, { host, name, what, isManifest, action: "push" });
    }
  }
}

/** Who may not read the other repository, or whose registry knows no mounts, can still send the blob. */
function refusedMount(error: unknown): undefined {
  if (error instanceof HttpFailure && !isTransient(error)) return undefined;
  throw error;
}

function needSession(answer: UploadSession | "done"): UploadSession {
  if (answer !== "done") return answer;
  throw new EngineError(
    "unavailable",
    "the registry says that an upload has ended that never began",
  );
}
