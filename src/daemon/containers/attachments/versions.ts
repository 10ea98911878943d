import type {
  ContainerCreateRequest,
  ContainerInspectResponse,
  ContainerSummary,
  EndpointSettings,
} from "../../../api/types.ts";
import { compareVersions } from "../../../api/version.ts";
import { EngineError } from "../../../errors.ts";
import { sysctlsOption } from "../../networks/endpoint-plan.ts";
import { isUserDefined } from "../../networks/network.ts";
import { donorOf } from "../modes.ts";

type Endpoints = Record<string, EndpointSettings>;

/**
 * A request of any version in the shape of the newest: what was said of the container as a whole, its MAC
 * address and settings of "eth0", becomes a matter of its first network. Words and versions are Docker's.
 */
export function modernize(
  request: ContainerCreateRequest,
  version: string,
): { request: ContainerCreateRequest; warnings: string[] } {
  const isBefore = (other: string): boolean => compareVersions(version, other) < 0;
  const endpoints: Endpoints = structuredClone(request.NetworkingConfig?.EndpointsConfig ?? {});
  const mode = request.HostConfig?.NetworkMode || "default";
  if (mode === "default" && endpoints.default !== undefined && endpoints.bridge === undefined) {
    endpoints.bridge = endpoints.default;
    delete endpoints.default;
  }
  const names = Object.keys(endpoints);
  if (isBefore("1.44") && names.length > 1) {
    throw invalid(
      `Container cannot be created with multiple network endpoints: ${names.join(", ")}`,
    );
  }
  for (const endpoint of Object.values(endpoints)) {
    if (isBefore("1.48") && endpoint) endpoint.GwPriority = 0;
    // What earlier versions said of all of the container.
    if (isBefore("1.44") && endpoint) endpoint.MacAddress = "";
  }
  const network = mode === "default" ? "bridge" : mode;
  const first = (): EndpointSettings => firstEndpoint(endpoints, network, isBefore("1.44"));
  const warnings: string[] = [];
  const MacAddress = moveMac(request.MacAddress ?? "", network, first);
  if (request.MacAddress && !isBefore("1.44") && MacAddress === "") {
    warnings.push(
      "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.",
    );
  }
  const host = { ...request.HostConfig };
  if (isBefore("1.40")) host.IpcMode ||= "shareable";
  const moved = moveSysctls(host.Sysctls ?? {}, network, first, !isBefore("1.48"));
  if (moved !== undefined) {
    host.Sysctls = moved.left;
    warnings.push(moved.warning);
  }
  return {
    request: {
      ...request,
      MacAddress,
      HostConfig: host,
      NetworkingConfig: { ...request.NetworkingConfig, EndpointsConfig: endpoints },
    },
    warnings,
  };
}

/** Settings of the network that the mode names, begun where none has any. */
function firstEndpoint(endpoints: Endpoints, network: string, takesAny: boolean): EndpointSettings {
  const [only] = Object.values(endpoints);
  if (only === undefined) {
    const begun: EndpointSettings = {};
    endpoints[network] = begun;
    return begun;
  }
  const own = Object.hasOwn(endpoints, network) ? endpoints[network] : undefined;
  const found = takesAny ? only : own;
  if (found === undefined) {
    throw invalid(
      "HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks",
    );
  }
  return found;
}

/** Gives the first network the container's MAC address; what is left is refused where it makes no sense. */
function moveMac(mac: string, network: string, first: () => EndpointSettings): string {
  if (mac === "" || donorOf(network) !== undefined) return mac;
  if (network !== "bridge" && !isUserDefined(network))
    throw invalid("conflicting options: mac-address and the network mode");
  const endpoint = first();
  if (endpoint.MacAddress && endpoint.MacAddress !== mac) {
    throw invalid(
      "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty",
    );
  }
  endpoint.MacAddress = mac;
  return "";
}

/** How healthy a container is stands in a list since 1.52. */
export function withoutLaterHealth(listed: ContainerSummary, version: string): ContainerSummary {
  if (compareVersions(version, "1.52") >= 0) return listed;
  const { Health: _, ...rest } = listed;
  return rest;
}

/** Until 1.45 the names that a container has by itself stood among its aliases, as Docker has it. */
export function withFormerAliases(
  shown: ContainerInspectResponse,
  version: string,
): ContainerInspectResponse {
  if (compareVersions(version, "1.45") >= 0) return shown;
  const { Id: id = "", Config: config, NetworkSettings: settings } = shown;
  const own = [id.slice(0, 12), config?.Hostname ?? ""];
  const networks = Object.entries(settings?.Networks ?? {}).map(([name, network]) => {
    const aliases = [...new Set([...(network.Aliases ?? []), ...own])];
    return [name, isUserDefined(name) ? { ...network, Aliases: aliases } : network];
  });
  return { ...shown, NetworkSettings: { ...settings, Networks: Object.fromEntries(networks) } };
}

const perInterface = /^(net\.[^.]+\.[^.]+)\.(eth[^.]*)\.(.+)$/;

function moveSysctls(
  sysctls: Record<string, string>,
  network: string,
  first: () => EndpointSettings,
  isRefused: boolean,
): { left: Record<string, string>; warning: string } | undefined {
  if (network === "host" || donorOf(network) !== undefined) return undefined;
  const names = Object.keys(sysctls).filter((name) => perInterface.test(name));
  if (names.length === 0) return undefined;
  if (isRefused) {
    throw invalid(
      `interface specific sysctl setting ${JSON.stringify(names[0])} must be supplied using driver option '${sysctlsOption}'`,
    );
  }
  const endpoint = first();
  const settings = names.map((name) => {
    const [, family, interfaceName, rest] = perInterface.exec(name) ?? [];
    if (interfaceName !== "eth0") {
      throw invalid(
        `unable to determine network endpoint for sysctl ${name}, use driver option '${sysctlsOption}' to set per-interface sysctls`,
      );
    }
    return `${family}.IFNAME.${rest}=${sysctls[name]}`;
  });
  const own = endpoint.DriverOpts?.[sysctlsOption];
  // What is said of the endpoint comes last, and so counts.
  const all = [...settings, ...(own ? [own] : [])].join(",");
  endpoint.DriverOpts = { ...endpoint.DriverOpts, [sysctlsOption]: all };
  const left = Object.entries(sysctls).filter(([name]) => !names.includes(name));
  const option = `DriverOpts{"${sysctlsOption}":"${settings.join(",")}"}`;
  return {
    left: Object.fromEntries(left),
    warning: `Migrated sysctl "${names.join(",")}" to ${option}.`,
  };
}

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", message);
}
