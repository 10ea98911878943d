/** A raw connection to the daemon: bytes out, answers in, nothing in between that would correct either. */
import { connect, type Socket } from "node:net";

export interface Answer {
  status: number;
  headers: Map<string, string>;
  /** The beginning of it, at most. */
  body: Buffer;
  /** The body has not ended: a stream, or a connection that was taken over. */
  isOpen: boolean;
  /** The server closes after it. */
  isLast: boolean;
}

/** Bytes of a body that are kept. */
const kept = 4 * 1024 * 1024;
/** How long a body that has begun may go on. */
const lingering = 200;

export class GarbledAnswer extends Error {}

export class Connection implements Disposable {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #wake = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    const tell = () => {
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    };
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      tell();
    });
    socket.on("error", () => undefined);
    for (const event of ["end", "close"] as const) {
      socket.on(event, () => {
        this.#isClosed = true;
        tell();
      });
    }
  }

  static async open(path: string): Promise<Connection> {
    const socket = connect({ path, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Connection(socket);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Does not wait for the bytes to be taken: the server may answer before it has read them all. */
  send(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#socket.write(bytes);
  }

  /** Ends this side only. */
  end(): void {
    this.#socket.end();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /** The next answer; undefined at the end of the connection, "silent" if none comes in time. */
  async answer(method: string, patience: number): Promise<Answer | "silent" | undefined> {
    const deadline = performance.now() + patience;
    const head = await this.#until(() => this.#findHead(), deadline);
    if (head === "silent" || head === undefined) return head;
    if (head.status === 100 || head.status === 102 || head.status === 103)
      return await this.answer(method, patience);
    const begun = performance.now();
    const body = await this.#until(
      () => this.#takeBody(head, method),
      Math.min(deadline, begun + lingering),
      () => this.#received,
    );
    const isOpen = body === "silent" || body === undefined;
    return {
      ...head,
      body: isOpen ? this.#received.subarray(0, kept) : body,
      ...{ isOpen, isLast: isOpen || head.headers.get("connection") === "close" },
    };
  }

  /** Waits for what `take` finds; `atEnd` is for what is complete once the connection has ended. */
  async #until<T>(
    take: () => T | undefined,
    deadline: number,
    atEnd?: () => T,
  ): Promise<T | "silent" | undefined> {
    for (;;) {
      const wake = this.#wake.promise;
      const found = take();
      if (found !== undefined) return found;
      if (this.#isClosed) return atEnd?.();
      const left = deadline - performance.now();
      if (left <= 0) return "silent";
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, left);
      await Promise.race([wake, timeout.promise]);
      clearTimeout(timer);
    }
  }

  #findHead(): { status: number; headers: Map<string, string> } | undefined {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const [first = "", ...lines] = this.#received.subarray(0, end).toString("latin1").split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(`${first} `)?.[1]);
    if (Number.isNaN(status)) throw this.#garbled(0);
    this.#received = this.#received.subarray(end + 4);
    const headers = lines.map((line): [string, string] => {
      const at = line.indexOf(":");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    });
    return { status, headers: new Map(headers) };
  }

  #takeBody(
    head: { status: number; headers: Map<string, string> },
    method: string,
  ): Buffer | undefined {
    if (method === "HEAD" || head.status === 204 || head.status === 304) return Buffer.alloc(0);
    if (head.headers.get("transfer-encoding") === "chunked") return this.#takeChunks();
    const length = Number(head.headers.get("content-length") ?? Number.NaN);
    if (!(this.#received.length >= length)) return undefined;
    const body = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return body;
  }

  #takeChunks(): Buffer | undefined {
    const chunks: Buffer[] = [];
    let at = 0;
    for (;;) {
      const end = this.#received.indexOf("\r\n", at);
      if (end < 0) return undefined;
      const size = Number.parseInt(this.#received.subarray(at, end).toString("latin1"), 16);
      if (Number.isNaN(size)) throw this.#garbled(at);
      if (this.#received.length < end + size + 4) return undefined;
      chunks.push(this.#received.subarray(end + 2, end + 2 + size));
      at = end + size + 4;
      if (size === 0) break;
    }
    this.#received = this.#received.subarray(at);
    return Buffer.concat(chunks);
  }

  #garbled(at: number): GarbledAnswer {
    const text = this.#received.subarray(at, at + 200).toString("latin1");
    return new GarbledAnswer(`answered with what is no HTTP: ${JSON.stringify(text)}`);
  }
}
