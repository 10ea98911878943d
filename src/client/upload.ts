import { EngineError, messageOf } from "../errors.ts";
import type { Connection } from "./connection.ts";

const lineEnd = "\r\n";

/** The body of a request, sent in chunks while the answer is waited for. */
export class Upload {
  /** Rejects if the bytes cannot be had; a connection that fails is seen by who reads from it. */
  readonly failed: Promise<never>;
  readonly #connection: Connection;
  #stopped = false;
  #isWhole = false;

  /** To be made once the head is out. */
  constructor(connection: Connection, body: AsyncIterable<Uint8Array>) {
    this.#connection = connection;
    const failure = Promise.withResolvers<never>();
    this.failed = failure.promise;
    this.failed.catch(() => {});
    void this.#send(body).catch((cause: unknown) => {
      const known = cause instanceof EngineError;
      failure.reject(known ? cause : new EngineError("internal", messageOf(cause), { cause }));
    });
  }

  /** Ends it; false if not all was sent. */
  stop(): boolean {
    this.#stopped = true;
    return this.#isWhole;
  }

  async #send(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of body) {
      if (this.#stopped) return;
      if (chunk.length === 0) continue;
      const size = Buffer.from(`${chunk.length.toString(16)}${lineEnd}`);
      const sent = this.#write(Buffer.concat([size, chunk, Buffer.from(lineEnd)]));
      if (!(await sent)) return;
    }
    this.#isWhole = await this.#write(Buffer.from(`0${lineEnd}${lineEnd}`));
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    try {
      await this.#connection.write(bytes);
      return true;
    } catch {
      return false;
    }
  }
}
