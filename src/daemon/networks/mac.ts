import { createHash } from "node:crypto";

/**
 * Locally administered; from the IPv4 address, so that a peer's ARP entry stays true when an address is
 * used again, and without one from the endpoint.
 */
export function chooseMac(asked: string, address: string, endpointId: string): string {
  if (asked !== "") return asked;
  const bytes =
    address === ""
      ? [...createHash("sha256").update(endpointId).digest().subarray(0, 4)]
      : address.split(".").map(Number);
  return ["02", "42", ...bytes.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
