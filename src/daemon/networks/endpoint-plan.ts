import type { EndpointPlan, LinkPlan } from "../../native-types/net.ts";
import type { Attachment, Endpoint, Network } from "./network.ts";

/** Settings of the kernel for the container's interface: "net.ipv4.conf.IFNAME.log_martians=1,…". */
export const sysctlsOption = "com.docker.network.endpoint.sysctls";

const iccOption = "com.docker.network.bridge.enable_icc";
const mtuOption = "com.docker.network.driver.mtu";

/** Everything about one interface of a container. Pure; null for a network that has none. */
export function planEndpoint(
  network: Network,
  attachment: Attachment,
  endpoint: Endpoint,
  hostLink: string,
): EndpointPlan | null {
  const link = planLink(network, endpoint, hostLink);
  if (link === null) return null;
  const { isGateway } = endpoint;
  // In these modes the kernel routes: there is no router to send to.
  const routed = link.kind === "ipvlan" && link.mode !== "l2";
  return {
    link,
    interface: endpoint.interface,
    addresses: [
      ...withPrefix(endpoint.address, endpoint.prefixLength),
      ...withPrefix(endpoint.address6, endpoint.prefixLength6),
      ...attachment.linkLocal.map((address) => `${address}/${address.includes(":") ? 64 : 16}`),
    ],
    gateways: [
      ...(isGateway.ipv4 ? [routed ? "0.0.0.0" : endpoint.gateway] : []),
      ...(isGateway.ipv6 ? [routed ? "::" : endpoint.gateway6] : []),
    ].filter((gateway) => gateway !== ""),
    mac: network.driver === "ipvlan" ? "" : endpoint.macAddress,
    ipv6: network.enableIpv6,
    sysctls: readSysctls(attachment, endpoint.interface),
  };
}

/** `hostLink` is the network's interface on the host: its bridge, or the parent of what hangs on one. */
function planLink(network: Network, endpoint: Endpoint, hostLink: string): LinkPlan | null {
  const { options } = network;
  switch (network.driver) {
    case "bridge":
      return {
        kind: "bridge",
        bridge: hostLink,
        hostInterface: endpoint.hostInterface,
        isolated: isOff(options[iccOption]),
      };
    case "macvlan":
      return {
        kind: "macvlan",
        parent: hostLink,
        mode: (options.macvlan_mode ?? "bridge") as "bridge",
        mtu: Number(options[mtuOption] ?? 0),
      };
    case "ipvlan":
      return {
        kind: "ipvlan",
        parent: hostLink,
        mode: (options.ipvlan_mode ?? "l2") as "l2",
        flag: (options.ipvlan_flag ?? "bridge") as "bridge",
        mtu: Number(options[mtuOption] ?? 0),
      };
    default:
      return null;
  }
}

/** As Go's strconv.ParseBool reads it. */
function isOff(value: string | undefined): boolean {
  return ["0", "f", "F", "false", "False", "FALSE"].includes(value ?? "");
}

/** What is asked of an interface of that name, as sysctl(8) writes it. */
export function readSysctls(attachment: Attachment, name: string): Record<string, string> {
  const text = attachment.driverOptions[sysctlsOption] ?? "";
  const settings = text === "" ? [] : text.split(",");
  return Object.fromEntries(
    settings.map((setting) => {
      const [key = "", ...value] = setting.split("=");
      return [key.replace(/\.ifname\./i, `.${name}.`), value.join("=")];
    }),
  );
}

function withPrefix(address: string, prefixLength: number): string[] {
  return address === "" ? [] : [`${address}/${prefixLength}`];
}
