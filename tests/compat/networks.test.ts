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

const sleeper = ["busybox", "sleep", "1000"];
const same = (...args: string[]) => both(stage().world, args);

async function inspected<T>(name: string, format: string): Promise<T> {
  return JSON.parse(await docker("network", "inspect", "-f", `{{json ${format}}}`, name)) as T;
}

test("docker network create takes subnets, ranges, gateways, options and labels", async () => {
  const id = await docker(
    ...["network", "create", "--subnet", "10.90.0.0/16", "--ip-range", "10.90.5.0/24"],
    ...["--gateway", "10.90.0.9", "--aux-address", "printer=10.90.5.3", "--label", "a=b"],
    ...["--ipv6", "--subnet", "fd00:90::/64", "-o", "com.docker.network.driver.mtu=1400"],
    ...["--attachable", "wide"],
  );
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await inspected("wide", ".IPAM.Config")).toEqual(
    expect.arrayContaining([
      {
        Subnet: "10.90.0.0/16",
        IPRange: "10.90.5.0/24",
        Gateway: "10.90.0.9",
        AuxiliaryAddresses: { printer: "10.90.5.3" },
      },
      expect.objectContaining({ Subnet: "fd00:90::/64" }),
    ]),
  );
  const flags = "{{.EnableIPv4}} {{.EnableIPv6}} {{.Internal}} {{.Attachable}} {{.ConfigOnly}}";
  expect((await same("network", "inspect", "-f", flags, "wide")).stdout).toBe(
    "true true false true false\n",
  );
  expect(await inspected("wide", ".Options")).toEqual({ "com.docker.network.driver.mtu": "1400" });
  // Of a newer API, which the stock client does not speak, there is more at the end.
  const shown = "{{.Name}} {{json .IPAM}} {{json .Options}} {{json .Labels}} {{json .Containers}}";
  await same("network", "inspect", "-f", shown, "wide", "bridge", "host", "none");
  await same("network", "inspect", "--verbose", "-f", shown, id.slice(0, 12));
  await same("inspect", "--type", "network", "-f", shown, "wide");
  const [whole] = JSON.parse(await docker("network", "inspect", "wide"));
  const [ours] = JSON.parse(await stage().world.rtOutput(["network", "inspect", "wide"]));
  expect(ours).toMatchObject(whole);
  await same("inspect", "-f", "{{.Driver}} {{.Scope}}", "wide");
  expect(await docker("network", "rm", "wide")).toBe("wide");
});

test("docker network create makes a network of another's configuration", async () => {
  await docker("network", "create", "--config-only", "--subnet", "10.91.0.0/24", "settings");
  await docker("network", "create", "--config-from", "settings", "--internal", "from");
  expect(await inspected("from", ".IPAM.Config")).toEqual([
    expect.objectContaining({ Subnet: "10.91.0.0/24" }),
  ]);
  expect(
    await docker("network", "inspect", "-f", "{{.ConfigFrom.Network}} {{.Internal}}", "from"),
  ).toBe("settings true");
  await docker("network", "rm", "from", "settings");
});

test("docker network ls lists, filters and formats as rt does", async () => {
  await docker("network", "create", "--label", "team=a", "net10");
  await docker("network", "create", "--internal", "--label", "team=b", "net9");
  const lists = [
    [],
    ["-q"],
    ["--no-trunc"],
    ["--format", "json"],
    ["--format", "table {{.Name}}\t{{.Internal}}\t{{.IPv4}}\t{{.IPv6}}\t{{.Labels}}"],
    ["--format", '{{.Name}} {{.Label "team"}} {{.CreatedAt}}'],
    ["-f", "label=team"],
    ["-f", "label=team=b"],
    ["-f", "name=net"],
    ["-f", "driver=host"],
    ["-f", "type=custom"],
    ["-f", "type=builtin"],
    ["-f", "dangling=true"],
    ["-f", "scope=local"],
    ["-f", "nonsense=1"],
    ["-f", "bad"],
  ];
  for (const flags of lists) await same("network", "ls", ...flags);
  expect((await same("network", "ls", "-f", "name=net", "--format", "{{.Name}}")).stdout).toBe(
    "net9\nnet10\n",
  );
  await docker("network", "rm", "net9", "net10");
});

test("docker network rm, connect and disconnect are refused in one voice", async () => {
  await docker("network", "create", "--subnet", "10.92.0.0/24", "busy");
  await docker("create", "--name", "idle", "busybox");
  const commands = [
    ["network", "create", "busy"],
    ["network", "create", "bridge"],
    ["network", "create", "--subnet", "10.92.0.128/25", "overlapping"],
    ["network", "create", "--subnet", "nonsense", "x"],
    ["network", "create", "--subnet", "10.93.0.0/24", "--gateway", "10.94.0.1", "x"],
    ["network", "create", "--gateway", "10.94.0.1", "x"],
    ["network", "create", "--driver", "nonsense", "x"],
    ["network", "create", "--driver", "overlay", "x"],
    ["network", "create", "--ingress", "x"],
    ["network", "create", "--scope", "swarm", "x"],
    ["network", "create", "--config-from", "no-such", "x"],
    ["network", "create", "-o", "com.docker.network.driver.mtu=x", "x"],
    ["network", "create", "--driver", "host", "x"],
    ["network", "create", "--ipv4=false", "x"],
    ["network", "rm", "no-such"],
    ["network", "rm", "bridge"],
    ["network", "rm", "host", "none"],
    ["network", "rm", "-f", "no-such"],
    ["network", "inspect", "no-such"],
    ["inspect", "--type", "network", "no-such"],
    ["inspect", "no-such"],
    ["network", "connect", "no-such", "idle"],
    ["network", "connect", "busy", "no-such"],
    ["network", "connect", "host", "idle"],
    ["network", "connect", "--ip", "10.92.1.1", "busy", "idle"],
    ["network", "connect", "--ip", "nonsense", "busy", "idle"],
    ["network", "connect", "--link", "no-such:x", "bridge", "idle"],
    ["network", "connect", "bridge", "idle"],
    ["network", "connect", "--driver-opt", "x", "busy", "idle"],
    ["network", "disconnect", "no-such", "idle"],
    ["network", "disconnect", "busy", "no-such"],
    ["network", "disconnect", "busy", "idle"],
    ["network", "prune", "--filter", "nonsense=1", "-f"],
    ["network", "create"],
    ["network", "ls", "x"],
    ["network", "rm"],
    ["network", "connect", "busy"],
    ["network", "create", "--no-such-flag", "x"],
    ["port", "a", "b", "c"],
  ];
  for (const command of commands) await same(...command);
  await docker("rm", "idle");
  await docker("network", "rm", "busy");
});

test("a network with containers stays, and prune takes the others", async () => {
  await docker("network", "create", "used");
  await docker("network", "create", "unused");
  await docker("run", "-d", "--network", "used", "--name", "user", ...sleeper);
  const refused = await same("network", "rm", "used");
  expect(refused.stderr).toMatch(
    /error while removing network: network used has active endpoints \(name:"user" id:"[0-9a-f]{12}"\)/,
  );
  expect(await docker("network", "prune", "-f")).toBe("Deleted Networks:\nunused");
  expect((await same("network", "prune", "-f")).stdout).toBe("");
  await docker("rm", "-f", "user");
  await docker("network", "create", "again");
  expect(await docker("system", "prune", "-f")).toStartWith("Deleted Networks:\n");
  expect(await docker("network", "ls", "-q", "-f", "type=custom")).toBe("");
});

test("docker run gives a container its address, aliases and MAC in a network", async () => {
  await docker("network", "create", "--subnet", "10.95.0.0/24", "home");
  const shown = await docker(
    ...["run", "--rm", "--network", "home", "--ip", "10.95.0.77", "--network-alias", "me"],
    ...["--mac-address", "02:11:22:33:44:55", "busybox", "ip", "addr", "show", "eth0"],
  );
  expect(shown).toContain("inet 10.95.0.77/24 brd 10.95.0.255");
  expect(shown).toContain("02:11:22:33:44:55");
  await docker(
    ...["run", "-d", "--name", "one", "--network", "name=home,ip=10.95.0.78,alias=first"],
    ...["busybox", "sleep", "1000"],
  );
  const endpoint = '{{json (index .NetworkSettings.Networks "home")}}';
  const place = await bothJson(stage().world, ["inspect", "-f", endpoint, "one"]);
  expect(place).toMatchObject({
    IPAddress: "10.95.0.78",
    IPPrefixLen: 24,
    Gateway: "10.95.0.1",
    Aliases: ["first"],
    IPAMConfig: { IPv4Address: "10.95.0.78" },
  });
  const taken = await stage().world.docker([
    ...["run", "--rm", "--network", "home", "--ip", "10.95.0.78", "busybox", "true"],
  ]);
  expect(taken.code).toBe(125);
  expect(taken.stderr).toContain("Address already in use");
  await docker("rm", "-f", "one");
  await docker("network", "rm", "home");
});

test("docker run with several networks leads out by the one of highest priority", async () => {
  await docker("network", "create", "--subnet", "10.97.1.0/24", "first");
  await docker("network", "create", "--subnet", "10.97.2.0/24", "second");
  const attached = ["--network", "first", "--network", "name=second,gw-priority=5,ip=10.97.2.7"];
  const shown = await docker(
    "run",
    "--rm",
    ...attached,
    "busybox",
    "sh",
    "-c",
    "ip route; ip -o addr",
  );
  expect(shown).toContain("default via 10.97.2.1 ");
  expect(shown).toContain("inet 10.97.1.2/24");
  expect(shown).toContain("inet 10.97.2.7/24");
  await docker("network", "rm", "first", "second");
});

test("docker run finds containers by name, alias and link", async () => {
  await docker("network", "create", "named");
  const db = ["--network", "named", "--name", "db", "--network-alias", "store"];
  await docker("run", "-d", ...db, ...sleeper);
  for (const name of ["db", "store", "linked"]) {
    const ping = ["busybox", "ping", "-c", "1", "-W", "5", name];
    const ran = ["run", "--rm", "--network", "named", "--link", "db:linked", ...ping];
    expect(await docker(...ran)).toContain("1 packets received");
  }
  await docker("rm", "-f", "db");
  await docker("network", "rm", "named");
});

test("docker network connect and disconnect change a container that runs", async () => {
  await docker("network", "create", "--subnet", "10.96.0.0/24", "extra");
  await docker("run", "-d", "--name", "mover", "busybox", "sleep", "1000");
  await docker("network", "connect", "--ip", "10.96.0.50", "--alias", "a,b", "extra", "mover");
  expect(await docker("exec", "mover", "ip", "-4", "-o", "addr")).toContain("inet 10.96.0.50/24");
  await bothJson(stage().world, [
    ...["inspect", "-f", "{{json .NetworkSettings.Networks}}", "mover"],
  ]);
  const members = ["network", "inspect", "-f", "{{json .Containers}}", "extra"];
  expect(Object.values(await bothJson<object>(stage().world, members))).toEqual([
    expect.objectContaining({ Name: "mover", IPv4Address: "10.96.0.50/24" }),
  ]);
  // In no order at all: Docker's client goes through a map.
  const listed = await docker("ps", "--format", "{{.Networks}}", "--filter", "network=extra");
  expect(listed.split(",").sort()).toEqual(["bridge", "extra"]);
  await same("network", "connect", "extra", "mover");
  await docker("network", "disconnect", "extra", "mover");
  expect(await docker("exec", "mover", "ip", "-4", "-o", "addr")).not.toContain("10.96.0.50");
  await docker("network", "disconnect", "-f", "bridge", "mover");
  expect(await docker("inspect", "-f", "{{len .NetworkSettings.Networks}}", "mover")).toBe("0");
  await docker("rm", "-f", "mover");
  await docker("network", "rm", "extra");
});

test("docker events tells of networks what rt tells", async () => {
  const { world } = stage();
  const since = String(Math.floor(Date.now() / 1000));
  await docker("network", "create", "told");
  const id = await docker("run", "--rm", "-d", "--network", "told", ...sleeper);
  await docker("rm", "-f", id);
  await docker("network", "rm", "told");
  const until = String(Math.ceil(Date.now() / 1000));
  const about = ["--since", since, "--until", until, "--filter", "type=network"];
  const { stdout } = await both(world, ["events", ...about, "--filter", "network=told"]);
  const actions = stdout.match(/(?<= network )\w+/g);
  expect(actions).toEqual(["create", "connect", "disconnect", "destroy"]);
});

test("who says no to a prune is told nothing more, and has not failed", async () => {
  const { world } = stage();
  const no = { stdin: "n\n" };
  for (const what of ["network", "volume", "container", "image"]) {
    const { code, stdout } = await both(world, [what, "prune"], no);
    expect(code).toBe(0);
    expect(stdout).toEndWith("Are you sure you want to continue? [y/N] ");
  }
  const { stdout, ...all } = await world.docker(["system", "prune"], no);
  // There is no build cache here that could be removed.
  const without = stdout.replace("  - unused build cache\n", "");
  expect(await world.rt(["system", "prune"], no)).toEqual({ ...all, stdout: without });
});
