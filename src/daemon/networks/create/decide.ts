import { EngineError } from "../../../errors.ts";
import type { Prefix } from "../address.ts";
import type { DefaultPool } from "../ipam/default-pools.ts";
import { isUserDefined, type Network, type NetworkDriver } from "../network.ts";
import { checkPools } from "./check-pools.ts";
import { checkBridgeSubnets, type DriverFacts, judgeDriver } from "./drivers.ts";
import { optionNames, parseFamilySwitch } from "./options.ts";
import { decidePools, subnetsOf } from "./pools.ts";
import type { NetworkRequest } from "./request.ts";

/** All that a decision rests on, beside the request. */
export interface CreateSurroundings {
  now: string;
  networks: readonly Network[];
  defaultPools: readonly DefaultPool[];
  /** What this host reaches by its routes. */
  routes: readonly Prefix[];
  /** By driver, options of networks that do not give them. */
  defaultOptions: Readonly<Record<string, Record<string, string>>>;
}

/** The network that a request asks for; throws in Docker's words for what cannot be. */
export function decideNetwork(
  id: string,
  request: NetworkRequest,
  around: CreateSurroundings,
): Network {
  checkName(request.name, around.networks);
  checkOperatorFields(request);
  const settings = settle(request, around);
  checkPools(settings.pools, settings.enableIpv6);
  checkIpamDriver(settings.ipamDriver);
  const base: Omit<Network, "driver" | "pools"> = {
    id,
    name: request.name,
    createdAt: around.now,
    enableIpv4: settings.enableIpv4,
    enableIpv6: settings.enableIpv6,
    internal: request.internal,
    attachable: request.attachable,
    configOnly: request.configOnly,
    configFrom: request.configFrom,
    options: settings.options,
    ipamDriver: settings.ipamDriver === "null" ? "null" : "default",
    ipamOptions: settings.ipamOptions,
    labels: settings.labels,
  };
  if (request.configOnly)
    return { ...base, driver: "null", pools: settings.pools.map(keepAsAsked) };
  const driver = findDriver(request.driver);
  const facts = judgeDriver({ ...base, driver, pools: [] }, around.networks);
  const network = { ...base, driver, pools: buildPools(base, settings, facts, around) };
  if (driver === "bridge") checkBridgeSubnets(network, around.networks);
  return network;
}

interface Settings extends Pick<Network, "enableIpv4" | "enableIpv6" | "options" | "labels"> {
  pools: NetworkRequest["ipam"]["pools"];
  ipamDriver: string;
  ipamOptions: Network["ipamOptions"];
}

/** What may come from a configuration network, or from the daemon's own defaults. */
function settle(request: NetworkRequest, around: CreateSurroundings): Settings {
  if (request.configFrom !== "") return takeOver(request, around.networks);
  const options = { ...around.defaultOptions[request.driver || "bridge"], ...request.options };
  const enableIpv4 = request.enableIpv4 ?? parseFamilySwitch(options, optionNames.enableIpv4, true);
  const enableIpv6 =
    request.enableIpv6 ?? parseFamilySwitch(options, optionNames.enableIpv6, false);
  // They would look wrong beside the field that has overruled them.
  if (request.enableIpv4 !== undefined) delete options[optionNames.enableIpv4];
  if (request.enableIpv6 !== undefined) delete options[optionNames.enableIpv6];
  return {
    ...{ enableIpv4, enableIpv6, options },
    pools: request.ipam.pools,
    labels: request.labels,
    ipamDriver: request.ipam.driver,
    ipamOptions: request.ipam.options,
  };
}

function takeOver(request: NetworkRequest, networks: readonly Network[]): Settings {
  if (request.configOnly) {
    throw new EngineError(
      "forbidden",
      "a configuration network cannot depend on another configuration network",
    );
  }
  const { ipam } = request;
  const hasOwn =
    (ipam.driver !== "" && ipam.driver !== "default") ||
    ipam.pools.length > 0 ||
    [ipam.options ?? {}, request.labels].some((map) => Object.keys(map).length > 0) ||
    request.enableIpv4 === false ||
    request.enableIpv6 === true;
  if (hasOwn) {
    throw new EngineError(
      "forbidden",
      "user-specified configurations are not supported if the network depends on a configuration network",
    );
  }
  if (Object.keys(request.options).length > 0) {
    throw new EngineError(
      "forbidden",
      "network driver options are not supported if the network depends on a configuration network",
    );
  }
  const from = networks.find(({ name, configOnly }) => configOnly && name === request.configFrom);
  if (from === undefined) {
    throw new EngineError(
      "not_found",
      `configuration network ${JSON.stringify(request.configFrom)} does not exist`,
    );
  }
  const { enableIpv4, enableIpv6, options, labels, ipamDriver, ipamOptions } = from;
  const pools = from.pools.map((pool) => ({
    ...{ subnet: pool.subnet, range: pool.range ?? "", gateway: pool.gateway ?? "" },
    auxiliary: pool.auxiliary,
  }));
  return { enableIpv4, enableIpv6, options, labels, ipamDriver, ipamOptions, pools };
}

function buildPools(
  { enableIpv4, enableIpv6, ipamDriver }: Pick<Network, "enableIpv4" | "enableIpv6" | "ipamDriver">,
  { pools }: Settings,
  { gateway, manyPools }: DriverFacts,
  around: CreateSurroundings,
): Network["pools"] {
  if (ipamDriver === "null") {
    if (pools.length > 0) {
      throw new EngineError(
        "invalid_argument",
        "null ipam driver does not handle specific address pool requests",
      );
    }
    if (enableIpv4) throw new EngineError("invalid_argument", "ipv4 pool is empty");
    if (enableIpv6) throw new EngineError("invalid_argument", "ipv6 pool is empty");
    return [];
  }
  const others = subnetsOf(around.networks.filter(({ configOnly }) => !configOnly));
  const surroundings = { defaults: around.defaultPools, others, routes: around.routes };
  const decide = (family: 4 | 6, withGateway: boolean) => {
    const own = decidePools(family, pools, withGateway, surroundings);
    if (own.length > 1 && !manyPools)
      throw new EngineError("forbidden", "bridge driver doesn't support multiple subnets");
    return own;
  };
  return [
    ...(enableIpv4 ? decide(4, gateway.ipv4) : []),
    ...(enableIpv6 ? decide(6, gateway.ipv6) : []),
  ];
}

function checkName(name: string, networks: readonly Network[]): void {
  if (name.trim() === "") throw new EngineError("invalid_argument", "invalid name: name is empty");
  // No key of a JSON object that this engine reads: places in it would be lost.
  if (name === "__proto__")
    throw new EngineError("invalid_argument", `invalid name: ${name} is reserved`);
  if (!isUserDefined(name) || name === "default") {
    throw new EngineError("forbidden", `operation is not permitted on predefined ${name} network `);
  }
  if (networks.some((network) => network.name === name))
    throw new EngineError("conflict", `network with name ${name} already exists`);
}

function checkOperatorFields(request: NetworkRequest): void {
  const { internal, attachable, ingress, scope, configOnly } = request;
  if (configOnly && (ingress || internal || attachable || scope !== "")) {
    throw new EngineError(
      "forbidden",
      "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
    );
  }
  if (ingress)
    throw new EngineError("forbidden", "Ingress network can only be global scope network");
  if (scope === "swarm") {
    throw new EngineError(
      "forbidden",
      "cannot create a swarm scoped network when swarm is not active",
    );
  }
}

function checkIpamDriver(driver: string): void {
  if (["", "default", "null"].includes(driver)) return;
  throw new EngineError(
    "not_found",
    `could not find plugin ${driver} in v1 plugin registry: plugin not found`,
  );
}

function findDriver(name: string): NetworkDriver {
  if (name === "" || name === "bridge") return "bridge";
  if (name === "macvlan" || name === "ipvlan") return name;
  if (name === "host" || name === "null") {
    throw new EngineError("forbidden", `only one instance of "${name}" network is allowed`);
  }
  if (name === "overlay") {
    throw new EngineError(
      "forbidden",
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  throw new EngineError(
    "not_found",
    `could not find plugin ${name} in v1 plugin registry: plugin not found`,
  );
}

/** A configuration network promises nothing: its pools are checked again by who takes them over. */
function keepAsAsked(pool: NetworkRequest["ipam"]["pools"][number]): Network["pools"][number] {
  const { subnet, range, gateway, auxiliary } = pool;
  const isConfigured = subnet !== "";
  return { subnet, range: range || null, gateway: gateway || null, auxiliary, isConfigured };
}
