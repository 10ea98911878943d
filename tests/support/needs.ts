import { test } from "bun:test";

/** Declares a test: its name, a sentence, and its body. */
export type Declare = (name: string, body: () => Promise<void> | void) => void;

/**
 * `test` if the need is met. Otherwise a skip, or with RT_MUST_RUN=1 a test that fails and says why:
 * what is skipped in silence is not tested.
 */
export function testIf(met: boolean, need: string): Declare {
  if (met) return (name, body) => test(name, body);
  if (process.env.RT_MUST_RUN !== "1") return (name, body) => test.skip(name, body);
  return (name) =>
    test(name, () => {
      throw new Error(`cannot run: ${need}`);
    });
}
