import { expect, test } from "bun:test";
import { NetworkHosting } from "./hosting.ts";
import { sampleNetwork } from "./sample.ts";

const pool = { subnet: "10.1.0.0/16", gateway: "10.1.0.1" };

/** Calls as "name argument", and what the next of them fails with. */
function createHosting(failures: Error[] = []) {
  const calls: string[] = [];
  const call = async (text: string): Promise<void> => {
    calls.push(text);
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
  };
  const native = {
    ensureBridge: ({ name }: { name: string }) => call(`bridge ${name}`),
    removeBridge: (name: string) => call(`no bridge ${name}`),
    ensureParent: ({ name, internal }: { name: string; internal: boolean }) =>
      call(`${internal ? "internal" : "outer"} parent ${name}`),
    removeParent: (name: string) => call(`no parent ${name}`),
    resetRules: async () => {},
  };
  const gone = new Set<string>();
  const hasInterface = (name: string): boolean => !gone.has(name);
  return { calls, gone, hosting: new NetworkHosting({ native, hasInterface, wiresOf: () => [] }) };
}

test("a bridge is made once, and goes with its network", async () => {
  const { calls, hosting } = createHosting();
  const network = sampleNetwork([pool]);
  expect(await Promise.all([hosting.ensure(network), hosting.ensure(network)])).toEqual([
    "br-ffffffffffff",
    "br-ffffffffffff",
  ]);
  await hosting.retire(network, []);
  expect(calls).toEqual(["bridge br-ffffffffffff", "no bridge br-ffffffffffff"]);
  await hosting.ensure(network);
  expect(calls).toHaveLength(3);
});

test("what somebody has removed is made again, once", async () => {
  const { calls, gone, hosting } = createHosting();
  const network = sampleNetwork([pool]);
  await hosting.ensure(network);
  gone.add("br-ffffffffffff");
  await Promise.all([hosting.ensure(network), hosting.ensure(network)]);
  expect(calls).toEqual(["bridge br-ffffffffffff", "bridge br-ffffffffffff"]);
});

test("what failed is tried again", async () => {
  const { calls, hosting } = createHosting([new Error("full")]);
  const network = sampleNetwork([pool]);
  await expect(hosting.ensure(network)).rejects.toThrow("full");
  await Bun.sleep(0);
  await hosting.ensure(network);
  expect(calls).toHaveLength(2);
});

test("a parent goes with the last network that hangs on it", async () => {
  const { calls, hosting } = createHosting();
  const options = { parent: "eth0.10" };
  const first = sampleNetwork([pool], { driver: "macvlan", options });
  const second = { ...first, id: "e".repeat(64) };
  expect(await hosting.ensure(first)).toBe("eth0.10");
  // Also before this daemon has made what the second one has.
  await hosting.retire(first, [second]);
  expect(calls).not.toContain("no parent eth0.10");
  await hosting.retire(second, []);
  expect(calls.at(-1)).toBe("no parent eth0.10");
});

test("a network on no wire has a parent of its own, host and none have nothing", async () => {
  const { calls, hosting } = createHosting();
  const network = sampleNetwork([pool], { driver: "ipvlan" });
  expect(await hosting.ensure(network)).toBe("dm-ffffffffffff");
  expect(calls).toEqual(["internal parent dm-ffffffffffff"]);
  for (const driver of ["host", "null"] as const)
    expect(await hosting.ensure(sampleNetwork([], { driver, id: driver }))).toBe("");
  expect(calls).toHaveLength(1);
});

test("a default bridge without addresses says that none are free", async () => {
  const { hosting } = createHosting();
  await expect(hosting.ensure(sampleNetwork([], { name: "bridge" }))).rejects.toThrow(
    "no subnet is free for the network bridge",
  );
});
