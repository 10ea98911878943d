/**
 * A registry whose every byte on the wire a test decides: it breaks off, lies, delays and counts. FakeRegistry
 * answers in whole responses; here a script writes to the connection itself.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Image } from "../../scripts/image.ts";
import { relay } from "./registry.ts";
import type { World } from "./world.ts";

export interface WireRequest {
  path: string;
  /** Of a blob; "" for everything else. */
  digest: string;
  /** First byte that a Range header asks for; undefined without one. */
  from: number | undefined;
  /** One past the last byte asked for, Infinity if that is the end. */
  to: number;
  /** How many requests for this blob there have been, this one included. */
  count: number;
}

/** Answers one request for a blob. */
export type Script = (request: WireRequest, blob: Uint8Array, wire: Wire) => Promise<void> | void;

/** One connection, while it answers one request. */
export class Wire {
  readonly #socket: Socket;
  readonly #count: (bytes: number) => void;

  constructor(socket: Socket, count: (bytes: number) => void) {
    this.#socket = socket;
    this.#count = count;
  }

  head(status: number, headers: Record<string, string | number> = {}): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`HTTP/1.1 ${status} Said\r\n${lines.join("")}\r\n`);
  }

  /** Writes as fast as the other side reads, or in small pieces with pauses; false if it has gone. */
  async send(bytes: Uint8Array, pace?: { piece: number; pauseMs: number }): Promise<boolean> {
    const piece = pace?.piece ?? 256 * 1024;
    for (let at = 0; at < bytes.length && !this.gone; at += piece) {
      const part = bytes.subarray(at, at + piece);
      this.#count(part.length);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#socket.write(part, () => resolve());
      this.#socket.once("close", resolve);
      await promise;
      this.#socket.off("close", resolve);
      if (pace !== undefined) await Bun.sleep(pace.pauseMs);
    }
    return !this.gone;
  }

  get gone(): boolean {
    return this.#socket.destroyed;
  }

  /** Ends the connection after what was written. */
  end(): void {
    this.#socket.end();
  }

  /** The head and the bytes of an honest answer to a request, ranges included. */
  begin({ from, to }: WireRequest, blob: Uint8Array): Uint8Array {
    if (from === undefined) {
      this.head(200, { "content-length": blob.length });
      return blob;
    }
    const end = Math.min(to, blob.length);
    this.head(206, {
      "content-length": end - from,
      "content-range": `bytes ${from}-${end - 1}/${blob.length}`,
    });
    return blob.subarray(from, end);
  }
}

/** What a registry without faults does. */
export const honest: Script = async (request, blob, wire) => {
  await wire.send(wire.begin(request, blob));
};

/** Ends each connection after so many bytes of a body. */
export function breakEvery(bytes: number): Script {
  return async (request, blob, wire) => {
    const rest = wire.begin(request, blob);
    await wire.send(rest.subarray(0, bytes));
    if (rest.length > bytes) wire.end();
  };
}

export class WireRegistry implements Disposable {
  /** "127.0.0.1:5002" */
  readonly host: string;
  /** Requests for blobs, and paths of all others. */
  readonly blobs: WireRequest[] = [];
  readonly asked: string[] = [];
  /** Bytes of blobs that were put on the wire. */
  sent = 0;
  script: Script = honest;
  readonly #images = new Map<string, Image>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(host: string) {
    this.host = host;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(world: World): Promise<WireRegistry> {
    const port = world.nextPort();
    const path = world.path(`wire-${port}.sock`);
    const registry = new WireRegistry(`127.0.0.1:${port}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    registry.#server.listen(path, resolve);
    await promise;
    await relay(world, `tcp:${registry.host}`, `unix:${path}`);
    return registry;
  }

  /** Serves `image` as `name`, "library/x:latest"; what it is called on the command line. */
  serve(name: string, image: Image): string {
    this.#images.set(name, image);
    return `${this.host}/${name}`;
  }

  /** Forgets what was asked and sent. */
  reset(): void {
    this.blobs.length = 0;
    this.asked.length = 0;
    this.sent = 0;
    this.script = honest;
  }

  /** Breaks all connections there are. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let text = "";
    let answering = Promise.resolve();
    socket.on("data", (data) => {
      text += data.toString("latin1");
      // A client that tries TLS first is told at once, as by a real server, that this is none.
      if (text.startsWith("\x16")) socket.destroy();
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        answering = answering.then(() => this.#answer(head, socket));
      }
    });
  }

  async #answer(head: string, socket: Socket): Promise<void> {
    const path = /^\S+ (\S+)/.exec(head)?.[1] ?? "";
    const wire = new Wire(socket, (bytes) => {
      this.sent += bytes;
    });
    const digest = /(sha256:[0-9a-f]{64})(?:\?|$)/.exec(path)?.[1] ?? "";
    const blob = [...this.#images.values()].map(({ blobs }) => blobs.get(digest)).find(Boolean);
    if (blob === undefined) return this.#document(path, wire);
    const range = /^range: bytes=(\d+)-(\d*)\s*$/im.exec(head);
    const request = {
      ...{ path, digest, from: range === null ? undefined : Number(range[1]) },
      to: range?.[2] ? Number(range[2]) + 1 : Number.POSITIVE_INFINITY,
      count: this.blobs.filter((each) => each.digest === digest).length + 1,
    };
    this.blobs.push(request);
    await this.script(request, blob, wire);
  }

  #document(path: string, wire: Wire): void {
    this.asked.push(path);
    const [, repository, reference] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(path) ?? [];
    const image = this.#images.get(`${repository}:${reference}`);
    const [status, type, bytes] =
      image === undefined
        ? [path === "/v2/" ? 200 : 404, "application/json", new TextEncoder().encode("{}")]
        : [200, image.mediaType, image.manifest];
    wire.head(status, { "content-type": type, "content-length": bytes.length });
    void wire.send(bytes);
    this.sent -= bytes.length;
  }
}

/** Config and layers of an image in bytes. */
export function sizeOf(image: Image): number {
  return [...image.blobs.values()].reduce((sum, { length }) => sum + length, 0);
}
