import { EngineError } from "../../../errors.ts";
import { overlaps, type Prefix, prefixOf } from "../address.ts";
import { bridgeNameOf } from "../bridge-plan.ts";
import type { Network } from "../network.ts";
import { parseBridgeOptions, parseIpvlanOptions, parseMacvlanOptions } from "./options.ts";

/** What a driver wants of the addresses of a network. */
export interface DriverFacts {
  /** An address is kept for the gateway, by family. */
  gateway: { ipv4: boolean; ipv6: boolean };
  /** More than one subnet of a family. */
  manyPools: boolean;
}

/** Refuses what the network's driver cannot do; `network` has no pools yet. */
export function judgeDriver(network: Network, others: readonly Network[]): DriverFacts {
  const same = others.filter(({ driver, configOnly }) => driver === network.driver && !configOnly);
  switch (network.driver) {
    case "bridge":
      return judgeBridge(network, same);
    case "macvlan":
      return judgeMacvlan(network, same);
    case "ipvlan":
      return judgeIpvlan(network, same);
    default:
      return { gateway: { ipv4: false, ipv6: false }, manyPools: false };
  }
}

function judgeBridge(network: Network, others: readonly Network[]): DriverFacts {
  const options = parseBridgeOptions(network.options);
  const { gatewayMode4, gatewayMode6, inhibitIpv4 } = options;
  if ([gatewayMode4, gatewayMode6].includes("isolated") && !network.internal) {
    throw new EngineError(
      "invalid_argument",
      "gateway mode 'isolated' can only be used for an internal network",
    );
  }
  if (!network.enableIpv4 && !network.enableIpv6)
    throw new EngineError("invalid_argument", "IPv4 or IPv6 must be enabled");
  const name = bridgeNameOf(network);
  const rival = others.find((other) => bridgeNameOf(other) === name);
  if (rival !== undefined) throw conflict(network, rival, "networks have same bridge name");
  return {
    gateway: {
      ipv4: gatewayMode4 !== "isolated" && !(inhibitIpv4 && network.internal),
      ipv6: gatewayMode6 !== "isolated",
    },
    manyPools: false,
  };
}

/** Bridges of this host share its routes, so that their subnets must differ, whatever their ranges. */
export function checkBridgeSubnets(network: Network, others: readonly Network[]): void {
  for (const pool of network.pools) {
    const subnet = prefixOf(pool.subnet);
    checkPurpose(subnet, pool.subnet);
    const rival = others.find(
      (other) =>
        other.driver === "bridge" &&
        !other.configOnly &&
        other.pools.some((each) => overlaps(prefixOf(each.subnet), subnet)),
    );
    if (rival !== undefined)
      throw conflict(network, rival, `networks have overlapping IPv${subnet.family}`);
  }
}

const linkLocal = prefixOf("fe80::/64");

/** What no host gives to its neighbours, by what it is for. */
const otherPurposes: readonly [string, Prefix][] = [
  ["loopback", prefixOf("127.0.0.0/8")],
  ["loopback", prefixOf("::1/128")],
  ["multicast", prefixOf("224.0.0.0/4")],
  ["multicast", prefixOf("ff00::/8")],
  ["IPv4-mapped", prefixOf("::ffff:0:0/96")],
];

function checkPurpose(subnet: Prefix, text: string): void {
  const [purpose] = otherPurposes.find(([, block]) => overlaps(subnet, block)) ?? [];
  if (purpose !== undefined)
    throw new EngineError("invalid_argument", `${purpose} subnet '${text}' is not allowed`);
  const isLinkLocal = subnet.base === linkLocal.base && subnet.length === linkLocal.length;
  if (!isLinkLocal && overlaps(subnet, linkLocal)) {
    throw new EngineError(
      "invalid_argument",
      `'${text}' clashes with the Link-Local prefix 'fe80::/64'`,
    );
  }
}

function conflict(network: Network, rival: Network, why: string): EngineError {
  const [own, other] = [network, rival].map((each) => `${each.id} (${bridgeNameOf(each)})`);
  return new EngineError(
    "forbidden",
    `cannot create network ${own}: conflicts with network ${other}: ${why}`,
  );
}

function judgeMacvlan(network: Network, others: readonly Network[]): DriverFacts {
  const { parent, mode } = parseMacvlanOptions(network.options);
  const sharing = others.find(
    (other) => parent !== "" && parseMacvlanOptions(other.options).parent === parent,
  );
  if (sharing !== undefined && mode === "passthru") {
    throw new EngineError(
      "forbidden",
      `cannot use mode passthru, macvlan network ${sharing.id} is already using parent interface ${parent}`,
    );
  }
  if (sharing !== undefined && parseMacvlanOptions(sharing.options).mode === "passthru") {
    throw new EngineError(
      "forbidden",
      `macvlan network ${sharing.id} is already using parent interface ${parent} in mode passthru`,
    );
  }
  return wireFacts(!network.internal && parent !== "");
}

function judgeIpvlan(network: Network, others: readonly Network[]): DriverFacts {
  const { parent, mode } = parseIpvlanOptions(network.options);
  const sharing = others.find(
    (other) => parent !== "" && parseIpvlanOptions(other.options).parent === parent,
  );
  if (sharing !== undefined) {
    throw new EngineError(
      "forbidden",
      `network ${sharing.id} is already using parent interface ${parent}`,
    );
  }
  return wireFacts(!network.internal && parent !== "" && mode === "l2");
}

/** Of networks on a wire that others are on too. */
function wireFacts(hasGateway: boolean): DriverFacts {
  return { gateway: { ipv4: hasGateway, ipv6: hasGateway }, manyPools: true };
}
