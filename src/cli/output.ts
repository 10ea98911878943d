import { EngineError, messageOf } from "../errors.ts";
import { isSteering, tame } from "./tame.ts";

/** Thrown when nobody reads stdout any more; the command ends in silence, as by SIGPIPE. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** As much may be written at once: a fresh pipe or terminal takes it without making us wait. */
const directBytes = 4096;

/**
 * Everything a command prints. `Bun.write` puts short text out at once, in order, waits for readers
 * that are slow, and costs nothing to load (node:fs takes a third of the time of `rt --version`).
 * Bulk output goes through `pipe`, on a thread of its own, so that the event loop runs meanwhile.
 */
export class Output {
  readonly fd: 1 | 2;
  #written = 0;
  /** Settles when all that was printed is written; there only while some of it is not. */
  #pending: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(fd: 1 | 2) {
    this.fd = fd;
  }

  /** A terminal gets it without what would steer it. Throws what an earlier write failed with. */
  print(text: string): void {
    this.#enqueue(text, (said) => this.#tamed(said));
  }

  /** Text of our own making that moves the cursor of a terminal. */
  steer(text: string): void {
    this.#enqueue(text, async (said) => said);
  }

  #enqueue(text: string, prepare: (text: string) => Promise<string>): void {
    if (this.#failure) throw this.#failure;
    if (text === "") return;
    this.#written += text.length;
    const before = this.#pending;
    const write = async () => await this.#write(await prepare(text));
    const pending = before === undefined ? write() : before.then(write);
    const settled = pending.then(
      () => {
        if (this.#pending === settled) this.#pending = undefined;
      },
      (error: unknown) => {
        this.#failure ??= this.#toFailure(error);
      },
    );
    this.#pending = settled;
  }

  line(text: string): void {
    this.print(`${text}\n`);
  }

  /** Resolves when all that was printed is out. Throws what failed. */
  async flush(): Promise<void> {
    await this.#pending;
    if (this.#failure) throw this.#failure;
  }

  /** Resolves when all of it is written. One call at a time. */
  async pipe(data: Uint8Array): Promise<void> {
    if (this.#pending !== undefined) await this.#pending;
    if (this.#failure) throw this.#failure;
    this.#written += data.length;
    try {
      if (this.#written <= directBytes) await this.#write(data);
      else await this.#writeOnThread(data);
    } catch (error) {
      const failure = this.#toFailure(error);
      if (failure) throw failure;
    }
  }

  /** Asks whether this is a terminal only when there is something to take out. */
  async #tamed(text: string): Promise<string> {
    if (!isSteering(text)) return text;
    const { isTerminal } = await import("./terminal.ts");
    return isTerminal(this.fd) ? tame(text) : text;
  }

  async #write(data: string | Uint8Array): Promise<void> {
    await Bun.write(this.fd === 1 ? Bun.stdout : Bun.stderr, data);
  }

  async #writeOnThread(data: Uint8Array): Promise<void> {
    const { write } = await import("node:fs");
    const writeSome = (rest: Uint8Array) =>
      new Promise<number>((resolve, reject) => {
        write(this.fd, rest, 0, rest.length, null, (error, written) => {
          if (error) reject(error);
          else resolve(written);
        });
      });
    let rest = data;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(await writeSome(rest));
      } catch (error) {
        // Somebody else made the pipe non-blocking.
        if (codeOf(error) !== "EAGAIN") throw error;
        await Bun.sleep(1);
      }
    }
  }

  /** A closed stderr is passed over; a closed stdout ends the command. */
  #toFailure(error: unknown): Error | undefined {
    const code = codeOf(error);
    if (code === "EPIPE" || code === "EBADF" || code === "EIO") {
      return this.fd === 1 ? new OutputClosed() : undefined;
    }
    const name = this.fd === 1 ? "stdout" : "stderr";
    return new EngineError("internal", `cannot write to ${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
