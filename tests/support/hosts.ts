/**
 * Machines next to a world, each a network namespace:
 *
 *     world ─┐
 *     near ──┼─ switch of the router ── far
 *     other ─┘
 *
 * The world has two addresses on the switch. `near` and the router know the way to the networks of the world's
 * containers, as if somebody had told them; `far` is behind the router, which is the way out of the world.
 */
import { Envoy } from "./envoy.ts";
import { until } from "./until.ts";
import type { World } from "./world.ts";

export interface Host {
  envoy: Envoy;
  /** Names its network to `nsenter`, in the world. */
  pid: number;
  ipv4: string;
  ipv6: string;
}

export interface Hosts extends AsyncDisposable {
  /** On the switch, with a route to the containers. */
  near: Host;
  /** On the switch. */
  other: Host;
  /** Behind the router. */
  far: Host;
  router: Host;
  /** The world itself. */
  world: Envoy;
}

/** The world's addresses on the switch. */
export const worldAddresses = {
  ipv4: "192.0.2.1",
  ipv6: "2001:db8:1::1",
  second: { ipv4: "192.0.2.9", ipv6: "2001:db8:1::9" },
};
/** Of the world's wire to the switch. */
export const worldInterface = "lan0";

/** What containers' addresses are from, unless told otherwise. */
const containers = { ipv4: ["172.16.0.0/12", "10.0.0.0/8"], ipv6: ["fd00::/8"] };

/** Runs lines of `ip` in a network of the world, or in the world's own; all in one process. */
async function configure(world: World, lines: string[], pid?: number): Promise<void> {
  const there = pid === undefined ? [] : ["nsenter", "--target", `${pid}`, "--net"];
  const ran = await world.run([...there, "ip", "-batch", "-"], { stdin: `${lines.join("\n")}\n` });
  if (ran.code !== 0) throw new Error(`ip: ${ran.stderr}`);
}

async function set(world: World, pid: number | undefined, settings: string[]): Promise<void> {
  const there = pid === undefined ? [] : ["nsenter", "--target", `${pid}`, "--net"];
  // The mounts of the world show the kernel's settings of whoever reads them.
  const ran = await world.run([...there, "sysctl", "-q", "-w", ...settings]);
  if (ran.code !== 0) throw new Error(`sysctl: ${ran.stderr}`);
}

const up = (face: string, ipv4: string, ipv6: string): string[] => [
  `address add ${ipv4} dev ${face}`,
  `address add ${ipv6} dev ${face} nodad`,
  `link set ${face} up`,
];

async function createRouter(world: World): Promise<Host> {
  const { envoy, pid } = await Envoy.apart(world);
  await set(world, pid, ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
  const [ipv4, ipv6] = ["192.0.2.254", "2001:db8:1::fe"];
  await configure(
    world,
    ["link set lo up", "link add switch type bridge", ...up("switch", `${ipv4}/24`, `${ipv6}/64`)],
    pid,
  );
  return { envoy, pid, ipv4, ipv6 };
}

/** Wires a host to the router's switch. */
async function createNear(world: World, router: Host, number: number): Promise<Host> {
  const { envoy, pid } = await Envoy.apart(world);
  const [ipv4, ipv6] = [`192.0.2.${number}`, `2001:db8:1::${number}`];
  await configure(
    world,
    [
      "link set lo up",
      `link add lan0 type veth peer name port${number} netns ${router.pid}`,
      ...up("lan0", `${ipv4}/24`, `${ipv6}/64`),
    ],
    pid,
  );
  const port = [`link set port${number} master switch`, `link set port${number} up`];
  await configure(world, port, router.pid);
  return { envoy, pid, ipv4, ipv6 };
}

async function createFar(world: World, router: Host): Promise<Host> {
  const { envoy, pid } = await Envoy.apart(world);
  const [ipv4, ipv6] = ["198.51.100.2", "2001:db8:2::2"];
  await configure(
    world,
    [
      "link set lo up",
      `link add wan0 type veth peer name wan0 netns ${router.pid}`,
      ...up("wan0", `${ipv4}/24`, `${ipv6}/64`),
      "route add default via 198.51.100.1",
      "route add default via 2001:db8:2::1",
    ],
    pid,
  );
  await configure(world, up("wan0", "198.51.100.1/24", "2001:db8:2::1/64"), router.pid);
  return { envoy, pid, ipv4, ipv6 };
}

async function wireWorld(world: World, router: Host): Promise<void> {
  const { ipv4, ipv6, second } = worldAddresses;
  await configure(world, [
    `link add ${worldInterface} type veth peer name world netns ${router.pid}`,
    ...up(worldInterface, `${ipv4}/24`, `${ipv6}/64`),
    `address add ${second.ipv4}/24 dev ${worldInterface}`,
    `address add ${second.ipv6}/64 dev ${worldInterface} nodad`,
    `route add default via ${router.ipv4}`,
    `route add default via ${router.ipv6}`,
  ]);
  await configure(world, ["link set world master switch", "link set world up"], router.pid);
}

/** A wire carries nothing until the kernel got to telling its ends so; what was sent before waits a second. */
async function settle(own: Envoy, hosts: Host[]): Promise<void> {
  for (const family of ["ipv4", "ipv6"] as const) {
    const address = worldAddresses[family];
    const port = await own.serve("world", { address });
    for (const { envoy } of hosts) {
      await until("a host to reach the world", async () => {
        return await envoy.call({ address, port, timeout: 50 }).catch(() => undefined);
      });
    }
  }
}

export async function createHosts(world: World): Promise<Hosts> {
  const router = await createRouter(world);
  await wireWorld(world, router);
  const near = await createNear(world, router, 2);
  const other = await createNear(world, router, 3);
  const far = await createFar(world, router);
  const routes = [
    ...containers.ipv4.map((subnet) => `route add ${subnet} via ${worldAddresses.ipv4}`),
    ...containers.ipv6.map((subnet) => `route add ${subnet} via ${worldAddresses.ipv6}`),
  ];
  await configure(world, routes, near.pid);
  await configure(world, routes, router.pid);
  const own = Envoy.in(world);
  await settle(own, [near, other, far]);
  return {
    ...{ near, other, far, router, world: own },
    [Symbol.asyncDispose]: async () => {
      await configure(world, [`link del ${worldInterface}`]);
      for (const each of [near, other, far, router]) each.envoy.end();
      own.end();
    },
  };
}

/** The number of an interface in a network of the world. */
export async function interfaceNumber(world: World, name: string, pid?: number): Promise<number> {
  const there = pid === undefined ? [] : ["nsenter", "--target", `${pid}`, "--net"];
  const ran = await world.run([...there, "ip", "-json", "link", "show", "dev", name]);
  if (ran.code !== 0) throw new Error(`no interface ${name}: ${ran.stderr}`);
  const [link] = JSON.parse(ran.stdout) as { ifindex: number }[];
  if (link === undefined) throw new Error(`no interface ${name}`);
  return link.ifindex;
}
