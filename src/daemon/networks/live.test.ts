import { describe, expect, test } from "bun:test";
import type { Log } from "../../log.ts";
import type { EndpointRequest } from "../../native-types/native.ts";
import { createNetwork, FixedNetworks } from "../containers/attachments/testing.ts";
import { type Container, type ContainerState, initialState } from "../containers/container.ts";
import type { Entry } from "../containers/table.ts";
import { plainAttachment } from "./attachment.ts";
import { LiveNetworks } from "./live.ts";
import type { Endpoint } from "./network.ts";
import { Places } from "./places.ts";

const networks = new FixedNetworks([
  createNetwork("home", [{ subnet: "10.1.0.0/24" }]),
  createNetwork("away", [{ subnet: "10.2.0.0/24" }]),
]);

const home: Endpoint = {
  ...{ networkId: "id-home", endpointId: "e", interface: "eth0", hostInterface: "vethe" },
  ...{ address: "10.1.0.2", prefixLength: 24, gateway: "10.1.0.1" },
  ...{ address6: "", prefixLength6: 0, gateway6: "", macAddress: "02:42:0a:01:00:02" },
  isGateway: { ipv4: true, ipv6: false },
};

/** A container that runs at home, and everything that is asked of others for it, in order. */
function createScene(failing: (request: string) => boolean = () => false) {
  const told: string[] = [];
  const tell = async (what: string): Promise<void> => {
    told.push(what);
    if (failing(what)) throw new Error(`${what} fails`);
  };
  const save = (what: string, next: Partial<Entry>): void => {
    if (failing(what)) throw new Error(`${what} fails`);
    Object.assign(entry, next);
  };
  const container = {
    id: "c",
    name: "c",
    hostConfig: {},
    attachments: { home: plainAttachment() },
  } as unknown as Container;
  const state: ContainerState = {
    ...{ ...initialState(), status: "running", pid: 7, endpoints: { home } },
    ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }] },
  };
  const entry = { container, state, monitor: {} } as Entry;
  const marks = (): string =>
    Object.entries(entry.state.endpoints)
      .map(([name, { isUnsettled }]) => (isUnsettled ? `${name}?` : name))
      .join(" ");
  const native = (what: string) => async (request: EndpointRequest) => {
    expect(request.container).toEqual({ id: "c", pid: 7 });
    await tell(`${what} ${request.endpoint.interface} with ${marks()}`);
  };
  const addresses = {
    lease: () => ({
      ...{ address: "10.2.0.2", prefixLength: 24, gateway: "10.2.0.1" },
      ...{ address6: "", prefixLength6: 0, gateway6: "" },
    }),
    release: (_id: string, network?: string) => void told.push(`release ${network}`),
    releaseAllBut: () => {},
  };
  const host = { ensure: async ({ name }: { name: string }) => `br-${name}` };
  const live = new LiveNetworks({
    native: {
      connect: native("connect"),
      disconnect: native("disconnect"),
      setGateways: native("lead out by"),
    },
    table: {
      saveState: (_entry, next) => save("save state", { state: next }),
      saveAnyway: (_entry, next) => save("save anyway", { state: next }),
      saveContainer: (_entry, next) => save("save container", { container: next }),
      save: (_entry, container, next) => save("save both", { container, state: next }),
    },
    ...{ networks, addresses, places: new Places({ networks, host, addresses }) },
    ports: {
      publish: async () => ({}),
      release: async () => {},
      move: async () => {
        await tell("move ports");
        return { ports: state.ports, undo: () => tell("put ports back") };
      },
    },
    names: { update: async () => {}, moved: async () => {} },
    attacher: { updateNames: async () => {}, tell: (action) => void told.push(`tell ${action}`) },
    log: { warn: (text: string) => void told.push(text) } as unknown as Pick<Log, "warn">,
  });
  const join = (gatewayPriority = 0) =>
    live.join(entry, networks.get("away"), plainAttachment({ gatewayPriority }));
  return { entry, live, told, marks, join };
}

describe("join", () => {
  test("records the place before its interface is made, and what was asked for after it", async () => {
    const { entry, told, marks, join } = createScene();
    await join(1);
    expect(told).toEqual(["connect eth1 with home away?", "move ports", "tell connect"]);
    expect(marks()).toBe("home away");
    expect(Object.keys(entry.container.attachments)).toEqual(["home", "away"]);
    expect(entry.state.endpoints.home?.isGateway.ipv4).toBe(false);
    expect(entry.state.endpoints.away?.isGateway.ipv4).toBe(true);
  });

  test("leaves ports where they are while the way out stays", async () => {
    const { told, join } = createScene();
    await join(-1);
    expect(told).toEqual(["connect eth1 with home away?", "tell connect"]);
  });

  test.each(["connect", "move ports"])("is undone when %p fails", async (what) => {
    const { entry, told, marks, join } = createScene((request) => request.startsWith(what));
    await expect(join(1)).rejects.toThrow("fails");
    expect(told.slice(-3)).toEqual([
      "disconnect eth1 with home away?",
      "lead out by eth0 with home away?",
      "release id-away",
    ]);
    expect(marks()).toBe("home");
    expect(Object.keys(entry.container.attachments)).toEqual(["home"]);
  });

  test("is undone when it cannot be recorded, and ports go back first", async () => {
    const { entry, told, marks, join } = createScene((request) => request === "save both");
    await expect(join(1)).rejects.toThrow("save both fails");
    expect(told.slice(-4)).toEqual([
      "put ports back",
      "disconnect eth1 with home away?",
      "lead out by eth0 with home away?",
      "release id-away",
    ]);
    expect(marks()).toBe("home");
    expect(Object.keys(entry.container.attachments)).toEqual(["home"]);
  });

  test("keeps no addresses when its place cannot be recorded", async () => {
    const { told, marks, join } = createScene((request) => request === "save state");
    await expect(join()).rejects.toThrow("save state fails");
    expect(told).toEqual(["release id-away"]);
    expect(marks()).toBe("home");
  });

  test("takes away first what an earlier change has left", async () => {
    let broken = true;
    const { told, marks, join } = createScene(
      (request) => broken && /^(save both|disconnect)/.test(request),
    );
    await expect(join(-1)).rejects.toThrow("save both fails");
    expect(marks()).toBe("home away?");
    broken = false;
    told.length = 0;
    await join(-1);
    expect(told).toEqual([
      "lead out by eth0 with home away?",
      "disconnect eth1 with home away?",
      "release id-away",
      "tell disconnect",
      "connect eth1 with home away?",
      "tell connect",
    ]);
    expect(marks()).toBe("home away");
  });

  test("whose undoing fails leaves an unsettled place, and the way out as it was", async () => {
    const { told, marks, join } = createScene((request) => /^(move|disconnect)/.test(request));
    await expect(join(1)).rejects.toThrow("move ports fails");
    expect(told).toContain("lead out by eth0 with home away?");
    expect(told).not.toContain("release id-away");
    expect(marks()).toBe("home away?");
  });

  test("is refused if the container ends meanwhile, whose end has released everything", async () => {
    const { entry, told, join } = createScene((request) => {
      if (request.startsWith("connect"))
        entry.state = { ...entry.state, status: "exited", endpoints: {}, pid: 0 };
      return false;
    });
    await expect(join(1)).rejects.toThrow("container c is not running");
    expect(told).not.toContain("move ports");
    expect(told).not.toContain("release id-away");
    expect(entry.state.endpoints).toEqual({});
  });

  test("is refused once its end has begun", async () => {
    const { entry, told, join } = createScene();
    entry.monitor = undefined;
    await expect(join()).rejects.toThrow("container c is not running");
    expect(told).toEqual([]);
  });
});

describe("leave", () => {
  test("leads out by what is left before the interface goes", async () => {
    const { entry, live, told, marks, join } = createScene();
    await join(1);
    told.length = 0;
    await live.leave(entry, "away");
    expect(told).toEqual([
      "lead out by eth0 with home away?",
      "move ports",
      "disconnect eth1 with home away?",
      "release id-away",
      "tell disconnect",
    ]);
    expect(marks()).toBe("home");
    expect(Object.keys(entry.container.attachments)).toEqual(["home"]);
  });

  test("that fails can be asked for again", async () => {
    let broken = true;
    const { entry, live, told, marks, join } = createScene(
      (request) => broken && request.startsWith("disconnect"),
    );
    await join(1);
    await expect(live.leave(entry, "away")).rejects.toThrow("fails");
    expect(marks()).toBe("home away?");
    // Ports have moved already, and do not again.
    expect(entry.state.endpoints.home?.isGateway.ipv4).toBe(true);
    told.length = 0;
    broken = false;
    await live.leave(entry, "away");
    expect(told).not.toContain("move ports");
    expect(marks()).toBe("home");
  });

  test("that cannot be recorded can be asked for again", async () => {
    let isFull = false;
    const { entry, live, marks, join } = createScene(
      (request) => isFull && request === "save both",
    );
    await join(1);
    isFull = true;
    await expect(live.leave(entry, "away")).rejects.toThrow("fails");
    expect(marks()).toBe("home away?");
    isFull = false;
    await live.leave(entry, "away");
    expect(marks()).toBe("home");
    expect(Object.keys(entry.container.attachments)).toEqual(["home"]);
  });

  test("takes away what was not yet recorded as asked for", async () => {
    const { entry, live, told } = createScene();
    const away = { ...home, networkId: "id-away", interface: "eth1", isUnsettled: true } as const;
    entry.state = { ...entry.state, endpoints: { home, away } };
    await live.leave(entry, "away");
    // The killed daemon may have led out by it.
    expect(told.slice(0, 2)).toEqual([
      "lead out by eth0 with home away?",
      "disconnect eth1 with home away?",
    ]);
  });

  test("publishes nothing again for a container that ends meanwhile", async () => {
    const { entry, live, told, join } = createScene((request) => {
      if (request.startsWith("lead out")) {
        entry.state = { ...entry.state, status: "exited", endpoints: {}, ports: {}, pid: 0 };
        entry.monitor = undefined;
      }
      return false;
    });
    await join(1);
    told.length = 0;
    await live.leave(entry, "away");
    expect(told).not.toContain("move ports");
    // Its end has told of it.
    expect(told).not.toContain("tell disconnect");
    expect(entry.state).toMatchObject({ endpoints: {}, ports: {} });
    expect(Object.keys(entry.container.attachments)).toEqual(["home"]);
  });
});
