import { Authorizer } from "./auth.ts";
import { SchemeFinder } from "./scheme.ts";
import { Transport } from "./transport.ts";
import type { RegistryOptions } from "./types.ts";

/** What reading from and writing to registries have in common. */
export interface Connections {
  transport: Transport;
  authorizer: Authorizer;
  schemes: SchemeFinder;
  /** Tries of one request, the first included. */
  attempts: number;
}

/** `stallMs`: after so many milliseconds of silence a connection counts as broken, unless told. */
export function openConnections(options: RegistryOptions, stallMs: number): Connections {
  const attempts = options.attempts ?? 5;
  const transport = new Transport({
    userAgent: options.userAgent ?? "rt",
    attempts,
    backoffMs: options.backoffMs ?? 500,
    stallMs: options.stallMs ?? stallMs,
    onRetry: options.onRetry ?? (() => undefined),
  });
  const authorizer = new Authorizer({
    transport,
    credentials: options.credentials ?? (async () => undefined),
    insecureRegistries: options.insecureRegistries ?? [],
  });
  return { transport, authorizer, schemes: new SchemeFinder(transport), attempts };
}
