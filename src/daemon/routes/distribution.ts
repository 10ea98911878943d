import { parseReference, type Reference } from "../../oci/reference.ts";
import type { Login } from "../../oci/registry/types.ts";
import type { Handler } from "../http/context.ts";
import type { Distribution } from "../images/distribution.ts";
import { parseCredentials } from "./credentials.ts";

export interface DistributionParts {
  lookUp(
    reference: Reference,
    login: Login | undefined,
    signal: AbortSignal,
  ): Promise<Distribution>;
}

export function distributionRoutes(parts: DistributionParts) {
  return {
    async distributionInspect({ params, headers, signal, json }) {
      const reference = parseReference(params.name ?? "");
      const credentials = parseCredentials(headers["x-registry-auth"]);
      const login = credentials && { domain: reference.domain, credentials };
      const { descriptor, platforms } = await parts.lookUp(reference, login, signal);
      json(200, { Descriptor: descriptor, Platforms: platforms });
    },
  } satisfies Record<string, Handler>;
}
