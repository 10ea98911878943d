import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

async function failures(runner: "bun" | "cargo", log: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "rt-failures-"));
  try {
    await writeFile(join(root, "log"), log);
    const script = join(import.meta.dir, "failures.sh");
    const { stdout, stderr } = Bun.spawnSync([script, runner, join(root, "log")]);
    expect(stderr.toString()).toBe("");
    return stdout.toString();
  } finally {
    await rm(root, { recursive: true });
  }
}

test("a failed test and a failed hook are named with their files and reasons", async () => {
  const log = `
tests/api/a.test.ts:
(pass) fine [1.00ms]
12 | expect(1).toBe(2)
error: expect(received).toBe(expected)

Expected: 2
Received: 1

      at <anonymous> (/r/tests/api/a.test.ts:12:3)
(fail) not fine [2.00ms]
(fail) too long [60000.00ms]
  ^ this test timed out after 60000ms.

tests/api/b.test.ts:
(pass) fine too [1.00ms]
error: tests/api/b.test.ts left behind:
process 12: [rt]
${"x".repeat(500)}
      at end (/r/tests/support/world.ts:188:40)
(fail) (unnamed) [5110.89ms]

# Unhandled error between tests
-------------------------------
error: late
      at late (/r/tests/api/b.test.ts:1:4)
-------------------------------

3 tests failed:
(fail) not fine [2.00ms]
(fail) too long [60000.00ms]
(fail) (unnamed) [5110.89ms]

 2 pass
 3 fail
`;
  expect(await failures("bun", log)).toBe(`tests/api/a.test.ts: (fail) not fine [2.00ms]
    error: expect(received).toBe(expected)
    Expected: 2
    Received: 1
tests/api/a.test.ts: (fail) too long [60000.00ms]
    ^ this test timed out after 60000ms.
tests/api/b.test.ts: (fail) (unnamed) [5110.89ms]
    error: tests/api/b.test.ts left behind:
    process 12: [rt]
    ${"x".repeat(200)}…
tests/api/b.test.ts: # Unhandled error between tests
    error: late
`);
});

test("a failed test of Rust is named with its program and reason", async () => {
  const log = `     Running unittests src/lib.rs (target/debug/deps/layer-1)
test a ... ok
test b::c ... FAILED

failures:

---- b::c stdout ----

thread 'b::c' (12) panicked at layer/src/x.rs:3:5:
assertion failed: false
note: run with \`RUST_BACKTRACE=1\`

failures:
    b::c

test result: FAILED. 1 passed; 1 failed; 0 ignored
`;
  expect(await failures("cargo", log)).toBe(`unittests src/lib.rs: b::c
    thread 'b::c' (12) panicked at layer/src/x.rs:3:5:
    assertion failed: false
`);
});

test("a log without failures says nothing", async () => {
  expect(await failures("bun", "a.test.ts:\n(pass) x [1ms]\n\n 1 pass\n 0 fail\n")).toBe("");
});
