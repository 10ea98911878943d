import { expect, test } from "bun:test";
import type { Log } from "../../../log.ts";
import type { PortChange, PublishedPort } from "../../../native-types/net.ts";
import { createNetwork, FixedNetworks } from "../../containers/attachments/testing.ts";
import { type Container, initialState } from "../../containers/container.ts";
import type { Entry } from "../../containers/table.ts";
import type { Endpoint } from "../network.ts";
import type { Endpoints } from "../services.ts";
import { Publisher } from "./publisher.ts";

const networks = new FixedNetworks([
  createNetwork("home", [{ subnet: "10.1.0.0/24" }]),
  createNetwork("away", [{ subnet: "10.2.0.0/24" }]),
]);

const placeAt = (address: string, isWayOut = true): Endpoint => ({
  ...{ networkId: "n", endpointId: "e", interface: "eth0", hostInterface: "vethe" },
  ...{ address, prefixLength: 24, gateway: "10.1.0.1" },
  ...{ address6: "", prefixLength6: 0, gateway6: "", macAddress: "02:42:0a:01:00:02" },
  isGateway: { ipv4: isWayOut, ipv6: false },
});

const published = (hostPort: number, containerAddress: string, containerPort = 80) => ({
  ...({ protocol: "tcp", hostAddress: "0.0.0.0", hostPort } as const),
  ...{ containerAddress, containerPort },
});

/** A container that publishes 80 at a number that was chosen for it, and the kernel's part of that. */
function createScene() {
  let stands: PublishedPort[] = [published(32_768, "10.1.0.2")];
  const warnings: string[] = [];
  const taken = new Set<number>();
  const publish = async ({ remove, add }: PortChange): Promise<PublishedPort[]> => {
    const left = stands.filter((one) => !remove.some((other) => Bun.deepEquals(one, other)));
    const added = add.flatMap(({ at, hostPorts: [hostPort], protocol, containerPort }) => {
      if (taken.has(hostPort)) throw new Error(`${hostPort} is taken`);
      return at.map((each) => ({ ...each, protocol, containerPort, hostPort }));
    });
    stands = [...left, ...added];
    return stands;
  };
  const unpublish = async (): Promise<void> => {
    stands = [];
  };
  const entry = {
    container: {
      ...{ id: "c", name: "c", config: {} },
      hostConfig: { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "" }] } },
    } as unknown as Container,
    state: {
      ...{ ...initialState(), status: "running", endpoints: { home: placeAt("10.1.0.2") } },
      ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "32768" }] },
    },
    monitor: {},
  } as unknown as Entry;
  const publisher = new Publisher({
    native: { publish, unpublish, holdPorts: async () => [] },
    table: { all: () => [entry] },
    networks,
    log: { warn: (text: string) => void warnings.push(text) } as unknown as Pick<Log, "warn">,
  });
  return { publisher, entry, warnings, taken, stands: () => stands };
}

const moved: Endpoints = { home: placeAt("10.1.0.2", false), away: placeAt("10.2.0.2") };

test("ports that have moved go back to where they were, at the numbers that they had", async () => {
  const { publisher, entry, stands } = createScene();
  const { ports, undo } = await publisher.move(entry, moved);
  expect(ports).toEqual(entry.state.ports);
  expect(stands()).toEqual([published(32_768, "10.2.0.2")]);
  await undo();
  expect(stands()).toEqual([published(32_768, "10.1.0.2")]);
});

test("a change is taken back whole", async () => {
  const { publisher, entry, stands } = createScene();
  const add = { "81/tcp": [{ HostIp: "", HostPort: "8081" }] };
  const remove = [{ port: "80/tcp", host: undefined }];
  const { undo } = await publisher.change(entry, { add, remove });
  expect(stands()).toEqual([published(8081, "10.1.0.2", 81)]);
  await undo();
  expect(stands()).toEqual([published(32_768, "10.1.0.2")]);
});

test("what somebody took meanwhile is told, and is no failure of its own", async () => {
  const { publisher, entry, warnings, taken } = createScene();
  const { undo } = await publisher.move(entry, moved);
  taken.add(32_768);
  await undo();
  expect(warnings).toEqual(["publish ports of c as they were: 32768 is taken"]);
});

test("nothing goes back for a container that has ended", async () => {
  const { publisher, entry, stands } = createScene();
  const { undo } = await publisher.move(entry, moved);
  entry.monitor = undefined;
  await undo();
  expect(stands()).toEqual([]);
});
