import type { Socket } from "bun";
import type { Address } from "./address.ts";

/** Bytes that wait unread before the peer is told to stop. */
const highWater = 256 * 1024;

interface Waiter {
  resolve: (chunk: Uint8Array | undefined) => void;
  reject: (error: Error) => void;
}

/**
 * A byte stream over a Unix or TCP socket: reads are pulled, writes wait until the kernel took them,
 * both directions can end on their own. Errors are those of the runtime, with `code` (ENOENT, …).
 */
export class Connection {
  #socket: Socket<undefined> | undefined;
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  #reader: Waiter | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  /** Settled with the handshake of TLS, which says whether the peer is who it should be. */
  readonly #secured = Promise.withResolvers<void>();

  static async open(address: Address): Promise<Connection> {
    const connection = new Connection();
    connection.#secured.promise.catch(() => {});
    const socket = connection.#handlers();
    if (address.kind === "unix") {
      await Bun.connect({ unix: address.path, allowHalfOpen: true, socket });
    } else {
      const { hostname, port } = address;
      const tls = await address.tls?.();
      if (tls === undefined) await Bun.connect({ hostname, port, allowHalfOpen: true, socket });
      else {
        await Bun.connect({ hostname, port, allowHalfOpen: true, tls: { ...tls }, socket });
        await connection.#secured.promise;
      }
    }
    return connection;
  }

  /** True when nothing more will come. */
  get ended(): boolean {
    return (this.#ended || this.#failure !== undefined) && this.#chunks.length === 0;
  }

  /** The next bytes, or undefined after the last. One reader at a time. */
  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#buffered -= chunk.length;
      if (this.#paused && this.#buffered < highWater / 2) {
        this.#paused = false;
        this.#socket?.resume();
      }
      return Promise.resolve(chunk);
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  /** Puts bytes back, to be read first. */
  unread(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#buffered += chunk.length;
  }

  /** Writes all of it; resolves when the kernel holds every byte. One writer at a time. */
  async write(data: Uint8Array): Promise<void> {
    let rest = data;
    while (true) {
      if (this.#failure) throw this.#failure;
      if (!this.#socket) throw new Error("the connection is closed");
      const written = this.#socket.write(rest);
      if (written < 0) throw this.#failure ?? new Error("the connection is closed");
      if (written >= rest.length) return;
      rest = rest.subarray(written);
      this.#drained ??= Promise.withResolvers<void>();
      await this.#drained.promise;
    }
  }

  /** Says that no more will be written; reading goes on. */
  closeWrite(): void {
    this.#socket?.shutdown();
  }

  /** Ends both directions at once. */
  close(): void {
    this.#fail(new Error("the connection was closed"));
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  #handlers() {
    return {
      open: (socket: Socket<undefined>) => {
        this.#socket = socket;
      },
      handshake: (_: Socket<undefined>, success: boolean, failure: Error | null) => {
        if (success) this.#secured.resolve();
        else this.#secured.reject(failure ?? new Error("the TLS handshake failed"));
      },
      data: (_: Socket<undefined>, chunk: Uint8Array) => this.#take(chunk),
      drain: () => {
        this.#drained?.resolve();
        this.#drained = undefined;
      },
      end: () => this.#end(),
      error: (_: Socket<undefined>, error: Error) => this.#fail(error),
      close: (_: Socket<undefined>, error?: Error) => {
        this.#socket = undefined;
        if (error) this.#fail(error);
        else this.#end();
        const reason = this.#failure ?? new Error("the connection is closed");
        this.#drained?.reject(reason);
        this.#drained = undefined;
        this.#secured.reject(reason);
      },
    };
  }

  #take(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      reader.resolve(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered >= highWater && !this.#paused) {
      this.#paused = true;
      this.#socket?.pause();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#failure ??= error;
    this.#reader?.reject(this.#failure);
    this.#reader = undefined;
    this.#drained?.reject(this.#failure);
    this.#drained = undefined;
  }
}
