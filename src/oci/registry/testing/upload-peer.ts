import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { digestOf } from "../../digest.ts";

/** A request of which the body may not have come yet. */
export interface UploadRequest {
  method: string;
  url: URL;
  /** Names in lower case. */
  headers: Map<string, string>;
  /** How often this method was asked for before. */
  earlier: number;
}

/** What goes wrong, as a test wants it to. */
export interface Mischief {
  /** Ends a request before its body is read, with an answer to its head. */
  answer?: (request: UploadRequest) => string | undefined;
  /** Breaks the connection when so much of the request's body has arrived (and is kept). */
  breakAfter?: (request: UploadRequest) => number | undefined;
  /** Takes the request and never answers; the connection stays. */
  hold?: (request: UploadRequest) => boolean;
  /** Added to the answer that begins an upload. */
  beginning?: Record<string, string>;
  /** Breaks the connection in place of answering, when all is done that was asked for. */
  swallow?: (request: UploadRequest) => boolean;
}

/**
 * A registry that takes blobs and manifests, keeps what came before a connection broke, and fails where a test wants it to.
 * Each connection takes one request.
 */
export class UploadPeer implements AsyncDisposable {
  /** "PATCH /v2/a/blobs/uploads/1 0-99", the end being the Content-Range. */
  readonly asked: string[] = [];
  readonly authorized: string[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  /** Requests that are held and whose connections are open. */
  held = 0;
  /** Bytes of bodies that arrived, whether they were of use or not. */
  received = 0;
  mischief: Mischief = {};
  readonly #uploads = new Map<string, Buffer>();
  readonly #methods = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(tls: { cert: string; key: string } | undefined) {
    const serve = (socket: Socket): void => this.#serve(socket);
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  }

  /** On a port of its own, or a Unix socket. */
  static async start(path?: string, tls?: { cert: string; key: string }): Promise<UploadPeer> {
    const peer = new UploadPeer(tls);
    const { promise, resolve } = Promise.withResolvers<void>();
    if (path === undefined) peer.#server.listen(0, "127.0.0.1", resolve);
    else peer.#server.listen(path, resolve);
    await promise;
    return peer;
  }

  /** "127.0.0.1:PORT" */
  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it has no port");
    return `127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    let head = Buffer.alloc(0);
    let take: ((bytes: Buffer) => void) | undefined;
    socket.on("data", (data) => {
      const chunk = Buffer.from(data);
      if (take !== undefined) return take(chunk);
      // A greeting of TLS where plain text is spoken: servers hang up at once.
      if (head.length === 0 && chunk[0] === 0x16) return void socket.destroy();
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      take = this.#begin(head.subarray(0, end).toString("latin1"), socket);
      take(head.subarray(end + 4));
    });
  }

  /** Takes the head of a request; what it returns takes the body. */
  #begin(text: string, socket: Socket): (bytes: Buffer) => void {
    const request = this.#parse(text);
    const { method, url, headers } = request;
    const range = headers.get("content-range");
    this.asked.push(`${method} ${url.pathname}${range === undefined ? "" : ` ${range}`}`);
    const authorization = headers.get("authorization");
    if (authorization !== undefined) this.authorized.push(authorization);
    const early = this.mischief.answer?.(request);
    if (early !== undefined) {
      socket.end(early);
      return () => undefined;
    }
    if (this.mischief.hold?.(request)) {
      this.held++;
      socket.on("close", () => this.held--);
      return () => undefined;
    }
    const breakAfter = this.mischief.breakAfter?.(request);
    const length = Number(headers.get("content-length") ?? 0);
    const parts: Buffer[] = [];
    let size = 0;
    return (bytes) => {
      parts.push(bytes);
      size += bytes.length;
      if (breakAfter !== undefined && size >= breakAfter) {
        this.received += breakAfter;
        this.#keep(url, Buffer.concat(parts).subarray(0, breakAfter));
        socket.destroy();
      } else if (size >= length) {
        this.received += size;
        const answer = this.#answer(request, Buffer.concat(parts));
        if (this.mischief.swallow?.(request)) socket.destroy();
        else socket.end(answer);
      }
    };
  }

  #parse(text: string): UploadRequest {
    const [first = "", ...lines] = text.split("\r\n");
    const [method = "", target = ""] = first.split(" ");
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const earlier = this.#methods.get(method) ?? 0;
    this.#methods.set(method, earlier + 1);
    return { method, url: new URL(target, "http://peer"), headers, earlier };
  }

  #keep({ pathname }: URL, bytes: Buffer): Buffer {
    const all = Buffer.concat([this.#uploads.get(pathname) ?? Buffer.alloc(0), bytes]);
    if (this.#uploads.has(pathname)) this.#uploads.set(pathname, all);
    return all;
  }

  #answer({ method, url, headers }: UploadRequest, body: Buffer): string {
    const { pathname } = url;
    if (pathname === "/v2/") return say(200);
    if (method === "HEAD") {
      const digest = pathname.slice(pathname.lastIndexOf("/") + 1);
      return say(this.blobs.has(digest) ? 200 : 404);
    }
    if (method === "PUT" && pathname.includes("/manifests/")) {
      this.manifests.set(pathname.slice(pathname.lastIndexOf("/") + 1), body);
      return say(201, { "Docker-Content-Digest": digestOf(body) });
    }
    if (method === "POST") {
      const location = `${pathname}${this.#uploads.size + 1}`;
      this.#uploads.set(location, Buffer.alloc(0));
      return say(202, { Location: `${location}?_state=a%3D`, ...this.mischief.beginning });
    }
    const before = this.#uploads.get(pathname);
    if (before === undefined) return refuseUpload(404, "BLOB_UPLOAD_UNKNOWN");
    const start = headers.get("content-range")?.split("-")[0];
    if (start !== undefined && Number(start) !== before.length)
      return refuseUpload(416, "RANGE_INVALID");
    const all = this.#keep(url, body);
    if (method === "PUT") return this.#finish(url, all);
    const stand = { Location: pathname, Range: `0-${Math.max(0, all.length - 1)}` };
    return say(method === "GET" ? 204 : 202, stand);
  }

  #finish(url: URL, bytes: Buffer): string {
    const digest = url.searchParams.get("digest") ?? "";
    this.#uploads.delete(url.pathname);
    if (digestOf(bytes) !== digest) return refuseUpload(400, "DIGEST_INVALID");
    this.blobs.set(digest, bytes);
    return say(201, { Location: `/v2/blobs/${digest}` });
  }
}

/** A whole answer, as it goes over the wire. */
export function say(status: number, headers: Record<string, string> = {}, body = ""): string {
  const all = { "Content-Length": `${Buffer.byteLength(body)}`, Connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} X\r\n${lines.join("")}\r\n${body}`;
}

export function refuseUpload(status: number, code: string): string {
  return say(status, {}, JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
}
