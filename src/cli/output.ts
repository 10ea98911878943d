import { write as writeLater, writeSync } from "node:fs";

/** Thrown when nobody reads stdout any more; the command ends in silence, as by SIGPIPE. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** As much may be written at once: a fresh pipe or terminal takes it without making us wait. */
const directBytes = 4096;

/**
 * Everything a command prints. Plain lines are written at once and in order; bulk output goes through
 * `pipe`, which lets the event loop run while a slow reader is waited for.
 */
export class Output {
  readonly fd: 1 | 2;
  #written = 0;

  constructor(fd: 1 | 2) {
    this.fd = fd;
  }

  print(text: string): void {
    if (text !== "") this.#writeAll(Buffer.from(text, "utf8"));
  }

  line(text: string): void {
    this.print(`${text}\n`);
  }

  /** Resolves when all of it is written. One call at a time. */
  async pipe(data: Uint8Array): Promise<void> {
    if (this.#written + data.length <= directBytes) {
      this.#writeAll(data);
      return;
    }
    let rest = data;
    while (rest.length > 0) {
      const written = await this.#writeSome(rest);
      rest = rest.subarray(written);
    }
  }

  #writeAll(data: Uint8Array): void {
    this.#written += data.length;
    let at = 0;
    while (at < data.length) {
      try {
        at += writeSync(this.fd, data, at);
      } catch (error) {
        if (codeOf(error) === "EAGAIN")
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        else if (this.#isClosed(error)) return;
        else throw error;
      }
    }
  }

  async #writeSome(data: Uint8Array): Promise<number> {
    try {
      return await new Promise<number>((resolve, reject) => {
        writeLater(this.fd, data, 0, data.length, null, (error, written) => {
          if (error) reject(error);
          else resolve(written);
        });
      });
    } catch (error) {
      if (codeOf(error) === "EAGAIN") {
        await Bun.sleep(1);
        return 0;
      }
      if (this.#isClosed(error)) return data.length;
      throw error;
    }
  }

  /** A closed stderr is passed over; a closed stdout ends the command. */
  #isClosed(error: unknown): boolean {
    const code = codeOf(error);
    if (code !== "EPIPE" && code !== "EBADF" && code !== "EIO") return false;
    if (this.fd === 1) throw new OutputClosed();
    return true;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
