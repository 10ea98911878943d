import type { Part } from "./parts.ts";

/** Who counts on parts of the store that no image's record names yet. */
export class Holds {
  readonly #counts = new Map<Part, number>();
  #everything = 0;
  readonly #released: () => void;

  /** `released` is called whenever something is let go. */
  constructor(released: () => void) {
    this.#released = released;
  }

  has(part: Part): boolean {
    return this.#everything > 0 || this.#counts.has(part);
  }

  /** All of the store, for work that does not know yet what it needs. */
  takeAll(): Disposable {
    this.#everything++;
    return this.#once(() => this.#everything--);
  }

  take(parts: Part[]): Disposable {
    for (const part of parts) this.#counts.set(part, (this.#counts.get(part) ?? 0) + 1);
    return this.#once(() => {
      for (const part of parts) {
        const left = (this.#counts.get(part) ?? 1) - 1;
        if (left > 0) this.#counts.set(part, left);
        else this.#counts.delete(part);
      }
    });
  }

  #once(release: () => void): Disposable {
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        release();
        this.#released();
      },
    };
  }
}
