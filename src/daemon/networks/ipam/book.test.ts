import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { LeaseStore } from "../../store/lease-store.ts";
import { contains, parseAddress, prefixOf } from "../address.ts";
import { sampleNetwork } from "../sample.ts";
import { AddressBook } from "./book.ts";

function createStore(): LeaseStore {
  const database = new Database(":memory:", { strict: true });
  database.run(`CREATE TABLE leases (network TEXT NOT NULL, container TEXT NOT NULL, address TEXT,
    address6 TEXT, PRIMARY KEY (network, container), UNIQUE (network, address), UNIQUE (network, address6))`);
  return new LeaseStore(database);
}

const small = sampleNetwork([
  { subnet: "10.0.0.0/29", gateway: "10.0.0.1", auxiliary: { printer: "10.0.0.3" } },
]);

test("addresses are given in turn, gateway, bounds and auxiliary ones kept free", () => {
  const book = new AddressBook(createStore());
  const given = ["a", "b", "c", "d"].map((name) => book.lease(small, name).address);
  expect(given).toEqual(["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
  expect(() => book.lease(small, "e")).toThrow(
    `no available IPv4 addresses on this network's address pools: net (${small.id})`,
  );
});

test("what is given back rests until the round is over", () => {
  const book = new AddressBook(createStore());
  book.lease(small, "a");
  book.release("a");
  expect(book.lease(small, "b").address).toBe("10.0.0.4");
  expect(book.lease(small, "c").address).toBe("10.0.0.5");
  expect(book.lease(small, "d").address).toBe("10.0.0.6");
  expect(book.lease(small, "e").address).toBe("10.0.0.2");
});

test("what cannot be written down as given back is, as soon as it can", () => {
  const store = createStore();
  const book = new AddressBook(store);
  for (const name of ["a", "b"]) book.lease(small, name);
  const [remove, removeAllBut] = [store.remove, store.removeAllBut];
  const full = (): never => {
    throw new Error("disk is full");
  };
  Object.assign(store, { remove: full, removeAllBut: full });
  expect(() => book.release("a")).toThrow("disk is full");
  expect(book.isUsed(small.id)).toBe(true);
  expect(() => book.releaseAllBut([])).toThrow("disk is full");
  Object.assign(store, { remove, removeAllBut });
  // One that starts meanwhile has its new place, and keeps it.
  expect(book.lease(small, "b").address).toBe("10.0.0.5");
  expect(store.of(small.id).map(({ container }) => container)).toEqual(["b"]);
  book.release("b");
  expect(book.isUsed(small.id)).toBe(false);
});

test("a lease says how the network is reached and left, by family", () => {
  const network = sampleNetwork([
    { subnet: "10.1.0.0/16", gateway: "10.1.0.1" },
    { subnet: "fd00:1::/64", gateway: "fd00:1::1" },
  ]);
  const book = new AddressBook(createStore());
  expect(book.lease(network, "a")).toEqual({
    ...{ address: "10.1.0.2", prefixLength: 16, gateway: "10.1.0.1" },
    ...{ address6: "fd00:1::2", prefixLength6: 64, gateway6: "fd00:1::1" },
  });
  const internal = { ...network, id: "e".repeat(64), internal: true };
  expect(book.lease(internal, "a")).toMatchObject({ gateway: "", gateway6: "" });
});

test("the default bridge's other gateway is the way out", () => {
  const pool = { subnet: "10.1.0.0/16", gateway: "10.1.0.1" };
  const network = sampleNetwork([{ ...pool, auxiliary: { DefaultGatewayIPv4: "10.1.0.9" } }]);
  expect(new AddressBook(createStore()).lease(network, "a").gateway).toBe("10.1.0.9");
});

test("an ipvlan of the third layer is left without a router, if it leads anywhere", () => {
  const pools = [{ subnet: "10.1.0.0/16" }, { subnet: "fd00:1::/64" }];
  const options = { parent: "eth0", ipvlan_mode: "l3" };
  const book = new AddressBook(createStore());
  const network = sampleNetwork(pools, { driver: "ipvlan", options });
  expect(book.lease(network, "a")).toMatchObject({ gateway: "0.0.0.0", gateway6: "::" });
  const nowhere = sampleNetwork(pools, { driver: "ipvlan", options: { ipvlan_mode: "l3" } });
  expect(book.lease(nowhere, "a")).toMatchObject({ gateway: "", gateway6: "" });
});

test("asked for addresses are given anywhere in the subnet, once", () => {
  const network = sampleNetwork([
    { subnet: "10.1.0.0/16", range: "10.1.5.0/24", gateway: "10.1.5.0" },
    { subnet: "fd00:1::/64", gateway: "fd00:1::1" },
  ]);
  const book = new AddressBook(createStore());
  const asked = { address: "10.1.200.7", address6: "fd00:1::abcd" };
  expect(book.lease(network, "a", asked)).toMatchObject(asked);
  expect(() => book.lease(network, "b", asked)).toThrow("Address already in use");
  expect(book.lease(network, "a", asked)).toMatchObject(asked);
  book.release("a", network.id);
  expect(book.lease(network, "b", asked)).toMatchObject(asked);
  expect(book.lease(network, "c").address).toBe("10.1.5.1");
});

test.each([
  ["10.0.0.1", "Address already in use"],
  ["10.0.0.3", "Address already in use"],
  ["10.0.0.7", "Address already in use"],
  ["10.0.1.1", "no subnet of network net contains it"],
  ["fd00::1", "no subnet of network net contains it"],
])("the address %s is refused: %s", (address, words) => {
  const book = new AddressBook(createStore());
  expect(() => book.lease(small, "a", { address })).toThrow(words);
  expect(book.isUsed(small.id)).toBe(false);
});

test("several subnets of a family are used one after the other", () => {
  const network = sampleNetwork([{ subnet: "10.0.0.0/31" }, { subnet: "10.0.1.0/31" }], {
    driver: "macvlan",
  });
  const book = new AddressBook(createStore());
  expect(["a", "b", "c", "d"].map((name) => book.lease(network, name).address)).toEqual([
    ...["10.0.0.0", "10.0.0.1", "10.0.1.0", "10.0.1.1"],
  ]);
});

test.each(["host", "null"] as const)(
  "in the network of driver %s there are no addresses",
  (driver) => {
    const network = sampleNetwork([], { driver, enableIpv4: true });
    const book = new AddressBook(createStore());
    expect(book.lease(network, "a")).toMatchObject({ address: "", gateway: "", address6: "" });
    expect(book.isUsed(network.id)).toBe(true);
  },
);

test("nobody has a place in a network that is but a template", () => {
  const template = sampleNetwork([], { driver: "null", configOnly: true });
  expect(() => new AddressBook(createStore()).lease(template, "a")).toThrow(
    "cannot create endpoint on configuration-only network",
  );
});

test("leases outlive the book, but for those of places that are gone", () => {
  const store = createStore();
  const book = new AddressBook(store);
  for (const name of ["a", "b", "c"]) book.lease(small, name);
  const next = new AddressBook(store);
  next.releaseAllBut([{ network: small.id, container: "b" }]);
  expect(next.lease(small, "d").address).toBe("10.0.0.2");
  expect(next.lease(small, "e").address).toBe("10.0.0.5");
  expect(() => next.lease(small, "f", { address: "10.0.0.4" })).toThrow("already in use");
});

/** Numerical Recipes' generator: the same sequence in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

test("no address is held twice, and none is refused while one is free, whatever is asked in which order", () => {
  const subnets = ["10.0.0.0/27", "fd00::/123"];
  const network = sampleNetwork([
    { subnet: "10.0.0.0/27", gateway: "10.0.0.9", auxiliary: { a: "10.0.0.20" } },
    { subnet: "fd00::/123", gateway: "fd00::1" },
  ]);
  // 32 - bounds - gateway - auxiliary; 32 - anycast - gateway.
  const room = { ipv4: 28, ipv6: 30 };
  for (let seed = 1; seed <= 20; seed++) {
    const random = createRandom(seed);
    const store = createStore();
    let book = new AddressBook(store);
    const held = new Map<string, string[]>();
    for (let step = 0; step < 300; step++) {
      const name = `c${random(40)}`;
      if (random(50) === 0) book = new AddressBook(store);
      if (random(3) === 0) {
        book.release(name);
        held.delete(name);
        continue;
      }
      held.delete(name);
      if (held.size === Math.min(room.ipv4, room.ipv6)) {
        expect(() => book.lease(network, name)).toThrow("no available IPv4 addresses");
        continue;
      }
      const { address, address6 } = book.lease(network, name);
      const texts = [address, address6];
      for (const [index, text] of texts.entries()) {
        const parsed = parseAddress(text);
        const prefix = prefixOf(subnets[index] ?? "");
        expect(parsed && contains(prefix, parsed.family, parsed.value)).toBe(true);
        expect([...held.values()].flat()).not.toContain(text);
      }
      held.set(name, texts);
    }
    expect(store.of(network.id)).toHaveLength(held.size);
  }
});

test("with 65,000 leases in use the next takes no longer than the first", () => {
  const network = sampleNetwork([{ subnet: "10.0.0.0/16", gateway: "10.0.0.1" }]);
  const book = new AddressBook(createStore());
  const round = (count: number, from: number): number => {
    const start = performance.now();
    for (let index = 0; index < count; index++) book.lease(network, `c${from + index}`);
    return (performance.now() - start) / count;
  };
  const first = round(500, 0);
  for (let index = 500; index < 65_000; index++) book.lease(network, `c${index}`);
  book.release("c77");
  book.release("c40000");
  expect(round(400, 65_000)).toBeLessThan(Math.max(first * 10, 0.5));
  expect(book.usage(network).get("10.0.0.0/16")).toEqual({ inUse: 65_401n, available: 135n });
});

test("of a large IPv6 subnet there is always more", () => {
  const network = sampleNetwork([{ subnet: "fd00::/48", gateway: "fd00::1" }]);
  const book = new AddressBook(createStore());
  expect(book.lease(network, "a").address6).toBe("fd00::2");
  expect(book.usage(network).get("fd00::/48")).toEqual({ inUse: 3n, available: 2n ** 80n - 3n });
});
