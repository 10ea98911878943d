/** Error codes of the distribution specification with their statuses. */
const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  RANGE_INVALID: 416,
  UNSUPPORTED: 405,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
} as const;

export type RegistryErrorCode = keyof typeof statuses;

/** What a handler throws: answered as `{"errors": [{"code", "message"}]}`. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;
  readonly headers: Record<string, string>;

  constructor(code: RegistryErrorCode, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = "RegistryError";
    this.code = code;
    this.headers = headers;
  }
}

export function toErrorResponse(error: RegistryError): Response {
  const body = { errors: [{ code: error.code, message: error.message }] };
  return Response.json(body, { status: statuses[error.code], headers: error.headers });
}
