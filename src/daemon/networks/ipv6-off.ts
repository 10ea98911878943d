import type { HostConfig } from "../../api/types.ts";
import { toDots } from "../containers/sysctls.ts";
import { readSysctls } from "./endpoint-plan.ts";
import type { Attachment, Network } from "./network.ts";

/** The container has IPv6 switched off: everywhere, or for its interface in one network. */
export function hasIpv6Off({ Sysctls }: Pick<HostConfig, "Sysctls">, attachment: Attachment) {
  const own = readSysctls(attachment, "IFNAME");
  return (
    isOn(own["net.ipv6.conf.IFNAME.disable_ipv6"]) ||
    Object.entries(Sysctls ?? {}).some(
      ([name, value]) => toDots(name) === "net.ipv6.conf.all.disable_ipv6" && isOn(value),
    )
  );
}

/** To the kernel every whole number but 0 is. */
function isOn(value = ""): boolean {
  return Number.isInteger(Number(value)) && Number(value) !== 0;
}

/** A network and what is asked of it, for a container that has IPv6 off: IPv4 is all that there is. */
export function withoutIpv6<Of extends { network: Network; attachment: Attachment }>(
  place: Of,
): Of {
  const { network, attachment } = place;
  const linkLocal = attachment.linkLocal.filter((address) => !address.includes(":"));
  return {
    ...place,
    network: { ...network, enableIpv6: false },
    attachment: { ...attachment, address6: "", linkLocal },
  };
}
