import { EngineError } from "../../errors.ts";
import type { Exchange } from "./transport.ts";

/** "bytes 100-199/200" → 100, if it goes to the end of a blob of `size` bytes. */
export function startOfRange(header: string | null, size: number): number | undefined {
  const match = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/.exec(header ?? "");
  if (match === null || Number(match[2]) !== size - 1) return undefined;
  if (match[3] !== "*" && Number(match[3]) !== size) return undefined;
  return Number(match[1]);
}

/** Bytes that were compressed on the way are not those that were hashed. */
export function refuseEncoding(exchange: Exchange, { what }: { what: string }): void {
  const encoding = exchange.header("content-encoding");
  if (encoding === null || encoding === "identity") return;
  exchange.close();
  throw new EngineError(
    "invalid_argument",
    `${what} came with a content encoding that was not asked for`,
  );
}

/** A registry that announces another length will not deliver what was declared. */
export function refuseOtherLength(
  exchange: Exchange,
  { what }: { what: string },
  size: number,
): void {
  const length = exchange.header("content-length");
  if (length === null || Number(length) === size) return;
  exchange.close();
  throw new EngineError(
    "invalid_argument",
    `${what} has the wrong size: expected ${size} bytes, the registry sends ${Number(length)}`,
  );
}
