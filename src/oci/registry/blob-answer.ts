import { EngineError } from "../../errors.ts";
import type { Exchange } from "./transport.ts";

/** "bytes 100-199/200" is the range from 100 up to 200 of a blob of 200 bytes. */
export function isRange(exchange: Exchange, from: number, to: number, size: number): boolean {
  if (exchange.status !== 206) return false;
  const header = exchange.header("content-range") ?? "";
  const match = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/.exec(header);
  if (match === null) return false;
  const [, first, last, whole] = match;
  return (
    Number(first) === from && Number(last) === to - 1 && (whole === "*" || Number(whole) === size)
  );
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
  { what, size }: { what: string; size: number },
): void {
  const length = exchange.header("content-length");
  if (length === null || Number(length) === size) return;
  exchange.close();
  throw new EngineError(
    "invalid_argument",
    `${what} has the wrong size: expected ${size} bytes, the registry sends ${Number(length)}`,
  );
}
