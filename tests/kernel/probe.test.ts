import { expect, test } from "bun:test";
import { findMounts, mounts } from "../support/golden/mounts.ts";
import { type Posture, postures } from "../support/golden/posture.ts";
import * as golden from "../support/golden/sections.ts";
import { type Found, useProbe } from "../support/probe.ts";

const stage = useProbe();

async function find(posture: Posture): Promise<Found> {
  if (posture.exec !== undefined) return await stage().exec(posture.exec, posture.flags);
  const options = posture.terminal ? { terminal: { cols: 80, rows: 24 } } : {};
  return await stage().run(posture.flags, ["all"], options);
}

/** The probe outside, with as little power over files as it has inside. */
async function findOutside({ uid, capabilities }: Posture): Promise<Found> {
  const powerful = uid === 0 && capabilities.length > 0;
  return powerful ? stage().outside : await stage().outsideAs(uid);
}

/** Of what is compared only in part, the rest of what was found. */
function fill<T>(expected: Record<string, T>, found: Record<string, T>): Record<string, T> {
  return { ...found, ...expected };
}

for (const [name, posture] of Object.entries(postures)) {
  test(`${name}: what a process finds around itself is as in the golden table`, async () => {
    const { outside } = stage();
    const found = await find(posture);
    const devices = golden.devices(posture);
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
      paths: golden.paths(posture, await findOutside(posture)),
      process: fill(golden.surroundings(posture), found.process),
      signals: golden.signals(),
      sysctls: fill(golden.sysctls, found.sysctls),
    });
  });
}
