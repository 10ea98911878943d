import { expect, test } from "bun:test";
import { parseFlags } from "../../cli/flags.ts";
import { messageOf } from "../../errors.ts";
import { containerFlags } from "./flags.ts";
import { warnOfLocal } from "./names.ts";
import { buildCreateRequest } from "./request.ts";
import recorded from "./testdata/docker-28-networks.json";

/**
 * The recording: what Docker's client 28.2 made of these flags of ports, networks and names, or the words in
 * which it refused them. Bindings are written "ADDRESS#PORT".
 */
interface Answer {
  sent?: Record<string, unknown>;
  refused?: string;
}

interface Recorded extends Answer {
  args: string[];
}

const refusedHere = (refused: string) => ({ refused });

/** Where we differ from it on purpose, by the last of the flags. */
const differs: Record<string, Answer> = {
  // What Docker reads a part of, and passes over the rest of in silence.
  "80-90-100": refusedHere("invalid containerPort: 80-90-100"),
  "80/tcp/udp": refusedHere("invalid proto: tcp/udp"),
  "name=": refusedHere(
    'invalid argument "name=" for "--network" flag: network name/id is not specified',
  ),
  "80/TCP": { sent: { ExposedPorts: ["80/tcp"] } },
  // Docker's client loses capitals.
  "name=Net1,alias=Web": {
    sent: { NetworkMode: "Net1", Endpoints: { Net1: { Aliases: ["Web"] } } },
  },
  'name=n,"driver-opt=com.docker.network.endpoint.sysctls=net.ipv6.conf.IFNAME.accept_ra=2,net.ipv6.conf.IFNAME.forwarding=1"':
    {
      sent: {
        NetworkMode: "n",
        Endpoints: {
          n: {
            DriverOpts: {
              "com.docker.network.endpoint.sysctls":
                "net.ipv6.conf.IFNAME.accept_ra=2,net.ipv6.conf.IFNAME.forwarding=1",
            },
          },
        },
      },
    },
};

function simplify({ HostConfig = {}, ...request }: Awaited<ReturnType<typeof build>>) {
  const { PortBindings, NetworkMode, PublishAllPorts, Links, ...host } = HostConfig;
  const { Dns, DnsSearch, DnsOptions, ExtraHosts } = host;
  const ports =
    request.ExposedPorts &&
    Object.keys(request.ExposedPorts).sort((a, b) => a.localeCompare(b, "en"));
  const bindings =
    PortBindings &&
    Object.fromEntries(
      Object.entries(PortBindings).map(([port, list]) => [
        port,
        (list ?? []).map(({ HostIp, HostPort }) => `${HostIp}#${HostPort}`),
      ]),
    );
  const endpoints = request.NetworkingConfig?.EndpointsConfig;
  return Object.fromEntries(
    Object.entries({
      ...{ ExposedPorts: ports, NetworkMode, PortBindings: bindings, PublishAllPorts, Links },
      ...{ Dns, DnsSearch, DnsOptions, ExtraHosts, Endpoints: dropEmpty(endpoints) },
    }).filter(([, value]) => value !== undefined),
  );
}

/** A network without settings is not in the recording. */
function dropEmpty(endpoints: Record<string, object> | undefined) {
  const kept = Object.entries(endpoints ?? {}).filter(([, each]) => Object.keys(each).length > 0);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

async function build(args: readonly string[]) {
  const { values, given } = parseFlags(containerFlags, args, { stopAtPositional: true });
  return await buildCreateRequest(values, given, { image: "img", command: [] });
}

async function answer(args: readonly string[]): Promise<Answer> {
  try {
    return { sent: simplify(await build(args)) };
  } catch (error) {
    return { refused: messageOf(error) };
  }
}

for (const { args, ...recording } of recorded as Recorded[]) {
  test(`[${args.join(" ")}] means what it means to Docker's client`, async () => {
    expect(await answer(args)).toEqual(differs[args.at(-1) ?? ""] ?? recording);
  });
}

const stricter: [string[], string][] = [
  [["-p", "[::1:80:80"], "invalid IP address: [::1"],
  [["--ip", "x"], 'invalid argument "x" for "--ip" flag: failed to parse IP: "x"'],
  [
    ["--link-local-ip", ""],
    'invalid argument "" for "--link-local-ip" flag: failed to parse IP: ""',
  ],
  [
    ["--network", "name=n,ip6=zz"],
    'invalid argument "name=n,ip6=zz" for "--network" flag: failed to parse IP: "zz"',
  ],
  [
    ["--mac-address", "00:00:00:00:fe:80:00:00"],
    "00:00:00:00:fe:80:00:00 is not a valid mac address",
  ],
];

for (const [args, refused] of stricter) {
  test(`[${args.join(" ")}] is refused before the engine is asked`, async () => {
    expect(await answer(args)).toEqual({ refused });
  });
}

test("a MAC address is sent with colons, however it is spelled", async () => {
  for (const spelled of ["92-D0-c6-0a-29-33", "92d0.c60a.2933", " 92:d0:c6:0a:29:33 "]) {
    const { NetworkingConfig } = await build(["--mac-address", spelled]);
    expect(NetworkingConfig?.EndpointsConfig).toEqual({
      default: { MacAddress: "92:d0:c6:0a:29:33" },
    });
  }
});

test("a link in the long form of --network is the endpoint's", async () => {
  const { NetworkingConfig } = await build(["--network", "name=n,link=db:a"]);
  expect(NetworkingConfig?.EndpointsConfig).toEqual({ n: { Links: ["db:a"] } });
  expect(await answer(["--network", "name=bridge,link=db"])).toEqual({
    refused: "links are only supported for user-defined networks",
  });
});

test("warnOfLocal tells of a name server that only the container itself could be", () => {
  expect(warnOfLocal(["1.1.1.1", "127.0.0.53"])).toBe(
    "Localhost DNS (127.0.0.53) may fail in containers.",
  );
  expect(warnOfLocal(["1.1.1.1"])).toBeUndefined();
});
