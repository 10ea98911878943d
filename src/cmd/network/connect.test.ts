import { expect, test } from "bun:test";
import { parseFlags } from "../../cli/flags.ts";
import { buildEndpoint, connect } from "./connect.ts";

const build = (...args: string[]) =>
  buildEndpoint(parseFlags(connect.flags, args, { stopAtPositional: false }).values);

test("buildEndpoint says what the flags of connect say", () => {
  expect(build()).toEqual({});
  expect(
    build(
      ...[
        "--alias",
        "a,b",
        "--alias",
        "c",
        "--link",
        "db:data",
        "--ip",
        "10.0.0.5",
        "--ip6",
        "::5",
      ],
      ...["--link-local-ip", "169.254.1.1,169.254.1.2", "--gw-priority", "-3"],
      ...["--driver-opt", "com.docker.network.endpoint.ifname=web0, x = y"],
    ),
  ).toEqual({
    Aliases: ["a", "b", "c"],
    Links: ["db:data"],
    IPAMConfig: {
      IPv4Address: "10.0.0.5",
      IPv6Address: "::5",
      LinkLocalIPs: ["169.254.1.1", "169.254.1.2"],
    },
    GwPriority: -3,
    DriverOpts: { "com.docker.network.endpoint.ifname": "web0", x: "y" },
  });
});

test("buildEndpoint refuses links and options that are none", () => {
  expect(() => build("--link", "a:b:c")).toThrow("bad format for links: a:b:c");
  for (const option of ["x", "=y"]) {
    expect(() => build("--driver-opt", option)).toThrow(
      "invalid key/value pair format in driver options",
    );
  }
});
