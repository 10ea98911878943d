import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import type { NetworkInspect } from "../../src/api/networks.ts";
import type { Daemon } from "../support/daemon.ts";
import { until } from "../support/until.ts";
import { rtPath, World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;

beforeAll(async () => {
  world = await World.create();
});

afterAll(async () => {
  await world.end();
});

async function withDaemon<T>(flags: string[], work: (daemon: Daemon) => Promise<T>): Promise<T> {
  const daemon = await world.daemon({ flags });
  try {
    return await work(daemon);
  } finally {
    await daemon.stop();
  }
}

const inspect = (daemon: Daemon, name: string): Promise<NetworkInspect> =>
  daemon.json(`/networks/${name}`);

async function create(daemon: Daemon, body: object): Promise<NetworkInspect> {
  const reply = await daemon.post("/networks/create", body);
  if (!reply.ok) throw new Error(await reply.text());
  const { Id } = (await reply.json()) as { Id: string };
  return await inspect(daemon, Id);
}

test("the default bridge is as the flags want it, and at the next start as the next flags do", async () => {
  const flags = [
    ...["--bip", "10.7.0.9/24", "--fixed-cidr", "10.7.0.128/25", "--default-gateway", "10.7.0.2"],
    ...["--mtu", "1400", "--icc=false", "--ip-masq=false", "--ip", "127.0.0.1"],
    ...["--ipv6", "--fixed-cidr-v6", "fd00:7::/64"],
  ];
  const first = await withDaemon(flags, (daemon) => inspect(daemon, "bridge"));
  expect(first).toMatchObject({
    EnableIPv6: true,
    IPAM: {
      Config: [
        {
          ...{ Subnet: "10.7.0.0/24", IPRange: "10.7.0.128/25", Gateway: "10.7.0.9" },
          AuxiliaryAddresses: { DefaultGatewayIPv4: "10.7.0.2" },
        },
        { Subnet: "fd00:7::/64", Gateway: "fd00:7::1" },
      ],
    },
    Options: {
      "com.docker.network.bridge.enable_icc": "false",
      "com.docker.network.bridge.enable_ip_masquerade": "false",
      "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
      "com.docker.network.driver.mtu": "1400",
    },
  });
  const second = await withDaemon([], (daemon) => inspect(daemon, "bridge"));
  expect(second.Id).toBe(first.Id);
  expect(second).toMatchObject({
    ...{ EnableIPv6: false, IPAM: { Config: [{ Subnet: "172.17.0.0/16" }] } },
    Options: { "com.docker.network.bridge.enable_icc": "true" },
  });
});

test("pools and options of new networks come from flags and file", async () => {
  const file = world.path("daemon.json");
  await writeFile(
    file,
    JSON.stringify({
      "default-address-pools": [{ base: "fd00:9::/32", size: 48 }],
      "default-network-opts": { bridge: { "com.docker.network.enable_ipv6": "true" } },
    }),
  );
  const flags = [
    ...["--config", file, "--default-address-pool", "base=10.10.0.0/16,size=24"],
    ...["--default-network-opt", "bridge=com.docker.network.driver.mtu=1300"],
  ];
  const network = await withDaemon(flags, async (daemon) => {
    const made = await create(daemon, { Name: "pooled" });
    await daemon.request("/networks/pooled", { method: "DELETE" });
    return made;
  });
  expect(network.IPAM.Config?.map(({ Subnet }) => Subnet)).toEqual([
    ...["10.10.1.0/24", "fd00:9::/48"],
  ]);
  expect(network.Options).toMatchObject({ "com.docker.network.driver.mtu": "1300" });
  await rm(file);
});

test.each([
  [["--bip", "10.7.0.0/24"], 'invalid bridge address "10.7.0.0/24" for --bip'],
  [["--mtu", "12"], "give a number of bytes from 68 to 65535"],
  [["--default-address-pool", "10.0.0.0/8"], "give base=SUBNET,size=LENGTH"],
  [["--default-gateway", "10.7.0.1"], "default gateway ip must be part of the network"],
])("a daemon with %j does not start and says why", async (flags, words) => {
  const roots = ["--data-root", world.path("odd"), "--run-root", world.path("odd-run")];
  const ran = await world.spawn([rtPath, "daemon", ...roots, ...flags]).finished();
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain(words);
});

test("forwarding is the administrator's where the daemon is told so", async () => {
  const forwarding = async (): Promise<string> =>
    (await world.spawn(["cat", "/proc/sys/net/ipv4/ip_forward"]).finished()).stdout.trim();
  expect(await forwarding()).toBe("0");
  await withDaemon(["--ip-forward=false"], async (daemon) => {
    await create(daemon, { Name: "kept" });
    expect(await forwarding()).toBe("0");
  });
  const opened = await withDaemon([], async (daemon) => {
    await until("the bridge to be back", async () => (await forwarding()) === "1");
    const reply = await daemon.request("/networks/kept", { method: "DELETE" });
    return reply.status;
  });
  expect(opened).toBe(204);
  expect(await forwarding()).toBe("0");
});
