import type { ContainerCreateRequest, EndpointSettings } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

/**
 * The MAC address that a request asks for on its network, "" for none; refuses what the built-in networks
 * cannot do. `network` is the resolved mode, `resolve` the name of a network as the engine knows it.
 */
export function parseEndpoint(
  request: ContainerCreateRequest,
  network: string,
  resolve: (name: string) => string,
): string {
  let mac = request.MacAddress ?? "";
  for (const [name, settings] of Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {})) {
    const known = resolve(name);
    refuseUnsupported(settings ?? {});
    if (known === network) mac = settings?.MacAddress || mac;
  }
  if (mac === "") return "";
  if (network !== "bridge") {
    throw new EngineError(
      "invalid_argument",
      "conflicting options: mac-address and the network mode",
    );
  }
  return parseMacAddress(mac);
}

function refuseUnsupported(settings: EndpointSettings): void {
  if (settings.IPAMConfig?.IPv4Address || settings.IPAMConfig?.IPv6Address) {
    throw new EngineError(
      "invalid_argument",
      "user specified IP address is supported on user defined networks only",
    );
  }
  if (settings.Aliases?.length) {
    throw new EngineError(
      "invalid_argument",
      "network-scoped aliases are only supported for user-defined networks",
    );
  }
  if (settings.Links?.length)
    throw new EngineError("not_implemented", "links are not supported by this engine yet");
  if (Object.keys(settings.DriverOpts ?? {}).length > 0) {
    throw new EngineError(
      "not_implemented",
      "network driver options are not supported by this engine yet",
    );
  }
}

/** Six bytes of a single station: the lowest bit of the first marks a group (IEEE 802). */
function parseMacAddress(text: string): string {
  const bytes = /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(text) ? text.toLowerCase() : undefined;
  if (
    bytes === undefined ||
    Number.parseInt(bytes.slice(0, 2), 16) % 2 === 1 ||
    /^[0:]+$/.test(bytes)
  ) {
    throw new EngineError("invalid_argument", `invalid MAC address: ${JSON.stringify(text)}`);
  }
  return bytes;
}
