import type { ContainerCreateRequest } from "../../../api/types.ts";
import { EngineError } from "../../../errors.ts";
import { plainAttachment } from "../../networks/attachment.ts";
import { interfaceOption } from "../../networks/interface-names.ts";
import type { Attachment, Network } from "../../networks/network.ts";
import type { NetworkSource } from "../../networks/services.ts";
import { findAsked } from "../asked.ts";
import { donorOf } from "../modes.ts";
import { refuseConflict, shared } from "./conflicts.ts";
import { joinLines, parseAttachment } from "./settings.ts";

/** What a request asks of networks. */
export interface NetworkRequest {
  /** Name of a network, or "container:ID". */
  mode: string;
  attachments: Record<string, Attachment>;
}

/**
 * The networks of a new container: those that have settings, else the mode's; as Docker, the mode's is none of
 * them when only others have settings. Throws whatever a start would refuse.
 */
export function parseNetworks(
  request: ContainerCreateRequest,
  networks: NetworkSource,
): NetworkRequest {
  const asked = Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {});
  const given = request.NetworkDisabled ? "none" : request.HostConfig?.NetworkMode;
  if (donorOf(given) !== undefined) {
    const own = asked.find(([, settings]) => Object.keys(settings ?? {}).length > 0);
    if (own !== undefined) throw invalid(shared);
    return { mode: given ?? "", attachments: {} };
  }
  const first = getNetwork(networks, given);
  const found = asked.length === 0 ? [[first, {}] as const] : asked.map(find);
  function find([reference, settings]: (typeof asked)[number]) {
    if (settings == null)
      throw invalid(`invalid config for network ${reference}: EndpointsConfig is nil`);
    return [getNetwork(networks, reference), settings] as const;
  }
  const objections: string[] = [];
  const hints: string[] = [];
  const attachments: Record<string, Attachment> = {};
  const present: Network[] = [];
  for (const [network, settings] of found) {
    if (Object.hasOwn(attachments, network.name))
      throw invalid(`network "${network.name}" is specified multiple times`);
    refuseConflict(first.name, present, network);
    present.push(network);
    attachments[network.name] = plainAttachment();
    if (settings.MacAddress && ["host", "null"].includes(network.driver))
      throw invalid("conflicting options: mac-address and the network mode");
    try {
      attachments[network.name] = parseAttachment(settings, network);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      objections.push(`invalid config for network ${network.name}: ${error.message}`);
      hints.push(...(error.hint ? [error.hint] : []));
    }
  }
  if (objections.length > 0) throw invalid(joinLines(objections), hints[0]);
  refuseEqualInterfaces(Object.values(attachments));
  return { mode: first.name, attachments };
}

/** "" and "default" mean the default bridge. */
function getNetwork(networks: NetworkSource, reference: string | undefined): Network {
  const name = !reference || reference === "default" ? "bridge" : reference;
  return findAsked(() => networks.get(name));
}

export function refuseEqualInterfaces(attachments: Attachment[]): void {
  const names = attachments.flatMap(({ driverOptions }) => driverOptions[interfaceOption] || []);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`interface name ${twice} is asked for more than once`);
}

function invalid(message: string, hint?: string): EngineError {
  return new EngineError("invalid_argument", message, hint ? { hint } : {});
}
