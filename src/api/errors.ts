import { EngineError, type ErrorCode, errorCodes, messageOf } from "../errors.ts";

/** Header that carries the engine's own error code beside Docker's `{"message"}` body. */
export const errorCodeHeader = "Rt-Error-Code";
/** Header that carries the hint, percent-encoded. */
export const errorHintHeader = "Rt-Error-Hint";

export interface ErrorReply {
  status: number;
  headers: Record<string, string>;
  body: { message: string };
}

/** What the server answers for anything that was thrown. */
export function toErrorReply(error: unknown): ErrorReply {
  const code: ErrorCode = error instanceof EngineError ? error.code : "internal";
  const headers: Record<string, string> = { [errorCodeHeader]: code };
  if (error instanceof EngineError && error.hint !== undefined) {
    headers[errorHintHeader] = encodeURIComponent(error.hint);
  }
  return { status: errorCodes[code].status, headers, body: { message: clip(messageOf(error)) } };
}

/** A sentence may quote what was asked for, and that may be a megabyte: its beginning and end will do. */
function clip(text: string): string {
  const [most, end] = [2048, 512];
  if (text.length <= most) return text;
  return `${text.slice(0, most - end)}…${text.slice(-end)}`.toWellFormed();
}

/** What the client throws for an error reply, from this engine or from Docker's. */
export function fromErrorReply(
  status: number,
  message: string,
  code: string | undefined,
  hint: string | undefined,
): EngineError {
  const options = hint === undefined ? {} : { hint: decodeURIComponent(hint) };
  return new EngineError(isErrorCode(code) ? code : codeOf(status), message, options);
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(errorCodes, code);
}

function codeOf(status: number): ErrorCode {
  const found = Object.entries(errorCodes).find(([, entry]) => entry.status === status);
  if (found && isErrorCode(found[0])) return found[0];
  return status >= 500 ? "internal" : "invalid_argument";
}
