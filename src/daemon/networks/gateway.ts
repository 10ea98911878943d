import type { Endpoint } from "./network.ts";

/** What is known of a place when the way out is chosen. */
export interface GatewayCandidate {
  network: string;
  internal: boolean;
  priority: number;
  endpoint: Pick<Endpoint, "gateway" | "gateway6">;
}

/**
 * The networks that are the way out of a container, by family, as Docker chooses them: the highest priority,
 * then what leads out, then who has gateways of both families, then the name.
 */
export function chooseGateways(candidates: GatewayCandidate[]): {
  ipv4: string | undefined;
  ipv6: string | undefined;
} {
  const ranked = candidates.toSorted(compare);
  return {
    ipv4: ranked.find(({ endpoint }) => endpoint.gateway !== "")?.network,
    ipv6: ranked.find(({ endpoint }) => endpoint.gateway6 !== "")?.network,
  };
}

function compare(a: GatewayCandidate, b: GatewayCandidate): number {
  return (
    b.priority - a.priority ||
    Number(a.internal) - Number(b.internal) ||
    families(b) - families(a) ||
    (a.network < b.network ? -1 : 1)
  );
}

function families({ endpoint }: GatewayCandidate): number {
  return Number(endpoint.gateway !== "") + Number(endpoint.gateway6 !== "");
}
