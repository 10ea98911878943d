import { expect, test } from "bun:test";
import { formatEvent } from "./events.ts";

test("formatEvent shows the moment to the microsecond", () => {
  const timeNano = JSON.parse("1795554814342122000");
  const event = { Type: "network", Action: "create", Actor: { ID: "1" }, timeNano } as const;
  expect(formatEvent(event)).toMatch(/\.342122000(Z|[+-]\d\d:\d\d) network create 1/);
});
