import { EngineError } from "../../errors.ts";
import type { Credentials } from "../../oci/registry/types.ts";
import { isRecord } from "../http/json.ts";

/** X-Registry-Auth: base64url of {"username", "password"} or {"identitytoken"}. Nothing in it: undefined. */
export function parseCredentials(header: string | string[] | undefined): Credentials | undefined {
  if (typeof header !== "string" || header === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
  } catch {
    // The cause would carry what was sent, which is a secret.
    throw new EngineError(
      "invalid_argument",
      "invalid X-Registry-Auth header: not base64url of a JSON object",
    );
  }
  return isRecord(value) ? toCredentials(value) : undefined;
}

/** The fields of Docker's AuthConfig. */
export function toCredentials(value: Record<string, unknown>): Credentials | undefined {
  const field = (name: string): string => (typeof value[name] === "string" ? value[name] : "");
  const identityToken = field("identitytoken");
  const registryToken = field("registrytoken");
  if (registryToken !== "") return { registryToken };
  if (identityToken !== "") return { identityToken };
  const username = field("username");
  return username === "" ? undefined : { username, password: field("password") };
}
