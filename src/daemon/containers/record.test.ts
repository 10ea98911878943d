import { expect, test } from "bun:test";
import { plainAttachment } from "../networks/attachment.ts";
import { type Container, initialState } from "./container.ts";
import { readContainer, readState } from "./record.ts";

const earlier = {
  id: "c".repeat(64),
  hostConfig: { NetworkMode: "bridge" },
  macAddress: "02:00:00:00:00:07",
} as unknown as Container;

test("a record of one network keeps its MAC address there", () => {
  const container = readContainer(earlier);
  expect(container.attachments).toEqual({
    bridge: plainAttachment({ macAddress: "02:00:00:00:00:07" }),
  });
  expect(container).not.toHaveProperty("macAddress");
});

test("a record that shares another container's network has none of its own", () => {
  const sharing = { ...earlier, hostConfig: { NetworkMode: "container:abc" } };
  expect(readContainer(sharing).attachments).toEqual({});
});

test("a record of this version is read as it is", () => {
  const container = readContainer(earlier);
  expect(readContainer(container)).toEqual(container);
});

test("a place that was given by an earlier version has the names that its interfaces have", () => {
  const endpoint = {
    networkId: "n",
    endpointId: "0123456789abcdef",
    gateway: "172.17.0.1",
    address: "172.17.0.2",
    prefixLength: 16,
    macAddress: "02:42:ac:11:00:02",
  };
  const record = { ...initialState(), endpoints: { bridge: endpoint } };
  const state = readState(record as unknown as Parameters<typeof readState>[0]);
  expect(state.endpoints.bridge).toEqual({
    ...endpoint,
    interface: "eth0",
    hostInterface: "veth0123456789a",
    address6: "",
    prefixLength6: 0,
    gateway6: "",
    isGateway: { ipv4: true, ipv6: false },
  });
  expect(state.ports).toEqual({});
});
