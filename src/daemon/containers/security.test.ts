import { expect, test } from "bun:test";
import { EngineError } from "../../errors.ts";
import { checkAppArmor, chooseAppArmor, parseSecurityOptions, planAppArmor } from "./security.ts";

function refusal(option: string): [string, string] {
  try {
    parseSecurityOptions([option]);
  } catch (error) {
    if (error instanceof EngineError) return [error.code, error.message];
  }
  throw new Error(`"${option}" was accepted`);
}

test("switches take the words of Go, and stand for true when alone", () => {
  for (const name of ["no-new-privileges", "writable-cgroups"]) {
    const field = name === "no-new-privileges" ? "noNewPrivileges" : "writableCgroups";
    for (const word of ["", "=true", ":true", "=1", "=T"])
      expect(parseSecurityOptions([name + word]), word).toEqual({ [field]: true });
    for (const word of ["=false", ":false", "=0", "=F"])
      expect(parseSecurityOptions([name + word]), word).toEqual({ [field]: false });
    expect(refusal(`${name}=maybe`)).toEqual([
      "invalid_argument",
      `invalid --security-opt: "${name}=maybe"`,
    ]);
  }
});

test("the last one counts, and what is not asked for is left open", () => {
  expect(parseSecurityOptions([])).toEqual({});
  expect(parseSecurityOptions(["no-new-privileges", "no-new-privileges=false"])).toEqual({
    noNewPrivileges: false,
  });
});

test("what would change nothing is taken, and what nobody knows is refused", () => {
  expect(parseSecurityOptions(["label=disable", "label:disable", "disable"])).toEqual({});
  for (const option of ["", "x", "x=y", "No-New-Privileges", "systempaths=unconfined"])
    expect(refusal(option)[0], option).toBe("invalid_argument");
  expect(refusal("label=type:svirt_apache_t")[0]).toBe("not_implemented");
});

const having = { appArmor: true };
const lacking = { appArmor: false };
const asking = (profile: string) => ({ SecurityOpt: [`apparmor=${profile}`] });

test("the default AppArmor profile is for all but privileged containers, where there is AppArmor", () => {
  expect(chooseAppArmor({}, having)).toBe("docker-default");
  expect(planAppArmor({}, having)).toBe("docker-default");
  expect(chooseAppArmor({ Privileged: true }, having)).toBe("unconfined");
  expect(planAppArmor({ Privileged: true }, having)).toBeNull();
  expect(planAppArmor({ Privileged: true, ...asking("mine") }, having)).toBe("mine");
  expect(planAppArmor(asking("unconfined"), having)).toBeNull();
  expect(chooseAppArmor({}, lacking)).toBe("");
  expect(planAppArmor(asking("docker-default"), lacking)).toBeNull();
});

test("a profile of one's own is refused where it could not be applied", () => {
  for (const profile of ["unconfined", "docker-default"]) checkAppArmor(asking(profile), lacking);
  checkAppArmor(asking("mine"), having);
  expect(() => checkAppArmor(asking("mine"), lacking)).toThrow(
    'AppArmor is not available on this kernel: profile "mine" cannot be applied',
  );
});
