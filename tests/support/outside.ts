/** A second machine next to a world: what its containers reach through the world's own address. */
import type { Running } from "./process.ts";
import { until } from "./until.ts";
import type { World } from "./world.ts";

export interface Outside {
  /** Address and port of a server that tells each caller the address it is seen from. */
  address: string;
  port: number;
  /** The world's own address on the wire to there. */
  worldAddress: string;
}

const program = `
  const { createServer } = require("node:net");
  createServer((socket) => socket.end(socket.remoteAddress + "\\n")).listen(7000, "0.0.0.0", () => console.log("serving"));
`;

/** What the second machine and the world are reached by. */
export const outsideAddress = "192.0.2.2";
const worldAddress = "192.0.2.1";

/** Connects a server that tells its callers their address. */
export async function createOutside(world: World): Promise<Outside> {
  const server = await runOutside(world, [process.execPath, "-e", program]);
  await server.prints("serving");
  return { address: outsideAddress, port: 7000, worldAddress };
}

/** Runs a program in a network namespace that is connected to the world's by a pair of interfaces. */
export async function runOutside(world: World, command: readonly string[]): Promise<Running> {
  const script = 'read go; exec "$@"';
  const shell = ["unshare", "--net", "sh", "-c", script, "sh", ...command];
  const server = world.spawn(shell, { stdin: "open", timeoutMs: 2 ** 31 - 1 });
  const outer = await world.innerPid(server);
  const own = await world.run(["readlink", "/proc/1/ns/net"]);
  const pid = await until("the second network", async () => {
    const status = await Bun.file(`/proc/${outer}/status`).text();
    const inner = /^NSpid:.*\s(\d+)$/m.exec(status)?.[1];
    const there = await world.run(["readlink", `/proc/${inner}/ns/net`]);
    return there.code === 0 && there.stdout !== own.stdout && inner;
  });
  const there = ["nsenter", "--target", pid, "--net"];
  for (const line of [
    ["ip", "link", "add", "out0", "type", "veth", "peer", "name", "in0", "netns", pid],
    ["ip", "address", "add", `${worldAddress}/24`, "dev", "out0"],
    ["ip", "link", "set", "out0", "up"],
    [...there, "ip", "address", "add", `${outsideAddress}/24`, "dev", "in0"],
    [...there, "ip", "link", "set", "in0", "up"],
  ]) {
    const ran = await world.run(line);
    if (ran.code !== 0) throw new Error(`${line.join(" ")}: ${ran.stderr}`);
  }
  server.write("go\n");
  return server;
}

/** Takes the wire away, so that the world is as it was. */
export async function removeOutside(world: World): Promise<void> {
  await world.run(["ip", "link", "del", "out0"]);
}
