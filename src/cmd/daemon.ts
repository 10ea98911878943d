import { defineCommand, type EngineFlags } from "../cli/command.ts";
import type { FlagValues } from "../cli/flags.ts";
import { exitCodes, formatError } from "../cli/report.ts";
import type { DaemonFlags } from "../daemon/config.ts";
import type { NetworkFlags } from "../daemon/networks/settings.ts";
import { env } from "../env.ts";
import { EngineError } from "../errors.ts";

const daemonFlags = {
  bip: { kind: "string", value: "cidr", summary: "Address of the default bridge (10.7.0.1/24)" },
  bip6: { kind: "string", value: "cidr", summary: "IPv6 address of the default bridge" },
  "cgroup-parent": { kind: "string", summary: "Parent cgroup of all containers" },
  config: { kind: "string", value: "file", summary: "Settings as JSON, named as the flags" },
  "data-root": {
    kind: "string",
    value: "dir",
    summary: "Images, containers and state (/var/lib/rt)",
  },
  "default-address-pool": {
    kind: "list",
    value: "base=subnet,size=length",
    summary: "What subnets of networks are cut from (Docker's pools, local IPv6 addresses)",
  },
  "default-gateway": {
    kind: "string",
    value: "ip",
    summary: "Way out of the default bridge, if not the bridge itself",
  },
  "default-gateway-v6": {
    kind: "string",
    value: "ip",
    summary: "The same for IPv6",
  },
  "default-network-opt": {
    kind: "list",
    value: "driver=option=value",
    summary: "Option of new networks that do not give it",
  },
  dns: {
    kind: "list",
    value: "ip",
    summary: "DNS server of containers that name none (the host's)",
  },
  "dns-opt": { kind: "list", summary: "The same, of their options for resolv.conf" },
  "dns-search": { kind: "list", summary: "The same, of the domains that they search" },
  "fixed-cidr": {
    kind: "string",
    value: "cidr",
    summary: "Addresses of containers on the default bridge",
  },
  "fixed-cidr-v6": { kind: "string", value: "cidr", summary: "The same for IPv6" },
  group: {
    kind: "string",
    short: "G",
    value: "name|gid",
    summary: "Group of the Unix socket (rt or docker, where it exists)",
  },
  "host-gateway-ip": {
    kind: "list",
    value: "ip",
    summary: 'What "host-gateway" of --add-host stands for (where a container finds its host)',
  },
  host: {
    kind: "list",
    short: "H",
    summary: "Socket to serve on: unix://PATH (/run/rt/rt.sock) or tcp://HOST:PORT",
  },
  icc: {
    kind: "bool",
    default: "true",
    summary: "Let containers on the default bridge reach each other",
  },
  ip: {
    kind: "string",
    value: "ip",
    summary: "Where ports are published that do not say (0.0.0.0)",
  },
  "ip-forward": {
    kind: "bool",
    default: "true",
    summary: "Switch IP forwarding on with the first network that needs it",
  },
  "ip-masq": {
    kind: "bool",
    default: "true",
    summary: "Let what leaves the default bridge carry the host's address",
  },
  ipv6: { kind: "bool", summary: "Give the default bridge IPv6" },
  "insecure-registry": { kind: "list", summary: "Registry that may speak plain HTTP" },
  "log-driver": { kind: "string", summary: "Log driver of new containers (json-file)" },
  "log-level": {
    kind: "string",
    summary: "How much to say (info)",
    choices: ["debug", "info", "warn", "error"],
  },
  "log-opt": { kind: "list", summary: "Option of the log driver (max-size=10m)" },
  "max-concurrent-downloads": { kind: "int", summary: "Layers fetched at once; 0 is no limit (3)" },
  "max-download-attempts": { kind: "int", summary: "Tries of a download before it fails (5)" },
  "max-ranges-per-blob": { kind: "int", summary: "Connections at once for one large layer (1)" },
  mtu: { kind: "int", summary: "Bytes in a packet on the default bridge (1500)" },
  "network-pool": {
    kind: "int",
    summary: "Networks made ahead of starts at most, as these need them; 0 is none (8)",
  },
  "no-keep-blobs": {
    kind: "bool",
    summary:
      "Drop compressed layers once they are unpacked; their images cannot be saved or pushed",
  },
  "no-new-privileges": {
    kind: "bool",
    summary: "Set no-new-privileges by default for new containers",
  },
  "registry-mirror": {
    kind: "list",
    value: "[host=]url",
    summary: "Mirror, tried first, of Docker Hub or of the registry HOST",
  },
  tls: { kind: "bool", summary: "Use TLS on tcp:// sockets; never without --tlsverify" },
  tlscacert: { kind: "string", value: "file", summary: "CA of the clients (~/.docker/ca.pem)" },
  tlscert: { kind: "string", value: "file", summary: "TLS certificate (~/.docker/cert.pem)" },
  tlskey: { kind: "string", value: "file", summary: "TLS key (~/.docker/key.pem)" },
  tlsverify: {
    kind: "bool",
    summary: "Serve clients with a certificate of the CA on tcp:// sockets",
  },
  "run-root": {
    kind: "string",
    value: "dir",
    summary: "Sockets and what ends with a boot (/run/rt)",
  },
  "publish-policy": {
    kind: "string",
    value: "policy",
    summary:
      "Whom published ports let in: docker (all), respect-firewall (as the host's input rules)",
    choices: ["docker", "respect-firewall"],
  },
  "seccomp-profile": {
    kind: "string",
    value: "file",
    summary: 'Default seccomp profile: a file, "unconfined" or "builtin" (builtin)',
  },
} as const;

export const daemon = defineCommand({
  name: "daemon",
  summary: "Run the engine in the foreground",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: daemonFlags,
  async run({ flags, given, target, program, stderr }) {
    const { runDaemon } = await import("../daemon/daemon.ts");
    try {
      return await runDaemon(toDaemonFlags(flags, given, target));
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "conflict") throw error;
      stderr.line(formatError(error, program));
      return exitCodes.daemonRuns;
    }
  },
});

/** `rt -H X daemon` means the same as `rt daemon -H X`; so it is with TLS. */
function toDaemonFlags(
  flags: FlagValues<typeof daemonFlags>,
  given: ReadonlySet<string>,
  { host, tls }: EngineFlags,
): DaemonFlags {
  const tlsFlags = ["tls", "tlscacert", "tlscert", "tlskey", "tlsverify"] as const;
  const typed = tlsFlags.filter((name) => given.has(name)).map((name) => [name, flags[name]]);
  const settings: DaemonFlags = {
    hosts: [...(host === undefined ? [] : [host]), ...flags.host],
    registryMirrors: flags["registry-mirror"],
    insecureRegistries: flags["insecure-registry"],
    logOptions: flags["log-opt"],
    certPath: env.certPath(),
    tls: { ...tls, ...Object.fromEntries(typed) },
    networks: toNetworkFlags(flags, given),
    names: {
      dns: flags.dns,
      dnsSearch: flags["dns-search"],
      dnsOptions: flags["dns-opt"],
      hostGateways: flags["host-gateway-ip"],
    },
  };
  const optional = {
    dataRoot: flags["data-root"],
    runRoot: flags["run-root"],
    group: flags.group,
    cgroupParent: flags["cgroup-parent"],
    configFile: flags.config,
    seccompProfile: flags["seccomp-profile"],
    logLevel: flags["log-level"],
    noKeepBlobs: flags["no-keep-blobs"],
    noNewPrivileges: flags["no-new-privileges"],
    logDriver: flags["log-driver"],
    maxConcurrentDownloads: flags["max-concurrent-downloads"],
    maxDownloadAttempts: flags["max-download-attempts"],
    maxRangesPerBlob: flags["max-ranges-per-blob"],
  };
  const said = Object.entries(optional).filter(([, value]) => value !== undefined);
  return Object.assign(settings, Object.fromEntries(said));
}

function toNetworkFlags(
  flags: FlagValues<typeof daemonFlags>,
  given: ReadonlySet<string>,
): NetworkFlags {
  const typed = {
    ...{ bip: flags.bip, bip6: flags.bip6, ip: flags.ip, mtu: flags.mtu },
    pool: flags["network-pool"],
    fixedCidr: flags["fixed-cidr"],
    fixedCidrV6: flags["fixed-cidr-v6"],
    defaultGateway: flags["default-gateway"],
    defaultGatewayV6: flags["default-gateway-v6"],
    ipv6: given.has("ipv6") ? flags.ipv6 : undefined,
    icc: given.has("icc") ? flags.icc : undefined,
    ipMasq: given.has("ip-masq") ? flags["ip-masq"] : undefined,
    publishPolicy: flags["publish-policy"],
    ipForward: given.has("ip-forward") ? flags["ip-forward"] : undefined,
  };
  const said = Object.entries(typed).filter(([, value]) => value !== undefined);
  return {
    defaultAddressPools: flags["default-address-pool"],
    defaultNetworkOptions: flags["default-network-opt"],
    ...Object.fromEntries(said),
  };
}
