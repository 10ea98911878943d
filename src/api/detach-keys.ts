import { EngineError } from "../errors.ts";

const defaultKeys = "ctrl-p,ctrl-q";

/** "ctrl-p,ctrl-q" or "a,ctrl-@" → the bytes that a terminal sends for it. */
export function parseDetachKeys(text: string | undefined): Uint8Array {
  const codes = (text || defaultKeys).split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key);
    if (control?.[1]) return control[1].toUpperCase().charCodeAt(0) - 64;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new EngineError(
      "invalid_argument",
      `invalid detach keys (${text}): unknown character: '${key}'`,
    );
  });
  return Uint8Array.from(codes);
}

/** Finds the detach keys in what is typed; a sequence that was begun is held back. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** Bytes to send on; after `detached` nothing more is looked at. */
  push(input: Uint8Array): { send: Uint8Array; detached: boolean } {
    const send: number[] = [];
    for (const byte of input) {
      if (byte === this.#keys[this.#matched]) {
        if (++this.#matched === this.#keys.length) {
          return { send: Uint8Array.from(send), detached: true };
        }
        continue;
      }
      send.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) send.push(byte);
      else if (this.#keys.length === 1) return { send: Uint8Array.from(send), detached: true };
    }
    return { send: Uint8Array.from(send), detached: false };
  }
}
