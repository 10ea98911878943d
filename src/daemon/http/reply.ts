import type { FileHandle } from "node:fs/promises";
import { sendAlone } from "./direct.ts";
import { sendFile } from "./send-file.ts";
import type { Wire } from "./wire.ts";

/** What is known of a request when it is answered. */
export interface ReplyParts {
  /** Headers of every reply. */
  common: Record<string, string>;
  isHead: boolean;
  minor: 0 | 1;
  /** Asked when the answer begins, `isWhole`: with nothing to come. May the connection be used again? */
  keepAlive(isWhole: boolean): boolean;
}

/** An open reply. `write` waits while the client reads slower than we write. */
export interface ReplyStream {
  write(chunk: Uint8Array | string): Promise<void>;
  /** Sends the first `size` bytes of an open file, which must have as many. */
  writeFile(file: FileHandle, size: number): Promise<void>;
  end(): void;
}

/** The answer to one request. */
export class Reply {
  /** 0 until it has begun. */
  status = 0;
  keepAlive = false;
  /** Resolves when all of it is with the kernel or on its way there. */
  readonly done = Promise.withResolvers<void>();
  readonly #wire: Wire;
  readonly #parts: ReplyParts;

  constructor(wire: Wire, parts: ReplyParts) {
    this.#wire = wire;
    this.#parts = parts;
  }

  /** Answers with all that there is to say. */
  whole(status: number, headers: Record<string, string>, body: string): void {
    const bodiless = status === 204 || status === 304;
    const bytes = Buffer.from(bodiless ? "" : body);
    const length = bodiless ? {} : { "Content-Length": String(bytes.length) };
    const head = this.#begin(status, { ...headers, ...length }, this.#parts.keepAlive(true));
    this.#send(this.#parts.isHead ? head : Buffer.concat([head, bytes]));
    this.done.resolve();
  }

  /** Sends the headers at once and leaves the body open. */
  stream(status: number, headers: Record<string, string>, gone: AbortSignal): ReplyStream {
    const chunked = this.#parts.minor === 1;
    const framing = chunked ? { "Transfer-Encoding": "chunked" } : {};
    const keepAlive = chunked && this.#parts.keepAlive(false);
    this.#send(this.#begin(status, { ...headers, ...framing }, keepAlive));
    let open = !this.#parts.isHead;
    const finish = (): void => {
      if (chunked && open) this.#send(lastChunk);
      open = false;
      this.done.resolve();
    };
    return {
      write: async (chunk) => {
        if (!open || chunk.length === 0 || gone.aborted) return;
        const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
        if (!this.#send(chunked ? toChunk(bytes) : bytes)) await this.#wire.drained();
      },
      writeFile: async (file, size) => {
        if (!open || size === 0 || gone.aborted) return;
        const head = Buffer.from(chunked ? `${size.toString(16)}\r\n` : "");
        await sendFile(this.#wire, head, { file, size, gone });
        // Behind a piece that was cut off, no end may make it look whole.
        if (gone.aborted) open = false;
        else if (chunked) this.#send(crlf);
      },
      end: finish,
    };
  }

  /**
   * Docker's two ways to give a connection away: as was asked for, or, to old clients, as the body. Output may
   * follow at once, so the head is sent alone, except to a client that speaks a protocol of ours.
   */
  hijack(own: Record<string, string>, upgrade: boolean): void {
    const [status, more] = upgrade
      ? [101, { Connection: "Upgrade", Upgrade: "tcp" }]
      : [200, { Connection: "close" }];
    this.status = status;
    const headers = { ...this.#parts.common, ...more, ...own };
    const head = buildHead(status, upgrade ? "UPGRADED" : "OK", headers);
    if (own.Upgrade !== undefined || !sendAlone(this.#wire, head)) this.#send(head);
  }

  /** Breaks off an answer that cannot be finished. */
  abort(): void {
    this.keepAlive = false;
    this.#wire.socket.destroy();
    this.done.resolve();
  }

  #begin(status: number, headers: Record<string, string>, keepAlive: boolean): Buffer {
    const head = buildHead(status, reasons[status] ?? "", {
      ...this.#parts.common,
      ...headers,
      Date: new Date().toUTCString(),
      Connection: keepAlive ? "keep-alive" : "close",
    });
    [this.status, this.keepAlive] = [status, keepAlive];
    return head;
  }

  #send(bytes: Uint8Array): boolean {
    return !this.#wire.socket.writable || this.#wire.socket.write(bytes);
  }
}

const reasons: Record<number, string> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

function buildHead(status: number, words: string, headers: Record<string, string>): Buffer {
  let head = `HTTP/1.1 ${status} ${words}\r\n`;
  for (const name in headers) head += `${name}: ${checkValue(headers[name] ?? "")}\r\n`;
  return Buffer.from(`${head}\r\n`, "latin1");
}

function checkValue(value: string): string {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return value;
  throw new Error("a reply's header has bytes that a header may not have");
}

const lastChunk = Buffer.from("0\r\n\r\n");

function toChunk(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, crlf]);
}

const crlf = Buffer.from("\r\n");
