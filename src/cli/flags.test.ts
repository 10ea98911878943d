import { describe, expect, test } from "bun:test";
import { parseBytes, parseDuration } from "./flag-values.ts";
import { parseFlags, UsageError } from "./flags.ts";

const table = {
  all: { kind: "bool", short: "a", summary: "" },
  detach: { kind: "bool", short: "d", summary: "" },
  env: { kind: "list", short: "e", summary: "" },
  hostname: { kind: "string", short: "h", summary: "" },
  memory: { kind: "bytes", short: "m", summary: "" },
  network: { kind: "list", alias: "net", summary: "" },
  proxy: { kind: "bool", default: "true", summary: "" },
  tail: { kind: "string", short: "n", default: "all", summary: "" },
  time: { kind: "int", short: "t", summary: "" },
} as const;

const parse = (args: string[], stopAtPositional = false) =>
  parseFlags(table, args, { stopAtPositional });

describe("parseFlags", () => {
  test("gives every flag its default", () => {
    expect(parse([]).values).toEqual({
      all: false,
      detach: false,
      env: [],
      hostname: undefined,
      memory: undefined,
      network: [],
      proxy: true,
      tail: "all",
      time: undefined,
    });
  });

  test("takes a value from the same word or from the next", () => {
    expect(parse(["--tail=5"]).values.tail).toBe("5");
    expect(parse(["--tail", "5"]).values.tail).toBe("5");
    expect(parse(["-n5"]).values.tail).toBe("5");
    expect(parse(["-n=5"]).values.tail).toBe("5");
    expect(parse(["-n", "5"]).values.tail).toBe("5");
    expect(parse(["--tail", "--all"]).values.tail).toBe("--all");
    expect(parse(["--tail="]).values.tail).toBe("");
  });

  test("reads bundles of short flags, the last of which may take a value", () => {
    const { values } = parse(["-ade", "A=1", "-eB=2"]);
    expect(values).toMatchObject({ all: true, detach: true, env: ["A=1", "B=2"] });
  });

  test("collects the values of a list in order, and splits none", () => {
    expect(parse(["-e", "A=1,2", "--env", "B"]).values.env).toEqual(["A=1,2", "B"]);
  });

  test("turns a switch off by a value", () => {
    expect(parse(["--proxy=false"]).values.proxy).toBe(false);
    expect(parse(["-a=0"]).values.all).toBe(false);
  });

  test("keeps flags after positionals, or leaves them to the container", () => {
    expect(parse(["x", "-a", "y"])).toMatchObject({
      positionals: ["x", "y"],
      values: { all: true },
    });
    const stopped = parse(["-d", "x", "-a", "--foo"], true);
    expect(stopped.positionals).toEqual(["x", "-a", "--foo"]);
    expect(stopped.values.all).toBe(false);
  });

  test("ends flags at a double dash and takes a single dash for a name", () => {
    expect(parse(["-a", "--", "-d", "--"]).positionals).toEqual(["-d", "--"]);
    expect(parse(["-"]).positionals).toEqual(["-"]);
  });

  test("knows a flag by its alias and remembers what was given", () => {
    const { values, given } = parse(["--net", "none"]);
    expect(values.network).toEqual(["none"]);
    expect([...given]).toEqual(["network"]);
  });

  test("asks for help by --help, and by -h where that is free", () => {
    expect(parse(["--help"]).help).toBe(true);
    expect(parse(["-h", "box"]).values.hostname).toBe("box");
    expect(parseFlags({}, ["-h"], { stopAtPositional: false }).help).toBe(true);
  });

  const mistakes: [string[], string][] = [
    [["--foo"], "unknown flag: --foo"],
    [["--foo=1"], "unknown flag: --foo"],
    [["--constructor"], "unknown flag: --constructor"],
    [["-ax"], "unknown shorthand flag: 'x' in -x"],
    [["--tail"], "flag needs an argument: --tail"],
    [["-n"], "flag needs an argument: 'n' in -n"],
    [
      ["--all=maybe"],
      'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [
      ["-t", "x"],
      'invalid argument "x" for "-t, --time" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [["-m", "x"], `invalid argument "x" for "-m, --memory" flag: invalid size: 'x'`],
  ];
  for (const [args, message] of mistakes) {
    test(`refuses ${args.join(" ")}`, () => {
      expect(() => parse(args)).toThrow(new UsageError(message));
    });
  }
});

test("parseBytes counts in powers of 1024", () => {
  expect(["5", "1k", "64m", "1.5GiB", "2 tb", "-1"].map(parseBytes)).toEqual([
    5,
    1024,
    64 * 1024 ** 2,
    1.5 * 1024 ** 3,
    2 * 1024 ** 4,
    -1,
  ]);
  expect(() => parseBytes("1x")).toThrow("invalid size: '1x'");
});

test("parseDuration reads Go's durations as nanoseconds", () => {
  expect(["0", "1h30m", "1.5s", "2ms", "-1s"].map(parseDuration)).toEqual([
    0, 5400e9, 1.5e9, 2e6, -1e9,
  ]);
  expect(() => parseDuration("5")).toThrow('time: invalid duration "5"');
});
