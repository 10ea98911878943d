import { expect } from "bun:test";
import type { Finished } from "./process.ts";

/**
 * Expects a failure as a user should see it: this exit code, nothing on stdout, and on stderr one
 * sentence that fits `pattern`, perhaps with a hint and Docker's pointer to the help.
 */
export function expectRefusal(ran: Finished, code: number, pattern: RegExp | string): void {
  expect(ran.stderr).toMatch(pattern);
  expect(ran.code).toBe(code);
  const lines = ran.stderr
    .split("\n")
    .filter(
      (line) =>
        line !== "" && !/^(hint: |Run '|Unable to find image|\S+: Pulling from )/.test(line),
    );
  expect(lines).toHaveLength(1);
  expect(ran.stderr).not.toMatch(/\n\s+at |undefined|\[object|\bnull\b/);
}
