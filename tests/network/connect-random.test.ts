/** Whatever is asked of containers and networks at once: what is found is what is recorded. */
import { afterEach, expect, test } from "bun:test";
import { Random } from "../support/api/random.ts";
import { on, usePlaces } from "../support/places.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { call, network, run, settings, connect, disconnect, inside, wires, clear } =
  usePlaces(stage);

afterEach(clear);

const networks = ["st-a", "st-b", "st-c", "st-d"];
const containers = ["one", "two", "three", "four"];

/** What may be answered: done, not needed, refused in one of Docker's sentences. */
const sentences = [
  /^endpoint with name \w+ already exists in network st-.$/,
  /^container [0-9a-f]{64} is not connected to (the )?network st-.$/,
  /^cannot kill container: \w+: container [0-9a-f]{64} is not running$/,
  // It ended while its interface was made.
  /^container [0-9a-f]{64} is not running$/,
];

function publishing(port: number) {
  const first = on("st-a");
  const PortBindings = { "80/tcp": [{ HostPort: `${port}` }] };
  return { ...first, HostConfig: { ...first.HostConfig, PortBindings } };
}

function ask(random: Random, priority: number) {
  const [container, net] = [random.pick(containers), random.pick(networks)];
  const chance = random.below(100);
  if (chance < 45) return connect(net, container, { EndpointConfig: { GwPriority: priority } });
  if (chance < 88) return disconnect(net, container);
  if (chance < 93) return call("POST", `/containers/${container}/restart?t=0`);
  return call("POST", `/containers/${container}/${chance < 96 ? "kill" : "start"}`);
}

test("containers that are connected, disconnected, ended and started at once are where they are said to be", async () => {
  for (const name of networks) await network(name);
  for (const [at, name] of containers.entries()) await run(name, publishing(8070 + at));
  const random = new Random(7);
  const answers = await Promise.all(Array.from({ length: 300 }, (_, at) => ask(random, at % 3)));
  for (const { status, body } of answers) {
    if (status >= 400)
      expect(sentences.some((sentence) => sentence.test(body.message)) || body.message).toBe(true);
  }
  let places = 0;
  for (const name of containers) {
    // Nobody else has its port: not what it has published itself as it ended.
    expect((await call("POST", `/containers/${name}/start`)).status).toBeOneOf([204, 304]);
    const shown = await inside(name, "ip", "-o", "-4", "addr", "show", "scope", "global");
    const found = [...shown.matchAll(/inet ([\d.]+)\//g)].map(([, address]) => address);
    const { Networks: recorded } = await settings(name);
    const expected = Object.values<{ IPAddress: string }>(recorded).map((each) => each.IPAddress);
    expect(new Set(found)).toEqual(new Set(expected));
    const ways = (await inside(name, "ip", "route")).match(/^default/gm) ?? [];
    expect(ways).toHaveLength(expected.length > 0 ? 1 : 0);
    places += expected.length;
  }
  expect(await wires()).toHaveLength(places);
  await stage().daemon.removeContainers();
  for (const name of networks)
    expect(await call("DELETE", `/networks/${name}`)).toMatchObject({ status: 204 });
});
