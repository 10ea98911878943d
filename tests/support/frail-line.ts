/** A line to a registry that breaks again and again while something is sent over it. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class FrailLine implements AsyncDisposable {
  /** Connections that were broken. */
  broken = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string, every: number, most: number) {
    this.#server = createServer((near) => this.#carry(near, target, every, most));
  }

  /** From one Unix socket to another; a connection ends behind `every` bytes towards the target, `most` times. */
  static async start(
    socket: string,
    target: string,
    every: number,
    most: number,
  ): Promise<FrailLine> {
    const line = new FrailLine(target, every, most);
    const { promise, resolve } = Promise.withResolvers<void>();
    line.#server.listen(socket, resolve);
    await promise;
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #carry(near: Socket, target: string, every: number, most: number): void {
    const far = connect({ path: target });
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    let carried = 0;
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    near.on("data", (bytes) => {
      carried += bytes.length;
      if (carried >= every && this.broken < most) {
        this.broken++;
        // What was carried arrives; the rest does not.
        far.end();
        near.destroy();
      }
    });
    near.pipe(far);
    far.pipe(near);
  }
}
