/** What a network costs a start: none, the default bridge, a network of a user's own; and published ports. */
import type { Engine } from "./engines.ts";
import { KeepAlive } from "./keep-alive.ts";
import { benchPorts } from "./ports.ts";
import { formatResults, measure, median, type Subject } from "./timing.ts";

const most = 1;
const own = "bench-own";
const kinds = { none: "none", bridge: "bridge", "user-defined": own };

/**
 * create → start → wait over the socket: the engine's part of `run`. A pause before each, in which what is
 * made ahead of need is made again, as between the commands of a person.
 */
export async function benchStarts(engines: Engine[], image: string, rounds: number): Promise<void> {
  const rt = engines.find(({ name }) => name === "rt");
  const socket = rt?.client.find((word) => word.startsWith("unix://"))?.slice("unix://".length);
  if (socket === undefined) throw new Error("rt has no socket");
  const engine = await KeepAlive.open(socket);
  await engine.request("POST", "/v1.45/networks/create", { Name: own });
  const subjects = Object.entries(kinds).map(([name, network]): Subject => {
    let id = "";
    return {
      name,
      before: () => Bun.sleep(30),
      run: async () => {
        id = await live(engine, image, network);
      },
      after: async () => void (await engine.request("DELETE", `/v1.45/containers/${id}`)),
    };
  });
  const results = await measure(subjects, rounds);
  console.log("\ncreate → start → wait over the socket, by network, ms");
  console.log(formatResults(results, ["none"]));
  const none = median(results, "none") ?? Number.NaN;
  for (const name of ["bridge", "user-defined"]) {
    const more = (median(results, name) ?? Number.NaN) - none;
    const verdict = more <= most ? "reached" : "missed";
    console.log(`  ${name}: ${more.toFixed(2)} ms more than none, goal ≤ ${most} ms: ${verdict}`);
  }
  await engine.request("DELETE", `/v1.45/networks/${own}`);
  await benchPorts(engine, image, rounds);
  engine.close();
}

async function live(engine: KeepAlive, image: string, network: string): Promise<string> {
  const config = { Image: image, HostConfig: { NetworkMode: network } };
  const created = await engine.request("POST", "/v1.45/containers/create", config);
  const { Id } = JSON.parse(created) as { Id: string };
  await engine.request("POST", `/v1.45/containers/${Id}/start`);
  const ended = await engine.request("POST", `/v1.45/containers/${Id}/wait`);
  if ((JSON.parse(ended) as { StatusCode: number }).StatusCode !== 0) throw new Error(ended);
  return Id;
}
