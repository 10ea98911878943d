import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseFlags } from "../../cli/flags.ts";
import { containerFlags, creationFlags } from "./flags.ts";
import { buildAttach, buildCreateRequest } from "./request.ts";
import recorded from "./testdata/docker-28-requests.json";

/**
 * The recording: bodies that Docker's client 28.2 sent to POST /containers/create for these flags
 * (image "img", command "echo hi", HOME=/home/me), without members that have their zero value.
 */
const flags = {
  ...containerFlags,
  ...creationFlags,
  detach: { kind: "bool", short: "d", summary: "" },
} as const;

let directory = "";
let home: string | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rt-request-"));
  await writeFile(join(directory, "env.list"), "A=1\n# c\nB=two words\n\nHOME\n");
  await writeFile(join(directory, "labels.list"), "x.y=1\nz\n");
  home = process.env.HOME;
  process.env.HOME = "/home/me";
});

afterAll(async () => {
  if (home === undefined) delete process.env.HOME;
  else process.env.HOME = home;
  await rm(directory, { recursive: true });
});

async function build(args: string[]) {
  const spelled = args.map((arg) => (arg.endsWith(".list") ? join(directory, arg) : arg));
  const parsed = parseFlags(flags, [...spelled, "img", "echo", "hi"], { stopAtPositional: true });
  const [image = "", ...command] = parsed.positionals;
  return await buildCreateRequest(parsed.values, parsed.given, { image, command });
}

interface Recorded {
  args: string[];
  body: Record<string, unknown> & { HostConfig: Record<string, unknown> };
}

const recording: Recorded[] = recorded;

for (const { args, body } of recording.filter(({ args }) => !args.includes("-d"))) {
  test(`a request for [${args.join(" ")}] is what Docker's client sends`, async () => {
    const { ConsoleSize: _, ...hostConfig } = body.HostConfig;
    const wanted: Record<string, unknown> = { ...body };
    delete wanted.HostConfig;
    if (Object.keys(hostConfig).length > 0) wanted.HostConfig = hostConfig;
    expect(order(await build(args))).toEqual(order(wanted));
  });
}

/** Docker's client keeps binds and variables in maps, whose order is by chance. */
function order(request: object): Record<string, unknown> {
  const ordered: Record<string, unknown> = { ...request };
  if (Array.isArray(ordered.Env)) ordered.Env = ordered.Env.toSorted();
  const host = ordered.HostConfig;
  if (host && typeof host === "object" && "Binds" in host && Array.isArray(host.Binds)) {
    ordered.HostConfig = { ...host, Binds: host.Binds.toSorted() };
  }
  return ordered;
}

const refused: [string[], string][] = [
  [
    ["-a", "x"],
    'invalid argument "x" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR',
  ],
  [["-p", "x"], "invalid containerPort: x"],
  [["-p", "70000:80"], "invalid hostPort: 70000"],
  [["-p", "80/icmp"], "invalid proto: icmp"],
  [["-p", "1.2.3:80:80"], "invalid IP address: 1.2.3"],
  [["-p", "1-2:5-9"], "invalid ranges specified for container and host Ports: 5-9 and 1-2"],
  [["-v", "/a:"], "invalid spec: /a:: empty section between colons"],
  [["-v", "/a:/b:ro:x"], "invalid spec: /a:/b:ro:x: too many colons"],
  [["-e", "=x"], 'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x'],
  [["--restart", "always", "--rm"], "conflicting options: cannot specify both --restart and --rm"],
  [["--pid", "x"], "--pid: invalid PID mode"],
  [
    ["--dns", "x"],
    'invalid argument "x" for "--dns" flag: IP address is not correctly formatted: x',
  ],
  [
    ["--cpus", "x"],
    'invalid argument "x" for "--cpus" flag: failed to parse x as a rational number',
  ],
  [
    ["--ulimit", "nofile=9:1"],
    'invalid argument "nofile=9:1" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 9 > 1',
  ],
  [
    ["--sysctl", "vm.x=1"],
    `invalid argument "vm.x=1" for "--sysctl" flag: sysctl 'vm.x=1' is not allowed`,
  ],
  [
    ["--mount", "type=bind,target=/x"],
    'invalid argument "type=bind,target=/x" for "--mount" flag: source is required for bind mounts',
  ],
  [
    ["--mount", "foo"],
    `invalid argument "foo" for "--mount" flag: invalid field 'foo' must be a key=value pair`,
  ],
  [["--device", "x:y:z"], "bad mode specified: z"],
  [["--mac-address", "zz"], "zz is not a valid mac address"],
  [["--no-healthcheck", "--health-cmd", "x"], "--no-healthcheck conflicts with --health-* options"],
  [["--health-interval", "-1s"], "--health-interval cannot be negative"],
  [
    ["--network", "a", "--network", "host"],
    "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
  ],
  [
    ["--env-file", "/no/such"],
    "--env-file: cannot read env file \"/no/such\": ENOENT: no such file or directory, open '/no/such'",
  ],
  [
    ["--security-opt", "seccomp=/no/such"],
    "cannot read the seccomp profile \"/no/such\": ENOENT: no such file or directory, open '/no/such'",
  ],
];

for (const [args, message] of refused) {
  test(`a request for [${args.join(" ")}] is refused`, async () => {
    await expect(build(args)).rejects.toThrow(message);
  });
}

test("buildAttach adds stdin to the streams of -a when the container is interactive", () => {
  expect(buildAttach({ attach: ["STDERR"], interactive: true })).toEqual({
    AttachStdin: true,
    AttachStderr: true,
  });
});
