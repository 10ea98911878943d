import { EngineError } from "../../../errors.ts";

export interface Link {
  /** Of another container: its name, or its id. */
  container: string;
  /** What this one calls it. */
  alias: string;
}

/** "CONTAINER", "CONTAINER:ALIAS", or as an inspected container has it, "/CONTAINER:/OWN/ALIAS". */
export function parseLink(text: string): Link {
  if (text === "") throw invalid("empty string specified for links");
  const [first = "", second = first, ...more] = text.split(":");
  if (more.length > 0) throw invalid(`bad format for links: ${text}`);
  const container = first.replace(/^\//, "");
  const alias = first.startsWith("/") ? second.slice(second.lastIndexOf("/") + 1) : second;
  // The alias becomes a line of files.
  if (container === "" || alias === "" || /[\s\p{Cc}]/u.test(alias))
    throw invalid(`bad format for links: ${text}`);
  return { container, alias };
}

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", message);
}
