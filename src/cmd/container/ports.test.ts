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

const udp = (PrivatePort: number, PublicPort: number, IP: string) => ({
  ...port(PrivatePort, PublicPort, IP),
  Type: "udp" as const,
});

const shown: [ReturnType<typeof port | typeof udp>[], string][] = [
  // Docker's client joins only what keeps its number; other ranges are shown port by port.
  [
    [port(80, 8000, "0.0.0.0"), port(81, 8001, "0.0.0.0")],
    "0.0.0.0:8000->80/tcp, 0.0.0.0:8001->81/tcp",
  ],
  [
    [port(80, 80, "::"), port(81, 81, "::"), port(80, 80, "0.0.0.0"), port(81, 81, "0.0.0.0")],
    "0.0.0.0:80-81->80-81/tcp, [::]:80-81->80-81/tcp",
  ],
  [[port(53, 53, "10.0.0.1"), udp(53, 53, "10.0.0.1")], "10.0.0.1:53->53/tcp, 10.0.0.1:53->53/udp"],
  [[port(9988, undefined, "::")], "[::]:0->9988/tcp"],
  [[port(9988, 8899)], "9988/tcp"],
  [[port(9988), port(9988)], "9988/tcp, 9988/tcp"],
  [
    [udp(9998, 8887, "::1"), port(2233, 3322, "4.3.2.1")],
    "4.3.2.1:3322->2233/tcp, [::1]:8887->9998/udp",
  ],
];

for (const [ports, text] of shown) {
  test(`formatPorts shows ${text}`, () => {
    expect(formatPorts(ports)).toBe(text);
  });
}
