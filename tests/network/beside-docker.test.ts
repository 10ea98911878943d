/** Docker's own daemon on the same host: each of the two engines works, whichever was there first. */
import { afterAll, afterEach, expect } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { Envoy } from "../support/envoy.ts";
import { foreignRules, removeForeignRules } from "../support/firewalls.ts";
import { worldAddresses } from "../support/hosts.ts";
import { type Member, useMembers } from "../support/members.ts";
import { testIf } from "../support/needs.ts";
import type { Running } from "../support/process.ts";
import { until } from "../support/until.ts";

const members = useMembers();
// The tests of the other engine's side need the engine, which is no part of the set-up.
const hasDocker = Bun.which("dockerd") !== null;
const withDocker = hasDocker
  ? testIf(true, "")
  : testIf(process.env.RT_MUST_RUN !== "1", "dockerd");

let dockerd: Running | undefined;
let guest: Envoy | undefined;
const docker = () => `unix://${members().world.path("docker.sock")}`;

async function startDocker(): Promise<void> {
  const { world } = members();
  const place = (name: string) => world.path(name);
  const roots = ["--data-root", place("docker"), "--exec-root", place("docker-run")];
  const command = ["dockerd", "-H", docker(), ...roots, "-p", place("docker.pid")];
  // Where a busy containerd writes down what it was doing.
  const env = { TMPDIR: place("docker-tmp") };
  await mkdir(env.TMPDIR, { recursive: true });
  dockerd = world.spawnInCgroup(command, { timeoutMs: 2 ** 31 - 1, env });
  await until(
    "dockerd to answer",
    async () => (await world.run(["docker", "-H", docker(), "version"])).code === 0,
    60_000,
  );
  const tar = `tar -C / -c "$(command -v busybox)" | docker -H ${docker()} import - box`;
  expect((await world.run(["sh", "-c", tar])).code).toBe(0);
}

async function stopDocker(): Promise<void> {
  const { world } = members();
  if (dockerd === undefined) return;
  await world.run(["docker", "-H", docker(), "rm", "-f", "guest"]);
  guest?.end();
  const pid = (await readFile(world.path("docker.pid"), "utf8").catch(() => "")).trim();
  if (pid !== "") await world.run(["kill", pid]);
  await dockerd.finished();
  [dockerd, guest] = [undefined, undefined];
  await world.run(["ip", "link", "del", "docker0"]);
}

/** Docker's container, with port 80 published at 7070, and an envoy in it. */
async function guestOfDocker(): Promise<Envoy> {
  const { world } = members();
  const busybox = Bun.which("busybox") ?? "";
  const run = ["run", "-d", "--name", "guest", "-p", "7070:80", "box", busybox, "sleep", "1000"];
  const ran = await world.run(["docker", "-H", docker(), ...run]);
  expect(ran.stderr).toBe("");
  const look = ["docker", "-H", docker(), "inspect", "-f", "{{.State.Pid}}", "guest"];
  guest = Envoy.in(world, Number((await world.run(look)).stdout));
  await guest.serve("guest", { port: 80 });
  return guest;
}

async function works(envoy: Envoy, name: string, port: number): Promise<string[]> {
  const { far, world } = members().hosts;
  const found: string[] = [];
  const look = async (what: string, call: Promise<unknown>) => {
    if ((await call.catch(() => undefined)) !== undefined) found.push(`${name} ${what}`);
  };
  const outward = await far.envoy.serve("far", { address: far.ipv4 });
  const timeout = 1500;
  await look("out", envoy.call({ address: far.ipv4, port: outward, timeout }));
  await look("in", far.envoy.call({ address: worldAddresses.ipv4, port, timeout }));
  await look("loopback", world.call({ address: "127.0.0.1", port, timeout }));
  return found;
}

const all = (name: string) => [`${name} out`, `${name} in`, `${name} loopback`];

async function ours(): Promise<Member> {
  const web = await members().member("web", { ports: ["8080:80"] });
  await web.envoy.serve("web", { port: 80 });
  const peer = await members().member("peer");
  expect(await peer.envoy.call({ address: web.ipv4, port: 80 })).toEqual(
    expect.objectContaining({ server: "web", seen: peer.ipv4 }),
  );
  return web;
}

/** As it was before either came. */
async function clear(): Promise<void> {
  const { world } = members();
  await stopDocker();
  await members().clear();
  expect(await members().daemon.stop()).toBe(0);
  await removeForeignRules(world);
  await world.run(["sysctl", "-qw", "net.ipv4.ip_forward=0"]);
  await world.daemon();
}

afterEach(clear);
afterAll(stopDocker);

withDocker("a docker that comes second works, and so do we", async () => {
  const web = await ours();
  await startDocker();
  const envoy = await guestOfDocker();
  expect(await works(envoy, "guest", 7070)).toEqual(all("guest"));
  expect(await works(web.envoy, "web", 8080)).toEqual(all("web"));
});

withDocker("a docker that was there first goes on, and its rules stay as they are", async () => {
  // Else Docker would switch it on, and set the policy of all that is forwarded to drop.
  await members().world.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  await startDocker();
  const envoy = await guestOfDocker();
  const before = await foreignRules(members().world);
  const web = await ours();
  expect(await works(web.envoy, "web", 8080)).toEqual(all("web"));
  expect(await works(envoy, "guest", 7070)).toEqual(all("guest"));
  expect(await foreignRules(members().world)).toBe(before);
});

withDocker(
  "where a docker drops what is forwarded, that is told with what to do about it",
  async () => {
    // It does where it is the one to switch forwarding on.
    await startDocker();
    await members().start("web", { ports: ["8080:80"] });
    const warnings = async () =>
      (await members().daemon.json<{ Warnings: string[] | null }>("/info")).Warnings ?? [];
    const found = await until("a warning", async () =>
      (await warnings()).find((warning) => warning.includes("FORWARD")),
    );
    expect(found).toMatch(/drops what is forwarded/);
    const { world } = members();
    for (const side of ["-i", "-o"]) {
      const rule = ["DOCKER-USER", side, "rt0+", "-j", "ACCEPT"];
      expect((await world.run(["iptables", "-I", ...rule])).code).toBe(0);
    }
    const peer = await members().member("peer");
    const outward = await members().hosts.far.envoy.serve("far", { address: "198.51.100.2" });
    expect(await peer.envoy.call({ address: "198.51.100.2", port: outward })).toEqual(
      expect.objectContaining({ server: "far", seen: worldAddresses.ipv4 }),
    );
  },
);
