import { plainAttachment } from "../networks/attachment.ts";
import type { Endpoint } from "../networks/network.ts";
import { type Container, type ContainerState, initialState } from "./container.ts";
import { donorOf } from "./modes.ts";

/** As earlier versions wrote it: one network, and of what it can be asked only the MAC address. */
type EarlierContainer = Omit<Container, "attachments"> &
  Partial<Pick<Container, "attachments">> & { macAddress?: string };

/** A container as it was written down, with what this version has added. */
export function readContainer(record: EarlierContainer): Container {
  const { macAddress = "", ...container } = record;
  const network = container.hostConfig.NetworkMode ?? "bridge";
  const only = donorOf(network) === undefined ? { [network]: plainAttachment({ macAddress }) } : {};
  return { ...container, attachments: container.attachments ?? only };
}

export function readState(record: Partial<ContainerState>): ContainerState {
  const endpoints = Object.entries(record.endpoints ?? {}).map(([name, endpoint]) => [
    name,
    readEndpoint(endpoint),
  ]);
  return { ...initialState(), ...record, endpoints: Object.fromEntries(endpoints) };
}

/** Earlier ones were all of the default bridge, and of IPv4. */
function readEndpoint(endpoint: Partial<Endpoint> & { endpointId: string }): Endpoint {
  return {
    networkId: "",
    interface: "eth0",
    hostInterface: `veth${endpoint.endpointId.slice(0, 11)}`,
    address: "",
    prefixLength: 0,
    gateway: "",
    address6: "",
    prefixLength6: 0,
    gateway6: "",
    macAddress: "",
    isGateway: { ipv4: true, ipv6: false },
    ...endpoint,
  };
}
