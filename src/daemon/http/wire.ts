import type { Socket } from "node:net";
import type { Direct } from "./direct.ts";

/** Bytes that wait unread before the client is told to stop. */
const highWater = 256 * 1024;
/** Milliseconds between two looks at a client that has said its last word. */
const lookApart = 1000;

/**
 * One client's connection as a byte stream that is pulled, so that the client waits when nobody reads.
 * It never throws: what was lost with the connection reads as its end, and `gone` says so.
 */
export class Wire {
  readonly socket: Socket;
  /** There if what the kernel is given is what the client gets, as it is not with TLS. */
  readonly direct: Direct | undefined;
  /** Called once: the client has ended its side or is gone. */
  onGone: () => void = () => {};
  readonly #hungUp: () => boolean;
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  #ended = false;
  #drained: Promise<void> | undefined;
  #reader: ((chunk: Uint8Array | undefined) => void) | undefined;

  /** `hungUp` tells a client that is gone from one that only writes no more. */
  constructor(socket: Socket, hungUp: () => boolean, direct?: Direct) {
    this.socket = socket;
    this.direct = direct;
    this.#hungUp = hungUp;
    socket.on("data", this.#take);
    socket.on("end", this.#end);
    socket.on("close", this.#end);
    // "close" follows; without a listener an error would end the daemon.
    socket.on("error", () => socket.destroy());
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The next bytes, or undefined when there are no more. One reader at a time. */
  read(): Promise<Uint8Array | undefined> {
    const chunk = this.shift();
    if (chunk !== undefined) return Promise.resolve(chunk);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  /** Bytes that have come already. */
  shift(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    this.#buffered -= chunk?.length ?? 0;
    if (this.#buffered < highWater / 2 && this.socket.isPaused()) this.socket.resume();
    return chunk;
  }

  /** Resolves when the client takes bytes again, or is gone. Any number may wait. */
  drained(): Promise<void> {
    const { socket } = this;
    if (!socket.writableNeedDrain || socket.destroyed) return Promise.resolve();
    this.#drained ??= new Promise((resolve) => {
      const done = (): void => {
        this.#drained = undefined;
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
    return this.#drained;
  }

  /** Puts bytes back, to be read first. */
  unread(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#buffered += chunk.length;
  }

  /** Lets a reader that waits go, with nothing. */
  wake(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(undefined);
  }

  /** Hands the connection to somebody else, with what was not read. */
  release(): Socket {
    const { socket } = this;
    socket.pause();
    socket.off("data", this.#take);
    socket.off("end", this.#end);
    socket.off("close", this.#end);
    if (this.#buffered > 0) socket.unshift(Buffer.concat(this.#chunks));
    this.#chunks = [];
    // One that has ended already is watched since then.
    if (!this.#ended) socket.on("end", () => this.#watch());
    return socket;
  }

  readonly #take = (chunk: Uint8Array): void => {
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered >= highWater) this.socket.pause();
  };

  readonly #end = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.wake();
    this.onGone();
    this.#watch();
  };

  /** A client that was killed looks like one that half-closed, and would be held on to until written to. */
  #watch(): void {
    const { socket } = this;
    const look = (): void => {
      if (this.#hungUp()) socket.destroy();
    };
    look();
    if (socket.destroyed) return;
    const timer = setInterval(look, lookApart);
    timer.unref();
    socket.once("close", () => clearInterval(timer));
  }
}
