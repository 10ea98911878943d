/** Work that is worth doing: below this the heap has hardly grown. */
const worthwhile = 100;
/** Milliseconds without a request after which nobody is kept waiting. */
const pause = 3000;

/**
 * Does `work` once when, after many requests, none has come for a while. The runtime's heap grows with a burst
 * of requests and is not collected by itself once they have ended, since then nothing allocates; and of the
 * program's code most is not run again soon.
 */
export class Quiet {
  readonly #work: () => void;
  readonly #pause: number;
  #requests = 0;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(work: () => void, milliseconds: number = pause) {
    this.#work = work;
    this.#pause = milliseconds;
  }

  /** Called with each request; cheap, since one timer does for any number of them. */
  disturb(): void {
    this.#requests += 1;
    this.#last = performance.now();
    if (this.#requests >= worthwhile) this.#timer ??= this.#wait(this.#pause);
  }

  #wait(milliseconds: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#look(), milliseconds);
    timer.unref();
    return timer;
  }

  #look(): void {
    const left = this.#last + this.#pause - performance.now();
    this.#timer = left > 1 ? this.#wait(left) : undefined;
    if (this.#timer !== undefined) return;
    this.#requests = 0;
    this.#work();
  }
}
