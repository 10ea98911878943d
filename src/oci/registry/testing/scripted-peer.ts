import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface PeerRequest {
  method: string;
  /** With its query. */
  path: string;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: string;
}

export type Script = (request: PeerRequest, socket: Socket, count: number) => void;

/**
 * An HTTP server that says exactly what a test tells it to, however wrong. Each connection takes one request.
 */
export class ScriptedPeer implements AsyncDisposable {
  readonly requests: PeerRequest[] = [];
  /** Connections that have ended, for tests that wait for one to be closed. */
  closed = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #scheme: string;

  private constructor(script: Script, tls: { cert: string; key: string } | undefined) {
    const serve = (socket: Socket) => this.#serve(socket, script);
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  }

  static async start(script: Script, tls?: { cert: string; key: string }): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(script, tls);
    const { promise, resolve } = Promise.withResolvers<void>();
    peer.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return peer;
  }

  /** "127.0.0.1:PORT" */
  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string")
      throw new Error("the peer is not listening");
    return `127.0.0.1:${address.port}`;
  }

  get url(): string {
    return `${this.#scheme}://${this.host}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #serve(socket: Socket, script: Script): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.closed++;
    });
    let text = "";
    let answered = false;
    socket.on("data", (chunk) => {
      // A greeting of TLS where plain text is spoken: servers hang up at once.
      if (text === "" && chunk[0] === 0x16) socket.destroy();
      text += chunk.toString("latin1");
      const request = answered ? undefined : parseRequest(text);
      if (request === undefined) return;
      answered = true;
      this.requests.push(request);
      script(request, socket, this.requests.length);
    });
  }
}

function parseRequest(text: string): PeerRequest | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = text.slice(end + 4);
  if (body.length < Number(headers.get("content-length") ?? 0)) return undefined;
  return { method, path, headers, body };
}

/** Sends a whole answer and closes. `Content-Length` is added unless the headers have one. */
export function reply(
  socket: Socket,
  status: number,
  body: string | Uint8Array = "",
  headers: Record<string, string | number> = {},
): void {
  const bytes = Buffer.from(body);
  const all = { "Content-Length": bytes.length, Connection: "close", ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} X\r\n${head.join("")}\r\n`), bytes]));
}
