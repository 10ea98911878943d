import packageJson from "../../../package.json";
import { env } from "../../env.ts";
import type { Reference } from "../../oci/reference.ts";
import type { Credentials, RegistryOptions } from "../../oci/registry/types.ts";
import { findCredentials } from "../login/credentials.ts";

export const insecureFlag = {
  kind: "bool",
  summary: "Allow communication with an insecure registry",
} as const;

/** How the client itself talks to the registry of a name, with the credentials of `login`. */
export function registryOptions({ domain }: Reference, insecure: boolean): RegistryOptions {
  env.keepLoopbackDirect();
  return {
    insecureRegistries: insecure ? [domain] : [],
    userAgent: `rt/${packageJson.version}`,
    credentials: async (host) => {
      const found = await findCredentials(host);
      if (found === undefined) return undefined;
      const { username, password, identitytoken } = found;
      return {
        ...{ username, password },
        ...(identitytoken === undefined ? {} : { identityToken: identitytoken }),
      } satisfies Credentials;
    },
  };
}
