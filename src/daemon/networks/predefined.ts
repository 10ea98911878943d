import type { Network } from "./network.ts";

const bare: Omit<Network, "id" | "name" | "driver" | "createdAt"> = {
  enableIpv4: true,
  enableIpv6: false,
  internal: false,
  attachable: false,
  configOnly: false,
  configFrom: "",
  pools: [],
  options: {},
  ipamDriver: "default",
  ipamOptions: {},
  labels: {},
};

/** The networks that every engine has; the default bridge has no addresses yet. */
export function buildPredefined(
  idOf: (name: string) => string,
  now: string,
  bridgeOptions: Record<string, string>,
): Network[] {
  const named = (name: string) => ({ ...bare, id: idOf(name), name, createdAt: now });
  return [
    { ...named("bridge"), driver: "bridge", options: bridgeOptions },
    { ...named("host"), driver: "host" },
    { ...named("none"), driver: "null" },
  ];
}
