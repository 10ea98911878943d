import { expect, test } from "bun:test";
import { EngineError } from "../../errors.ts";
import { parseSecurityOptions } from "./security.ts";

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
