import { posix } from "node:path";
import { EngineError } from "../../errors.ts";
import type { Propagation } from "./container.ts";

const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

/** A place in a container, cleaned by its text alone; `spec` is what the user wrote. */
export function parseTarget(target: string, spec: string): string {
  if (!target.startsWith("/")) {
    throw new EngineError(
      "invalid_argument",
      `invalid volume specification: '${spec}': invalid mount path: '${target}' mount path must be absolute`,
    );
  }
  const path = posix.normalize(target).replace(/(.)\/$/, "$1");
  if (path === "/") {
    throw new EngineError(
      "invalid_argument",
      `invalid volume specification: '${spec}': invalid specification: destination can't be '/'`,
    );
  }
  return path;
}

export function isPropagation(word: string): word is Propagation {
  return (propagations as readonly string[]).includes(word);
}
