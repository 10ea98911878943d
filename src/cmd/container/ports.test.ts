import { expect, test } from "bun:test";
import { formatPorts } from "./ports.ts";

const port = (PrivatePort: number, PublicPort?: number, IP?: string) => ({
  Type: "tcp" as const,
  PrivatePort,
  ...(PublicPort === undefined ? {} : { PublicPort }),
  ...(IP === undefined ? {} : { IP }),
});

test("formatPorts joins neighbours that map to themselves and lists the others", () => {
  expect(formatPorts([])).toBe("");
  expect(
    formatPorts([
      port(80, 8080, "0.0.0.0"),
      port(80, 8080, "::"),
      port(91, 91, "0.0.0.0"),
      port(90, 90, "0.0.0.0"),
      port(7001),
      port(7000),
      port(9000),
    ]),
  ).toBe(
    "7000-7001/tcp, 0.0.0.0:90-91->90-91/tcp, 9000/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
  );
});
