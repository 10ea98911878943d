/**
 * The one error class of the engine and its closed table of codes.
 *
 * A code is chosen where the cause is known, never by matching text. `status` is the HTTP status the
 * daemon answers with; `exit` is the client's exit code when that differs from 1 for the code itself.
 */
export const errorCodes = {
  invalid_argument: { status: 400 },
  unauthorized: { status: 401 },
  forbidden: { status: 403 },
  not_found: { status: 404 },
  conflict: { status: 409 },
  not_modified: { status: 304 },
  not_implemented: { status: 501 },
  unavailable: { status: 503 },
  internal: { status: 500 },
  command_not_found: { status: 400, exit: 127 },
  command_not_executable: { status: 400, exit: 126 },
  mount_conflict: { status: 400, exit: 125 },
} as const satisfies Record<string, { status: number; exit?: number }>;

export type ErrorCode = keyof typeof errorCodes;

export interface EngineErrorOptions {
  cause?: unknown;
  /** One sentence that says what the user can do about it. */
  hint?: string;
}

export class EngineError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EngineError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** The message of anything that was thrown, for use inside a longer sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
