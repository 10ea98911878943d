import type { Duplex } from "node:stream";
import type { Query } from "./query.ts";
import type { ReplyStream } from "./reply.ts";

export type { ReplyStream } from "./reply.ts";

/** What a route handler gets: one parsed request and the ways to answer it. */
export interface RequestContext {
  readonly params: Record<string, string>;
  readonly query: Query;
  /** Negotiated API version, "1.41". */
  readonly version: string;
  /** By lower-case name. */
  readonly headers: Record<string, string>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  body(): Promise<Record<string, unknown>>;
  /** The bytes of the request as they come; the client waits while nobody reads. */
  input(): AsyncIterable<Uint8Array>;
  /** Reads past a body of known length, so that it is not taken for what comes behind it. */
  skipBody(): Promise<void>;
  json(status: number, value: unknown): void;
  empty(status: number, headers?: Record<string, string>): void;
  text(status: number, text: string, headers?: Record<string, string>): void;
  /** Sends the headers at once and leaves the body open. */
  stream(status: number, contentType: string, headers?: Record<string, string>): ReplyStream;
  /** Takes the connection over for raw bytes in both directions; what was not read of the body is its input. */
  hijack(contentType: string, headers?: Record<string, string>): Duplex;
}

export type Handler = (context: RequestContext) => Promise<void> | void;
