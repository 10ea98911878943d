import { expect } from "bun:test";
import { both, bothJson } from "../support/both.ts";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const test = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");

async function docker(...args: string[]): Promise<string> {
  const ran = await stage().world.docker(args);
  if (ran.code !== 0)
    throw new Error(`docker ${args.join(" ")} exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

/** A template that scripts use: the ports of a container, a line each. */
const portLines =
  "{{range $port, $all := .NetworkSettings.Ports}}{{$port}}{{range $all}} {{.HostIp}}/{{.HostPort}}{{end}}\n{{end}}";
const same = (...args: string[]) => both(stage().world, args);

async function publish(name: string, ...flags: string[]): Promise<void> {
  await docker("run", "-d", "--name", name, ...flags, "busybox", "sleep", "1000");
}

test("docker port and ps show what is published as rt does", async () => {
  await docker("network", "create", "--ipv6", "six");
  await publish(
    ...[
      "web",
      "--network",
      "six",
      "-p",
      "8080:80",
      "-p",
      "127.0.0.1:8443:443",
      "-p",
      "5353:53/udp",
    ],
    ...["-p", "9000-9002:9000-9002", "-p", "[::1]:8081:81", "--expose", "7000-7001"],
  );
  const ports = (await same("port", "web")).stdout;
  expect(ports).toContain("80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n");
  expect(ports).toContain("81/tcp -> [::1]:8081\n");
  expect(ports).toContain("443/tcp -> 127.0.0.1:8443\n");
  expect((await same("port", "web", "53/udp")).stdout).toContain("0.0.0.0:5353\n");
  await same("port", "web", "9001");
  await same("port", "web", "12345");
  await same("port", "no-such");
  expect((await same("ps", "--format", "{{.Ports}}")).stdout).toContain(
    "0.0.0.0:9000-9002->9000-9002/tcp",
  );
  for (const field of [".NetworkSettings.Ports", ".HostConfig.PortBindings"])
    await bothJson(stage().world, ["inspect", "-f", `{{json ${field}}}`, "web"]);
  await same("inspect", "-f", portLines, "web");
  await same(
    "inspect",
    "-f",
    '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
    "web",
  );
  for (const [filter, found] of [
    ["publish=8080", "web\n"],
    ["publish=8443-8444/tcp", "web\n"],
    ["publish=5353/udp", "web\n"],
    ["publish=443", ""],
    ["publish=8080/udp", ""],
    ["expose=443", "web\n"],
  ] as const) {
    const listed = await same("ps", "--format", "{{.Names}}", "--filter", filter);
    expect([filter, listed.stdout]).toEqual([filter, found]);
  }
  await docker("stop", "-t", "0", "web");
  expect((await same("port", "web")).stdout).toBe("");
  await same("ps", "-a", "--format", "{{.Names}} [{{.Ports}}]");
  await docker("rm", "web");
  await docker("network", "rm", "six");
});

test("docker run -P and a range give ports of the engine's choice", async () => {
  await publish("any", "-P", "--expose", "80", "-p", "8100-8110:81");
  expect(await docker("port", "any", "80")).toMatch(/^0\.0\.0\.0:\d+$/);
  expect(await docker("port", "any", "81")).toMatch(/^0\.0\.0\.0:81(0\d|10)$/);
  await docker("rm", "-f", "any");
});

test("a port that is taken is refused by both in the same words", async () => {
  await publish("first", "-p", "8200:80");
  const { world } = stage();
  const run = ["run", "--rm", "-p", "8200:80", "busybox", "true"];
  const [theirs, ours] = [await world.docker(run), await world.rt(run)];
  for (const { code, stderr } of [theirs, ours]) {
    expect(code).toBe(125);
    expect(stderr).toContain("Bind for 0.0.0.0:8200 failed: port is already allocated");
  }
  expect(await docker("ps", "-aq", "--filter", "status=created")).toBe("");
  await docker("rm", "-f", "first");
});

test("rt update publishes and unpublishes what docker then shows", async () => {
  const { world } = stage();
  await publish("live", "-p", "8300:80");
  expect(await world.rtOutput(["update", "--publish-add", "127.0.0.1:8301:81/udp", "live"])).toBe(
    "live\npublished 81/udp -> 127.0.0.1:8301",
  );
  expect(await docker("port", "live", "81/udp")).toBe("127.0.0.1:8301");
  const moved = ["update", "--publish-rm", "80", "--publish-add", "8302:80", "live"];
  expect((await world.rtOutput(moved)).split("\n")).toEqual(
    expect.arrayContaining([
      "unpublished 80/tcp -> 0.0.0.0:8300",
      "published 80/tcp -> 0.0.0.0:8302",
    ]),
  );
  expect(await docker("port", "live", "80")).toStartWith("0.0.0.0:8302");
  const absent = await world.rt(["update", "--publish-rm", "9999", "live"]);
  expect(absent.code).toBe(1);
  await docker("restart", "-t", "0", "live");
  expect(await docker("port", "live", "80")).toStartWith("0.0.0.0:8302");
  await docker("rm", "-f", "live");
});
