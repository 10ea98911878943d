import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type Query, readJson } from "./request.ts";

/** What a route handler gets: one parsed request and the ways to answer it. */
export interface RequestContext {
  readonly params: Record<string, string>;
  readonly query: Query;
  /** Negotiated API version, "1.41". */
  readonly version: string;
  readonly headers: IncomingMessage["headers"];
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  body(): Promise<Record<string, unknown>>;
  /** The bytes of the request as they come; the client waits while nobody reads. */
  input(): AsyncIterable<Uint8Array>;
  json(status: number, value: unknown): void;
  empty(status: number, headers?: Record<string, string>): void;
  text(status: number, text: string): void;
  /** Sends the headers at once and leaves the body open. */
  stream(status: number, contentType: string, headers?: Record<string, string>): ReplyStream;
  /** Takes the connection over for raw bytes in both directions. */
  hijack(contentType: string): Duplex;
}

/** An open reply. `write` waits while the client reads slower than we write. */
export interface ReplyStream {
  write(chunk: Uint8Array | string): Promise<void>;
  end(): void;
}

export type Handler = (context: RequestContext) => Promise<void> | void;

export interface ContextParts {
  request: IncomingMessage;
  params: Record<string, string>;
  query: Query;
  version: string;
  signal: AbortSignal;
}

/** A context that answers on a ServerResponse (everything but an upgraded connection). */
export function createResponseContext(
  parts: ContextParts,
  response: ServerResponse,
): RequestContext {
  return {
    params: parts.params,
    query: parts.query,
    version: parts.version,
    headers: parts.request.headers,
    signal: parts.signal,
    body: () => readJson(parts.request),
    input: () => parts.request as AsyncIterable<Uint8Array>,
    json(status, value) {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(`${JSON.stringify(value)}\n`);
    },
    empty(status, headers) {
      response.writeHead(status, headers);
      response.end();
    },
    text(status, text) {
      response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
      response.end(text);
    },
    stream(status, contentType, headers) {
      response.writeHead(status, { "Content-Type": contentType, ...headers });
      response.flushHeaders();
      return {
        async write(chunk) {
          if (response.destroyed || parts.signal.aborted) return;
          if (!response.write(chunk))
            await once(response, "drain", { signal: parts.signal }).catch(() => {});
        },
        end: () => response.end(),
      };
    },
    hijack(contentType) {
      return hijackResponse(parts.request, response, contentType);
    },
  };
}

/** Docker's older hijack: no Upgrade header, `200 OK`, then raw bytes on the same connection. */
function hijackResponse(
  request: IncomingMessage,
  response: ServerResponse,
  contentType: string,
): Duplex {
  const socket = request.socket;
  response.detachSocket?.(socket);
  // An error without a listener would end the daemon; "close" follows it.
  socket.on("error", () => socket.destroy());
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n\r\n`);
  return socket;
}
