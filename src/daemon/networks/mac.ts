import { createHash } from "node:crypto";

/**
 * Locally administered; from the IPv4 address, without one from the IPv6 address, so that what neighbours
 * remember stays true when an address is used again. Where addresses are not managed, from the endpoint.
 */
export function chooseMac(
  asked: string,
  { address, address6, endpointId }: { address: string; address6: string; endpointId: string },
): string {
  if (asked !== "") return asked;
  const bytes =
    address === ""
      ? [
          ...createHash("sha256")
            .update(address6 || endpointId)
            .digest()
            .subarray(0, 4),
        ]
      : address.split(".").map(Number);
  return ["02", "42", ...bytes.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
