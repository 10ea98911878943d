import { errorCodeHeader, errorHintHeader, fromErrorReply } from "../api/errors.ts";
import type { StreamFailure } from "../api/frames.ts";
import { type Route, routes } from "../api/routes.ts";
import { EngineError, type ErrorCode, messageOf } from "../errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { type Head, ProtocolError } from "./http.ts";
import { explainTls } from "./tls-failures.ts";

/** What went wrong between us and an engine, as the user is told it. */

const startHint = "is the daemon running? start it with 'rt daemon', or name another with -H";

const failures: Record<
  string,
  { code: "unavailable" | "forbidden"; detail: string; hint: string }
> = {
  ENOENT: { code: "unavailable", detail: "no such socket", hint: startHint },
  ECONNREFUSED: { code: "unavailable", detail: "connection refused", hint: startHint },
  EACCES: {
    code: "forbidden",
    detail: "permission denied",
    hint: "run rt as root, or as a member of the group that owns the socket",
  },
  EPERM: {
    code: "forbidden",
    detail: "permission denied",
    hint: "run rt as root, or as a member of the group that owns the socket",
  },
  ENOTSOCK: { code: "unavailable", detail: "not a socket", hint: startHint },
};

/** Nobody listens there, so that an engine may be started. */
export function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ECONNREFUSED";
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

/** A connection that could not be made, or over which no HTTP came back. */
export function toUnreachable(error: unknown, address: Address): EngineError {
  if (error instanceof EngineError) return error;
  const prefix = `cannot connect to the rt daemon at ${formatAddress(address)}`;
  if (error instanceof ProtocolError) {
    const { detail, hint } = explainProtocol(error, address);
    const message = `${prefix}: ${detail}`;
    return new EngineError("unavailable", message, { cause: error, hint });
  }
  const code = codeOf(error) ?? "";
  const known = failures[code] ?? explainTls(code, messageOf(error));
  const detail = known?.detail ?? messageOf(error);
  const hint = known?.hint ?? startHint;
  return new EngineError(failures[code]?.code ?? "unavailable", `${prefix}: ${detail}`, {
    cause: error,
    hint,
  });
}

function explainProtocol({ message }: ProtocolError, address: Address) {
  const detail = `what answers there is not a container engine: ${message}`;
  if (address.kind === "unix")
    return { detail, hint: "name the daemon's socket with -H or RT_HOST" };
  if (address.tls === undefined) return { detail, hint: "if it wants TLS, give --tlsverify" };
  return {
    detail: `it ended the connection: ${message}`,
    hint: "the certificate in --tlscert has to be valid, and of the daemon's CA",
  };
}

/** A connection that failed in the middle of a reply. */
export function toLost(error: unknown, address: Address): EngineError {
  const where = formatAddress(address);
  const message = `lost the connection to the daemon at ${where}: ${messageOf(error)}`;
  return new EngineError("unavailable", message, { cause: error, hint: startHint });
}

/** An error reply, with the code and hint that our own engine sends in its head. */
export function toReplyError(route: Route, head: Head, body: string): EngineError {
  const hint = head.headers[errorHintHeader.toLowerCase()];
  const message = `Error response from daemon: ${messageIn(body, head.status)}`;
  const code = head.headers[errorCodeHeader.toLowerCase()] ?? guessCode(route, message);
  return fromErrorReply(head.status, message, code, hint);
}

/** A failure that came in a stream, of a container that could not be started. */
export function toStreamError(json: Uint8Array): EngineError {
  const failure = JSON.parse(new TextDecoder().decode(json)) as StreamFailure;
  const named = Object.entries(failure.headers).map(([name, value]) => [name.toLowerCase(), value]);
  const head = { ...failure, headers: Object.fromEntries(named), keepAlive: false };
  return toReplyError(routes.containerStart, head, JSON.stringify(failure.body));
}

function messageIn(text: string, status: number): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === "object" && "message" in parsed)
      return String(parsed.message).trim();
  } catch {
    // Not JSON: a proxy, or an engine older than the error format.
  }
  return text.trim() || `status ${status}`;
}

/**
 * What Docker's engine, which sends no codes, means by a failed start: its own client too goes by
 * these words. Ours says it in a header.
 */
function guessCode(route: Route, message: string): ErrorCode | undefined {
  if (route.path !== routes.containerStart.path) return undefined;
  if (/executable file not found|no such file or directory/.test(message)) {
    return "command_not_found";
  }
  if (/permission denied|is a directory/.test(message)) return "command_not_executable";
  return undefined;
}
