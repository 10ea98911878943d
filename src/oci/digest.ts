import { EngineError } from "../errors.ts";
import { printable } from "./printable.ts";

/** "sha256:<64 hex>" or "sha512:<128 hex>", validated. */
export type Digest = string;

export type DigestAlgorithm = "sha256" | "sha512";

export interface DigestParts {
  algorithm: DigestAlgorithm;
  /** Lower case. */
  hex: string;
}

const pattern = /^(?:(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128}))$/;

/** True if `text` is a digest in its one accepted spelling; such a string is safe within a path. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && pattern.test(text);
}

/** Splits a digest; throws invalid_argument for anything that is not exactly one. */
export function parseDigest(text: string): DigestParts {
  const match = pattern.exec(text);
  if (match?.[2] !== undefined) return { algorithm: "sha256", hex: match[2] };
  if (match?.[4] !== undefined) return { algorithm: "sha512", hex: match[4] };
  throw new EngineError(
    "invalid_argument",
    `invalid digest: ${JSON.stringify(printable(text, 160))}`,
  );
}

/** The sha256 digest of bytes that are in memory. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

/** Hashes and counts a stream of chunks; never holds them. */
export class Digester {
  readonly algorithm: DigestAlgorithm;
  size = 0;
  readonly #hasher: Bun.CryptoHasher;

  constructor(algorithm: DigestAlgorithm = "sha256") {
    this.algorithm = algorithm;
    this.#hasher = new Bun.CryptoHasher(algorithm);
  }

  update(chunk: Uint8Array): void {
    this.#hasher.update(chunk);
    this.size += chunk.byteLength;
  }

  /** Ends the digester. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hasher.digest("hex")}`;
  }
}

/**
 * Throws invalid_argument unless `bytes` have the given digest (and size, where it is given).
 * `what` names the bytes in the message: "manifest", "config".
 */
export function verifyBytes(
  bytes: Uint8Array,
  digest: Digest,
  size: number | undefined,
  what: string,
) {
  if (size !== undefined && bytes.byteLength !== size) {
    throw new EngineError(
      "invalid_argument",
      `${what} ${digest} has the wrong size: expected ${size} bytes, got ${bytes.byteLength}`,
    );
  }
  const digester = new Digester(parseDigest(digest).algorithm);
  digester.update(bytes);
  const actual = digester.digest();
  if (actual !== digest) {
    throw new EngineError(
      "invalid_argument",
      `${what} has the wrong digest: expected ${digest}, got ${actual}`,
    );
  }
}
