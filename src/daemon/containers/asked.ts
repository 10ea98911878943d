import { EngineError } from "../../errors.ts";

/**
 * Looks up what a container asks for. That it is not there is no not_found, since the container is: at a create,
 * Docker's client takes that for an image that it has to pull.
 */
export function findAsked<Found>(look: () => Found): Found {
  try {
    return look();
  } catch (error) {
    throw toAsked(error);
  }
}

/** The same for what was thrown already. */
export function toAsked(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.code !== "not_found") return error;
  const { message, hint } = error;
  return new EngineError("invalid_argument", message, { cause: error, ...(hint ? { hint } : {}) });
}
