/** When containers, networks and the daemon are gone, the host is as it was before the first of them. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { useMembers } from "../support/members.ts";
import { until } from "../support/until.ts";

const members = useMembers();

/** Everything of the host that a network could leave a trace in, by what it is. */
async function look(): Promise<Record<string, string[]>> {
  const { world } = members();
  const lines = async (...command: string[]) => {
    const { stdout } = await world.run(command);
    return stdout.split("\n").filter((line) => line !== "");
  };
  const settings = await lines(
    "sysctl",
    "-a",
    "--pattern",
    "^net\\.(ipv[46]\\.(conf|ip_forward)|bridge)",
  );
  const processes = [...(await world.namespace.processes()).values()];
  const { runRoot } = members().lastDaemon;
  return {
    interfaces: await lines("ip", "-brief", "link"),
    addresses: await lines("ip", "-brief", "address"),
    routes: await lines("ip", "route", "show", "table", "all"),
    routes6: await lines("ip", "-6", "route", "show", "table", "all"),
    rules: await lines("nft", "list", "ruleset"),
    settings: settings.filter((line) => !/\.(stable_secret|mc_forwarding) /.test(line)),
    processes: processes.filter((line) => /\brt daemon\b|monitor/.test(line)),
    cgroups: (await world.cgroups()).filter((path) => !/\/rt-(containers|daemon)(\/|$)/.test(path)),
    files: (await readdir(runRoot, { recursive: true }).catch(() => [])).filter((file) =>
      /monitor|names|networks?\/|resolv|hosts/.test(file),
    ),
  };
}

/** Networks of all kinds, with containers on several, ports, changes while they run. */
async function live(): Promise<void> {
  await members().network("wide", { ipv6: true });
  await members().network("inward", { internal: true });
  await members().network("six", { ipv4: false, ipv6: true });
  const options = { "com.docker.network.bridge.enable_icc": "false" };
  await members().network("mute", { options });
  const ports = ["8080:80", "127.0.0.1:8081:81/udp", "[::1]:8082:80"];
  const web = await members().member("web", { network: "wide", ports });
  const plain = await members().member("plain", { ports: ["8090:80"] });
  for (const network of ["inward", "six", "mute"]) await members().connect(network, web.id);
  await members().connect("wide", plain.id);
  await members().disconnect("inward", web.id);
  await web.envoy.lookup({ names: ["plain", "web"] });
  await members().world.rtOutput(["run", "--rm", "--network", "wide", "busybox", "true"]);
}

let before: Awaited<ReturnType<typeof look>>;

/** A wire that was kept ready may take a moment to be gone. */
async function expectAsBefore(): Promise<void> {
  const isSame = async () => Bun.deepEquals(await look(), before);
  await until("everything to be as before", isSame).catch(() => undefined);
  expect(await look()).toEqual(before);
}

test("nothing of networks is left after prune and the daemon's end", async () => {
  await members().daemon.stop();
  before = await look();
  await members().world.daemon();
  await live();
  await members().clear();
  expect(await members().daemon.stop()).toBe(0);
  await expectAsBefore();
});

test("nor after the end of a daemon with networks and no container", async () => {
  await members().world.daemon();
  await live();
  const list = await members().daemon.json<{ Id: string }[]>("/containers/json?all=true");
  for (const { Id } of list) await members().remove(Id);
  expect(await members().daemon.stop()).toBe(0);
  await expectAsBefore();
  // And the networks are there again with the next.
  const daemon = await members().world.daemon();
  const networks = await daemon.json<{ Name: string }[]>("/networks");
  expect(networks.map(({ Name }) => Name)).toContain("wide");
  const guest = await members().member("guest", { network: "wide", ports: ["8080:80"] });
  await guest.envoy.serve("guest", { port: 80 });
  expect(await members().hosts.far.envoy.call({ address: "192.0.2.1", port: 8080 })).toEqual(
    expect.objectContaining({ server: "guest" }),
  );
});

test("a daemon that is killed leaves nothing that the next does not clear away", async () => {
  await members().clear();
  await members().daemon.stop();
  await members().world.daemon();
  await live();
  await members().daemon.kill();
  await members().world.daemon();
  await members().clear();
  expect(await members().daemon.stop()).toBe(0);
  await expectAsBefore();
});
