import { expect, test } from "bun:test";
import { findMounts, mounts } from "../support/golden/mounts.ts";
import { type Posture, postures } from "../support/golden/posture.ts";
import * as golden from "../support/golden/sections.ts";
import { testIf } from "../support/needs.ts";
import { type Found, parseProbe, useProbe } from "../support/probe.ts";
import { until } from "../support/until.ts";

const stage = useProbe();

/** The probe outside, with as little power over files as it has inside. */
async function findOutside({ uid, capabilities }: Posture): Promise<Found> {
  const powerful = uid === 0 && capabilities.length > 0;
  return powerful ? stage().outside : await stage().outsideAs(uid);
}

/** An AppArmor profile is in force. */
function isConfined({ process }: Found): boolean {
  return String(process.label).endsWith(" (enforce)");
}

/** Of what is compared only in part, the rest of what was found. */
function fill<T>(expected: Record<string, T>, found: Record<string, T>): Record<string, T> {
  return { ...found, ...expected };
}

for (const [name, posture] of Object.entries(postures)) {
  test(`${name}: what a process finds around itself is as in the golden table`, async () => {
    const { outside } = stage();
    const found = await stage().find(posture);
    const devices = golden.devices(posture, outside);
    expect({
      ...found,
      mounts: findMounts(found),
    }).toEqual({
      // Compared elsewhere.
      keyring: found.keyring,
      namespaces: found.namespaces,
      capabilities: fill(golden.capabilities(posture, outside), found.capabilities),
      descriptors: golden.descriptors(posture),
      // A privileged container has the machine's devices besides.
      devices: posture.openSystem ? fill(devices, found.devices) : devices,
      groups: golden.groups(posture),
      limits: golden.limits(posture, outside),
      made: golden.made(posture, outside),
      mounts: mounts(posture, outside),
      paths: golden.paths(posture, await findOutside(posture), isConfined(found)),
      process: fill(golden.surroundings(posture, outside), found.process),
      signals: golden.signals(),
      sysctls: fill(golden.sysctls, found.sysctls),
    });
  });
}

test("every namespace but the user's is the container's own, and an exec is in the same", async () => {
  const { world, outside } = stage();
  const id = await world.rtOutput(["run", "-d", "probe", "wait"]);
  const pid = await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", id]);
  const first = parseProbe(await world.rt(["exec", id, "/probe", "namespaces"])).namespaces;
  const shared = Object.keys(first).filter((name) => first[name] === outside.namespaces[name]);
  expect(shared).toEqual(["user"]);
  for (const [name, link] of Object.entries(first)) {
    expect((await world.run(["readlink", `/proc/${pid}/ns/${name}`])).stdout.trim()).toBe(link);
  }
  await world.rtOutput(["rm", "-f", id]);
});

test("a time namespace of its own shows the machine's time", async () => {
  const { process } = await stage().run();
  expect(process.timeOffsets).toBe(stage().outside.process.timeOffsets as string);
});

test("the session keyring is the container's own, and its program may not ask for it", async () => {
  const { outside } = stage();
  const inContainer = async (...flags: string[]) => (await stage().run(flags)).keyring;
  const one = (await inContainer("--privileged")).session;
  const other = (await inContainer("--privileged")).session;
  const ids = [outside.keyring.session, one, other].map((session) =>
    typeof session === "string" ? session : session.id,
  );
  expect(new Set(ids).size).toBe(3);
  for (const session of [one, other]) {
    expect(session).toMatchObject({
      description: expect.stringMatching(/^keyring;0;0;[0-9a-f]+;_ses/),
    });
  }
  expect(await inContainer()).toEqual({ session: "EPERM", keys: [] });
});

const withDocker = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");

withDocker(
  "the stock client's flags lead to the same postures, also by create and start",
  async () => {
    const { world, outside } = stage();
    const names = [
      ...["run", "run --privileged", "run --cap-drop ALL", "run --read-only"],
      ...["run --security-opt systempaths=unconfined", "run --security-opt no-new-privileges"],
    ];
    for (const name of names) {
      const posture = postures[name] as Posture;
      const created = await world.docker(["create", ...posture.flags, "probe", "all", "syscalls"]);
      const id = created.stdout.trim();
      const found = parseProbe(await world.docker(["start", "-a", id]));
      expect([name, found.capabilities]).toEqual([name, golden.capabilities(posture, outside)]);
      expect([name, findMounts(found)]).toEqual([name, mounts(posture, outside)]);
      expect([name, found.syscalls?.keyctl]).toEqual([
        name,
        posture.filtered ? "EPERM" : "EOPNOTSUPP",
      ]);
      await world.docker(["rm", id]);
    }
  },
);

test("a health check has the posture of an exec", async () => {
  const { world, outside } = stage();
  const daemon = world.daemonAlive();
  const second = 1_000_000_000;
  const test = ["CMD", "/probe", "capabilities", "descriptors", "groups"];
  const created = await daemon.post("/containers/create", {
    ...{ Image: "probe", Cmd: ["wait"] },
    Healthcheck: { Test: test, Interval: second, Timeout: 20 * second, Retries: 1 },
  });
  const { Id } = (await created.json()) as { Id: string };
  await world.rtOutput(["start", Id]);
  const log = await until("the first check", async () => {
    const { State } = await daemon.json<{ State: { Health?: { Log?: { Output: string }[] } } }>(
      `/containers/${Id}/json`,
    );
    return State.Health?.Log?.[0];
  });
  const found = JSON.parse(log.Output) as Found;
  const posture = postures.exec as Posture;
  expect(found.capabilities).toEqual(golden.capabilities(posture, outside));
  expect(Object.keys(found.descriptors)).toEqual(["0", "1", "2"]);
  expect(found.groups).toEqual(golden.groups(posture));
  await world.rtOutput(["rm", "-f", Id]);
});

test("a daemon that was killed and started again gives an exec the same posture", async () => {
  const { world, outside } = stage();
  const id = await world.rtOutput(["run", "-d", "--cap-add", "SYS_PTRACE", "probe", "wait"]);
  await world.daemonAlive().kill();
  await world.daemon();
  const posture = postures.exec as Posture;
  const capabilities = [...posture.capabilities, "SYS_PTRACE"];
  const found = parseProbe(await world.rt(["exec", id, "/probe", "all", "syscalls"]));
  expect(found.capabilities).toEqual(golden.capabilities({ ...posture, capabilities }, outside));
  expect([found.syscalls?.kcmp, found.syscalls?.keyctl]).toEqual(["ESRCH", "EPERM"]);
  expect(found.descriptors).toEqual(golden.descriptors(posture));
  await world.rtOutput(["rm", "-f", id]);
});
