/** What published ports cost a start: 200 of them as good as one. */
import type { KeepAlive } from "./keep-alive.ts";
import { formatResults, measure, median, type Subject } from "./timing.ts";

const most = 1.2;
const counts = { "no port": 0, "1 port": 1, "200 ports": 200 };

/** The start alone, over the socket; create before it, the end of the container behind it. */
export async function benchPorts(engine: KeepAlive, image: string, rounds: number): Promise<void> {
  const subjects = Object.entries(counts).map(([name, count]): Subject => {
    let path = "";
    return {
      name,
      before: async () => {
        path = await create(engine, image, count);
        await Bun.sleep(30);
      },
      run: async () => void (await engine.request("POST", `${path}/start`)),
      after: async () => {
        await engine.request("POST", `${path}/wait`);
        await engine.request("DELETE", path);
      },
    };
  });
  const results = await measure(subjects, rounds);
  console.log("\nstart over the socket, by published ports, ms");
  console.log(formatResults(results, ["1 port"]));
  const [one, many] = ["1 port", "200 ports"].map((name) => median(results, name) ?? Number.NaN);
  const times = (many ?? Number.NaN) / (one ?? Number.NaN);
  const verdict = times <= most ? "reached" : "missed";
  console.log(`  200 ports: ${times.toFixed(2)} times 1 port, goal ≤ ${most}: ${verdict}`);
}

/** The path of a container that publishes as many ports. */
async function create(engine: KeepAlive, image: string, count: number): Promise<string> {
  const numbers = Array.from({ length: count }, (_, index) => String(20_000 + index));
  const bindings = numbers.map((port) => [`${port}/tcp`, [{ HostIp: "", HostPort: port }]]);
  const host = { NetworkMode: "bridge", PortBindings: Object.fromEntries(bindings) };
  const config = { Image: image, HostConfig: host };
  const created = await engine.request("POST", "/v1.45/containers/create", config);
  const { Id } = JSON.parse(created) as { Id: string };
  return `/v1.45/containers/${Id}`;
}
