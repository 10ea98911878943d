import { messageOf } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";

/** Milliseconds without a start after which what a burst of them has needed is let go. */
const pause = 30_000;

export interface SparesParts {
  native: Pick<Native, "prepareMonitor" | "configurePool" | "restPool">;
  log: { warn(text: string): void };
  /** As many are kept at most. */
  most: number;
  pause?: number;
}

/** What starts find ready: monitors, and networks with a wire in them. */
export class Spares {
  readonly #parts: SparesParts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = 0;

  constructor(parts: SparesParts) {
    this.#parts = parts;
    parts.native.configurePool(parts.most);
  }

  /** Behind whatever is answered now, so that the next start finds its monitor waiting. */
  refill(): void {
    const { native, log } = this.#parts;
    this.#last = performance.now();
    this.#timer ??= this.#wait(this.#pause);
    void native
      .prepareMonitor()
      .catch((error: unknown) => log.warn(`prepare a monitor: ${messageOf(error)}`));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  get #pause(): number {
    return this.#parts.pause ?? pause;
  }

  /** One timer does for any number of starts. */
  #wait(milliseconds: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      const left = this.#last + this.#pause - performance.now();
      this.#timer = left > 1 ? this.#wait(left) : undefined;
      if (this.#timer === undefined) this.#parts.native.restPool();
    }, milliseconds);
    timer.unref();
    return timer;
  }
}
