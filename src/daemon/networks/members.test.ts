import { expect, test } from "bun:test";
import { membersOf } from "./members.ts";

const place = (networkId: string) => ({
  ...{ networkId, endpointId: `e-${networkId}`, macAddress: "02:42:0a:00:00:02" },
  ...{ address: "10.0.0.2", prefixLength: 24, address6: "", prefixLength6: 0 },
});

test("members of a network are those with a place in it, others have none to show", () => {
  const entries = [
    {
      container: { id: "c1", name: "a" },
      state: { endpoints: { x: place("n1"), y: place("n2") } },
    },
    { container: { id: "c2", name: "b" }, state: { endpoints: { y: place("n2") } } },
    { container: { id: "c3", name: "c" }, state: { endpoints: {} } },
  ];
  expect(membersOf(entries, "n1")).toEqual([
    {
      ...{ containerId: "c1", name: "a", endpointId: "e-n1", macAddress: "02:42:0a:00:00:02" },
      ...{ address: "10.0.0.2/24", address6: "" },
    },
  ]);
  expect(membersOf(entries, "n2").map(({ name }) => name)).toEqual(["a", "b"]);
  expect(membersOf(entries, "n3")).toEqual([]);
});
