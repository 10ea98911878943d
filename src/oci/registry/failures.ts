import { EngineError, messageOf } from "../../errors.ts";
import { isRecord, parseJson } from "../json.ts";
import { printable } from "../printable.ts";

/** A registry's answer that is not what was asked for. Stays within registry/; `translate` ends its life. */
export class HttpFailure extends Error {
  readonly status: number;
  /** The registry's own code, "MANIFEST_UNKNOWN"; "" if it gave none. */
  readonly code: string;
  /** The registry's own words, safe to show; "" if it gave none. */
  readonly detail: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, body: Uint8Array, retryAfter: string | null) {
    super(`HTTP status ${status}`);
    this.status = status;
    const { code, detail } = parseErrorBody(body);
    this.code = code;
    this.detail = detail;
    this.retryAfterMs = parseRetryAfter(retryAfter);
  }
}

/** Reads {"errors":[{"code","message"}]} or a token server's {"details"} or {"error_description"}. */
function parseErrorBody(body: Uint8Array): { code: string; detail: string } {
  let value: unknown;
  try {
    value = parseJson(body, "error body");
  } catch {
    return { code: "", detail: "" };
  }
  const list = isRecord(value) ? value.errors : undefined;
  const first: unknown = Array.isArray(list) ? list[0] : value;
  if (!isRecord(first)) return { code: "", detail: "" };
  const words = [first.message, first.details, first.error_description];
  const detail = words.find((word) => typeof word === "string");
  return {
    code: typeof first.code === "string" ? printable(first.code, 64) : "",
    detail: typeof detail === "string" ? printable(detail, 200) : "",
  };
}

/** Seconds or an HTTP date → milliseconds from now. */
export function parseRetryAfter(text: string | null, now = Date.now()): number | undefined {
  if (text === null) return undefined;
  if (/^[0-9]{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

type ConnectionCode = "stalled" | "truncated" | "busy";

/**
 * The connection fell silent, the body ended too early, or the other side has not noticed yet that a connection broke;
 * Bun's own errors carry codes of their own.
 */
export class ConnectionFailure extends Error {
  readonly code: ConnectionCode;

  constructor(code: ConnectionCode, message: string) {
    super(message);
    this.code = code;
  }
}

const retryStatuses = new Set([408, 429, 500, 502, 503, 504]);
const retryCodes = new Set([
  "stalled",
  "truncated",
  "busy",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ConnectionClosed",
]);

/** True if the same request may well succeed soon. */
export function isTransient(error: unknown): boolean {
  if (error instanceof HttpFailure) return retryStatuses.has(error.status);
  return !(error instanceof EngineError) && retryCodes.has(codeOf(error));
}

/** What an error is about, to put in the one sentence shown to the user. */
export interface FailureContext {
  /** host:port of the registry. */
  host: string;
  /** familiarName of the repository. */
  name: string;
  /** "manifest for hello-world:latest", "layer sha256:…". */
  what: string;
  isManifest: boolean;
  /** "pull" unless said otherwise. */
  action?: "pull" | "push";
}

/** Turns whatever a request threw into an EngineError; an EngineError passes through. */
export function translate(error: unknown, context: FailureContext): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof HttpFailure) return translateStatus(error, context);
  return new EngineError(
    "unavailable",
    `cannot reach registry ${context.host}: ${reasonOf(error)}`,
    {
      cause: error,
      hint:
        codeOf(error) === "EPROTO"
          ? "a registry that speaks plain http is named with --insecure-registry of `rt daemon`"
          : "check the name of the registry and the network of the daemon",
    },
  );
}

function translateStatus(failure: HttpFailure, context: FailureContext): EngineError {
  const { status, detail } = failure;
  const { host, name, what, action = "pull" } = context;
  const said = detail === "" ? "" : `: ${detail}`;
  const options = { cause: failure };
  if (status === 401 || (status === 403 && failure.code === "DENIED" && !context.isManifest)) {
    return new EngineError(
      "unauthorized",
      `${action} access denied for ${name}, repository does not exist or may require 'rt login'`,
      options,
    );
  }
  if (status === 403) {
    return new EngineError("forbidden", `registry ${host} denied access to ${name}${said}`, {
      ...options,
      hint: `run \`rt login ${host}\` with an account that may ${action === "push" ? "write to" : "read"} it`,
    });
  }
  if (status === 404) {
    const words =
      failure.code === "NAME_UNKNOWN"
        ? `repository ${name} not found`
        : `${what} not found${context.isManifest ? ": manifest unknown" : ""}`;
    return new EngineError("not_found", words, options);
  }
  if (status === 429) {
    return new EngineError("unavailable", `too many requests to registry ${host}${said}`, {
      ...options,
      hint: `wait a while and try again, or run \`rt login ${host}\` for a higher limit`,
    });
  }
  const kind = status >= 500 ? "failed" : "refused the request";
  return new EngineError(
    "unavailable",
    `registry ${host} ${kind}: HTTP status ${status}${said}`,
    options,
  );
}

const reasons: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection closed before the answer was complete",
  EPIPE: "connection closed before the answer was complete",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "temporary failure in name resolution",
  ENETUNREACH: "network is unreachable",
  EHOSTUNREACH: "no route to host",
  ETIMEDOUT: "connection timed out",
  EPROTO: "http: server gave HTTP response to HTTPS client",
  ResponseHeadersTooLarge: "the answer's headers are too large",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by an unknown authority",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
};

export function reasonOf(error: unknown): string {
  if (error instanceof ConnectionFailure) return error.message;
  const code = codeOf(error);
  return reasons[code] ?? printable(code === "" ? messageOf(error) : code, 120);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}
