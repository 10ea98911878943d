import { expect, test } from "bun:test";
import { planSeccomp, type SeccompDefault } from "./seccomp.ts";

const builtin: SeccompDefault = { name: "builtin", profile: null };
const file: SeccompDefault = { name: "/etc/rt/profile.json", profile: "{}" };
const unconfined: SeccompDefault = { name: "unconfined", profile: null };
const defaults = 0xa80425fb;

test("planSeccomp: a container that asks for nothing gets what the daemon gives", () => {
  expect(planSeccomp({}, builtin)).toEqual({ profile: null, capabilities: defaults });
  expect(planSeccomp({}, file)).toEqual({ profile: "{}", capabilities: defaults });
  expect(planSeccomp({}, unconfined)).toBeNull();
});

test("planSeccomp: what it asks for wins, also over the daemon's", () => {
  const ask = (option: string, fallback = builtin) =>
    planSeccomp({ SecurityOpt: ["no-new-privileges", option] }, fallback);
  expect(ask("seccomp=unconfined")).toBeNull();
  expect(ask("seccomp:unconfined", file)).toBeNull();
  expect(ask("seccomp=builtin", unconfined)).toEqual({ profile: null, capabilities: defaults });
  const text = '{"defaultAction":"SCMP_ACT_ALLOW","x":"a=b:c\\n"}';
  expect(ask(`seccomp=${text}`, file)?.profile).toBe(text);
});

test("planSeccomp: a privileged container is filtered only if it asks to be", () => {
  expect(planSeccomp({ Privileged: true }, file)).toBeNull();
  const asked = planSeccomp({ Privileged: true, SecurityOpt: ["seccomp={}"] }, file);
  expect(asked).toEqual({ profile: "{}", capabilities: 2 ** 41 - 1 });
});

test("planSeccomp: the profile's conditions are about the container's capabilities", () => {
  const plan = planSeccomp({ CapDrop: ["ALL"], CapAdd: ["SYS_ADMIN"] }, builtin);
  expect(plan?.capabilities).toBe(2 ** 21);
});
