import { Exchange } from "./exchange.ts";
import { parseHead, type RequestHead } from "./head.ts";
import { type Limits, RequestError } from "./limits.ts";
import { Reply } from "./reply.ts";
import type { Wire } from "./wire.ts";

export interface ConnectionParts {
  limits: Limits;
  /** Headers of every reply. */
  common: Record<string, string>;
  /** Answers a request; never throws. */
  answer(exchange: Exchange): Promise<void>;
  /** Called between requests: the connection waits for another, or no longer does. */
  idle(isIdle: boolean): void;
}

/** Serves one request after another on a connection, until one of the two sides has enough. */
export async function serveConnection(wire: Wire, parts: ConnectionParts): Promise<void> {
  const { limits, common } = parts;
  try {
    for (let first = true; ; first = false) {
      const head = await readHead(wire, parts, first);
      if (head === undefined) break;
      const exchange = new Exchange(wire, head, common, limits);
      await parts.answer(exchange);
      if (exchange.hijacked) return;
      await exchange.reply.done.promise;
      if (!exchange.reply.keepAlive) break;
      // Who asks on and on without reading would be kept answers for.
      await wire.drained();
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    refuse(wire, common, error);
  }
  linger(wire, limits);
}

/** Answers what is not even a request. */
function refuse(
  wire: Wire,
  common: Record<string, string>,
  { status, message }: RequestError,
): void {
  const reply = new Reply(wire, { common, isHead: false, minor: 1, keepAlive: () => false });
  const headers = { "Content-Type": "application/json" };
  reply.whole(status, headers, `${JSON.stringify({ message })}\n`);
}

/** The next head; undefined when the client has no more to ask. */
async function readHead(
  wire: Wire,
  { limits, idle }: ConnectionParts,
  first: boolean,
): Promise<RequestHead | undefined> {
  let late = false;
  const start = (): Timer =>
    setTimeout(() => {
      late = true;
      wire.wake();
    }, limits.headMs);
  let timer = first ? start() : undefined;
  let bytes: Uint8Array = new Uint8Array(0);
  idle(!first);
  try {
    while (true) {
      const chunk = await wire.read();
      // A connection that was only held open hears nothing: words would be an answer to no request.
      if (late && bytes.length === 0) return undefined;
      if (late)
        throw new RequestError(408, `no whole request came within ${limits.headMs / 1000} s`);
      if (chunk === undefined) {
        if (bytes.length === 0) return undefined;
        throw new RequestError(400, "the request was cut off");
      }
      idle(false);
      timer ??= start();
      const from = Math.max(0, bytes.length - 3);
      bytes = bytes.length === 0 ? skipBreaks(chunk) : Buffer.concat([bytes, chunk]);
      const end = findEnd(bytes, from);
      if (end >= 0 && end <= limits.headBytes) {
        wire.unread(bytes.subarray(end + 4));
        return parseHead(toText(bytes.subarray(0, end)), limits.headerCount);
      }
      if (bytes.length > limits.headBytes) {
        throw new RequestError(
          431,
          `the request's headers are longer than ${limits.headBytes} bytes`,
        );
      }
      refuseEarly(bytes);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Some clients send a line break too many behind a body. */
function skipBreaks(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (bytes[from] === 13 || bytes[from] === 10) from++;
  return bytes.subarray(from);
}

/** What is no HTTP from its first byte on is not waited for: TLS, another protocol. */
function refuseEarly(bytes: Uint8Array): void {
  const first = bytes[0] ?? 65;
  if (first < 0x21 || first > 0x7e) throw new RequestError(400, "malformed HTTP request");
}

/** Position of the empty line that ends a head, or -1. */
function findEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/**
 * Ends a connection so that the client gets the answer: closed with unread bytes the kernel would break
 * it off, and the answer could be lost.
 */
function linger({ socket }: Wire, { lingerMs }: Limits): void {
  if (socket.destroyed) return;
  socket.end();
  socket.removeAllListeners("data");
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}
