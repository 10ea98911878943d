import { afterEach, expect, test } from "bun:test";
import { on, usePlaces } from "../support/places.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { call, network, run, settings, connect, disconnect, inside, wires, clear } =
  usePlaces(stage);

afterEach(clear);

const rounds = 20;

const sorted = (addresses: string[]) => addresses.toSorted((a, b) => (a < b ? -1 : 1));

/** Addresses of a container, as it finds them and as they are recorded. */
async function addresses(name: string): Promise<{ found: string[]; recorded: string[] }> {
  const shown = await inside(name, "ip", "-o", "-4", "addr", "show", "scope", "global");
  const found = [...shown.matchAll(/inet ([\d.]+)\//g)].map(([, address]) => address ?? "");
  const { Networks: networks } = await settings(name);
  const recorded = Object.values<{ IPAddress: string }>(networks).map((each) => each.IPAddress);
  return { found: sorted(found), recorded: sorted(recorded) };
}

/** How many milliseconds it takes now. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

const becomeWayOut = (to: string, name: string) =>
  connect(to, name, { EndpointConfig: { GwPriority: 1 } });

test("kill -9 of the daemon while containers are connected and disconnected leaves nothing half made", async () => {
  const { world } = stage();
  await network("cc-a", "10.83.0.0/24");
  await network("cc-b", "10.84.0.0/28");
  await run("base", on("cc-a"));
  await becomeWayOut("cc-b", "base");
  // The least that a change has taken, in milliseconds.
  let least = await timeOf(() => disconnect("cc-b", "base"));
  let cut = 0;
  for (let round = 0; round < rounds; round += 1) {
    const change = round % 2 === 0 ? becomeWayOut : disconnect;
    const changing = timeOf(() => change("cc-b", "base")).catch(() => undefined);
    // From before the request is read to after it is answered.
    await Bun.sleep((2 * least * round) / rounds);
    await world.daemonAlive().kill();
    const took = await changing;
    if (took === undefined) cut += 1;
    else least = Math.min(least, took);
    await world.daemon();
    const { found, recorded } = await addresses("base");
    expect(found).toEqual(recorded);
    expect(await wires()).toHaveLength(found.length);
    const router = found.length === 1 ? "10.83.0.1" : "10.84.0.1";
    expect(await inside("base", "ip", "route", "show", "default")).toStartWith(
      `default via ${router} `,
    );
    if (found.length === (round % 2 === 0 ? 1 : 2)) {
      // It did not come about: then it can be had now.
      expect(await change("cc-b", "base")).toMatchObject({ status: 200 });
    }
  }
  expect(cut).toBeGreaterThan(rounds / 4);
  await disconnect("cc-b", "base");
  // No lease is left either.
  expect(await call("DELETE", "/networks/cc-b")).toMatchObject({ status: 204 });
}, 120_000);

test("kill -9 of the daemon while a container of two networks starts leaves all of it or nothing", async () => {
  const { world } = stage();
  await network("cc-a", "10.83.0.0/24");
  await network("cc-b", "10.84.0.0/24");
  const both = on("cc-a", { "cc-a": {}, "cc-b": {} });
  for (let round = 0; round < rounds; round += 1) {
    const starting = run(`start-${round}`, both).catch(() => undefined);
    await Bun.sleep(round * 2);
    await world.daemonAlive().kill();
    await starting;
    const daemon = await world.daemon();
    const running = await daemon.json<{ Names: string[] }[]>("/containers/json");
    for (const { Names } of running) {
      const { found, recorded } = await addresses((Names[0] ?? "").slice(1));
      expect(found).toEqual(recorded);
      expect(found).toHaveLength(2);
    }
    const members = (await call("GET", "/networks/cc-b")).body.Containers;
    expect(Object.keys(members)).toHaveLength(running.length);
    await daemon.removeContainers();
  }
  for (const name of ["cc-a", "cc-b"])
    expect(await call("DELETE", `/networks/${name}`)).toMatchObject({ status: 204 });
}, 120_000);

test("the next daemon knows every place, and can change it", async () => {
  const { world } = stage();
  await network("cc-a", "10.83.0.0/24");
  await network("cc-b", "10.84.0.0/24");
  await run("kept", on("cc-a", { "cc-a": { Aliases: ["x"] }, "cc-b": { GwPriority: 1 } }));
  const before = await settings("kept");
  await world.daemonAlive().kill();
  await world.daemon();
  expect(await settings("kept")).toEqual(before);
  expect(await disconnect("cc-b", "kept")).toMatchObject({ status: 200 });
  expect(await inside("kept", "ip", "route")).toContain("default via 10.83.0.1 dev eth0");
  await run("other", on("cc-a"));
  const { found } = await addresses("other");
  expect(found).not.toEqual([before.Networks["cc-a"].IPAddress]);
});
