import type { Duplex } from "node:stream";
import { RequestBody } from "./body.ts";
import type { RequestContext } from "./context.ts";
import type { RequestHead } from "./head.ts";
import { readJson } from "./json.ts";
import { type Limits, RequestError } from "./limits.ts";
import { Reply } from "./reply.ts";
import type { Target } from "./target.ts";
import type { Wire } from "./wire.ts";

const goOn = "HTTP/1.1 100 Continue\r\n\r\n";

/** One request on its connection, and its answer. */
export class Exchange {
  readonly head: RequestHead;
  readonly reply: Reply;
  readonly signal: AbortSignal;
  /** The connection belongs to the handler now. */
  hijacked = false;
  readonly #wire: Wire;
  readonly #limits: Limits;
  readonly #body: RequestBody;

  constructor(wire: Wire, head: RequestHead, common: Record<string, string>, limits: Limits) {
    this.head = head;
    this.#wire = wire;
    this.#limits = limits;
    this.#body = new RequestBody(wire, head.body, () => {
      if (head.expectsContinue && wire.socket.writable) wire.socket.write(goOn);
    });
    this.reply = new Reply(wire, {
      common,
      isHead: head.method === "HEAD",
      minor: head.minor,
      // What is left of a body would be read as the next request.
      keepAlive: (isWhole) =>
        head.keepAlive && (isWhole ? this.#body.skipReceived() : this.#body.isWhole),
    });
    const gone = new AbortController();
    this.signal = gone.signal;
    wire.onGone = () => gone.abort();
    if (wire.ended) gone.abort();
  }

  toContext({ params, query, version }: Target): RequestContext {
    const { head, reply, signal } = this;
    return {
      params,
      query,
      version,
      headers: head.headers,
      signal,
      body: () => this.#readJson(),
      input: () => this.#body,
      skipBody: () => this.#skipBody(),
      json: (status, value) =>
        reply.whole(status, { "Content-Type": "application/json" }, `${JSON.stringify(value)}\n`),
      empty: (status, headers) => reply.whole(status, headers ?? {}, ""),
      text: (status, text, headers) =>
        reply.whole(status, { "Content-Type": "text/plain; charset=utf-8", ...headers }, text),
      stream: (status, contentType, headers) =>
        reply.stream(status, { "Content-Type": contentType, ...headers }, signal),
      hijack: (contentType, headers) => this.#hijack(contentType, headers ?? {}),
    };
  }

  async #readJson(): Promise<Record<string, unknown>> {
    const { jsonMs } = this.#limits;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wire.wake();
    }, jsonMs);
    try {
      return await readJson(this.#body, this.head.headers["content-type"], this.#limits);
    } catch (error) {
      if (!late) throw error;
      throw new RequestError(408, `the request's body took longer than ${jsonMs / 1000} s`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #skipBody(): Promise<void> {
    // Chunked it has no end: who wants the connection begins one and writes no chunk.
    if (this.head.body.kind === "chunked") return;
    while ((await this.#body.next()) !== undefined);
  }

  #hijack(contentType: string, headers: Record<string, string>): Duplex {
    this.hijacked = true;
    this.reply.hijack({ "Content-Type": contentType, ...headers }, this.head.upgrade);
    const socket = this.#wire.release();
    const { lingerMs } = this.#limits;
    // Behind our last byte the client has nothing more to say; one that stays is not waited for.
    socket.once("finish", () => {
      socket.resume();
      const timer = setTimeout(() => socket.destroy(), lingerMs);
      timer.unref();
      socket.once("close", () => clearTimeout(timer));
    });
    return socket;
  }
}
