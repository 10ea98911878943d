import type { HostConfig } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { cut, refuse } from "./parts.ts";

/** --security-opt: a seccomp profile is read here, systempaths=unconfined becomes empty lists. */
export async function readSecurity(
  items: readonly string[],
): Promise<{ options: string[]; paths: Pick<HostConfig, "MaskedPaths" | "ReadonlyPaths"> }> {
  const options: string[] = [];
  let paths = {};
  for (const item of items) {
    if (item === "systempaths=unconfined") {
      paths = { MaskedPaths: [], ReadonlyPaths: [] };
      continue;
    }
    const [name, value] = cut(item, item.includes("=") ? "=" : ":");
    if (value === "" && name !== "no-new-privileges") {
      throw refuse(`invalid --security-opt: "${item}"`);
    }
    const isFile = name === "seccomp" && value !== "unconfined" && value !== "builtin";
    options.push(isFile ? `seccomp=${await readProfile(value)}` : item);
  }
  return { options, paths };
}

async function readProfile(path: string): Promise<string> {
  try {
    return JSON.stringify(JSON.parse(await Bun.file(path).text()));
  } catch (cause) {
    throw new EngineError(
      "invalid_argument",
      `cannot read the seccomp profile "${path}": ${messageOf(cause)}`,
      { cause, hint: "a profile is a file of JSON, as Docker's" },
    );
  }
}

/** "net_admin" → "CAP_NET_ADMIN"; each once, in order. "ALL" has no prefix. */
export function normalizeCapabilities(names: readonly string[]): string[] {
  const full = names.map((name) => {
    const upper = name.trim().toUpperCase();
    if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
    return upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  });
  return [...new Set(full)].sort((a, b) => (a < b ? -1 : 1));
}
