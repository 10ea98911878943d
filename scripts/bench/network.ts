/** How much goes through: container to container, and to a published port from the host and from outside. */
import { call, type Server } from "./command.ts";
import { type Engine, type Place, startDocker, startRt } from "./engines.ts";
import { busybox, type Running } from "./running.ts";
import { formatTable, quantile } from "./timing.ts";

const goal = 0.95;
const port = 5201;
/** Of the host on its wire to the outside, and of who is there. */
const [hostAddress, outsideAddress] = ["192.0.2.1", "192.0.2.2"];

/** An engine in a network of its own, since the rules of each are on the others' way. */
interface Alone {
  name: string;
  server: Server;
  /** Commands that run in the network of the host, of the outside, of a container. */
  host: string[];
  outside: string[];
  client: string[];
  address: string;
  end(): Promise<void>;
}

const inNetwork = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
const enter = (pid: number | string): string[] => ["nsenter", "--target", `${pid}`, "--net"];

/** Runs what lasts; ends it by its end. */
function keep(command: readonly string[]): Disposable & { pid: number } {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  return { pid: child.pid, [Symbol.dispose]: () => child.kill("SIGKILL") };
}

function wire(host: string[], outside: number): void {
  for (const line of [
    [...host, "ip", "link", "add", "out0", "type", "veth", "peer", "name", "in0", "netns"].concat(
      `${outside}`,
    ),
    [...host, "ip", "address", "add", `${hostAddress}/24`, "dev", "out0"],
    [...host, "ip", "link", "set", "out0", "up"],
    [...enter(outside), "ip", "address", "add", `${outsideAddress}/24`, "dev", "in0"],
    [...enter(outside), "ip", "link", "set", "in0", "up"],
  ]) {
    call(line);
  }
}

async function prepare(
  place: Place,
  archive: string,
  start: (place: Place, inside: readonly string[]) => Promise<Engine>,
): Promise<Alone> {
  const { name, client, runFlags, server } = await start(place, inNetwork);
  if (server === undefined) throw new Error(`${name} has no daemon`);
  const host = enter(server.pid);
  const outside = keep([...inNetwork, "sleep", "infinity"]);
  wire(host, outside.pid);
  call([...client, "load", "-i", archive]);
  const run = (...flags: string[]) =>
    call([...client, "run", "-d", ...runFlags, ...flags, busybox, "sleep", "100000"]).trim();
  const ids = [run("-p", `${port}:${port}`), run()];
  const look = (id: string, what: string) => call([...client, "inspect", "-f", what, id]).trim();
  const [serving = "", calling = ""] = ids.map((id) => look(id, "{{.State.Pid}}"));
  const ear = keep([...enter(serving), "iperf3", "-s"]);
  return {
    ...{ name, server, host, outside: enter(outside.pid), client: enter(calling) },
    address: look(ids[0] ?? "", "{{.NetworkSettings.Networks.bridge.IPAddress}}"),
    end: async () => {
      ear[Symbol.dispose]();
      outside[Symbol.dispose]();
      for (const id of ids) call([...client, "rm", "-f", id]);
      await server.stop();
    },
  };
}

interface Way {
  name: string;
  command(engine: Alone): string[];
}

const to = (address: string) => ["iperf3", "-J", "-t", "1", "-p", `${port}`, "-c", address];

const ways: Way[] = [
  { name: "container → container", command: ({ client, address }) => [...client, ...to(address)] },
  { name: "host → published", command: ({ host }) => [...host, ...to(hostAddress)] },
  { name: "outside → published", command: ({ outside }) => [...outside, ...to(hostAddress)] },
];

/** Gbit/s that arrived. */
function through(command: string[]): number {
  const told = JSON.parse(call(command)) as {
    end: { sum_received: { bits_per_second: number } };
  };
  return told.end.sum_received.bits_per_second / 1e9;
}

const middle = (numbers: number[], at = 0.5): number =>
  quantile(
    numbers.toSorted((one, other) => one - other),
    at,
  );

function row(name: string, own: number[], other: number[]): string[] {
  const ratios = own.map((value, round) => value / (other[round] ?? Number.NaN));
  if (other.length === 0) return [name, middle(own).toFixed(1), "–", "–", "–", "–"];
  const ratio = middle(ratios);
  return [
    ...[name, middle(own).toFixed(1), middle(other).toFixed(1), ratio.toFixed(2)],
    `${middle(ratios, 0.1).toFixed(2)}–${middle(ratios, 0.9).toFixed(2)}`,
    ratio >= goal ? "reached" : "MISSED",
  ];
}

export async function benchNetwork({ engines, rounds, place }: Running): Promise<void> {
  const rt = engines.find(({ name }) => name === "rt");
  if (rt === undefined || Bun.which("iperf3") === null) return;
  const archive = `${place.dir}/network.tar`;
  call([...rt.client, "save", "-o", archive, busybox]);
  const apart = { ...place, dir: `${place.dir}/n` };
  call(["mkdir", apart.dir]);
  const alone = [await prepare(apart, archive, startRt)];
  if (engines.some(({ name }) => name === "docker")) {
    alone.push(await prepare(apart, archive, startDocker));
  }
  const rows = [["Gbit/s", "rt", "docker", "rt ÷ docker", "p10–p90", `goal ≥ ${goal}`]];
  try {
    for (const { name, command } of ways) {
      const got: number[][] = alone.map(() => []);
      for (let round = 0; round <= rounds; round += 1) {
        for (let turn = 0; turn < alone.length; turn += 1) {
          const at = (turn + round) % alone.length;
          const engine = alone[at];
          if (engine === undefined) continue;
          const value = through(command(engine));
          if (round > 0) got[at]?.push(value);
        }
      }
      rows.push(row(name, got[0] ?? [], got[1] ?? []));
    }
  } finally {
    for (const engine of alone) await engine.end();
  }
  console.log(`\nThroughput of one TCP connection, medians of ${rounds}\n${formatTable(rows)}`);
}
