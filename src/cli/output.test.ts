import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";

const output = join(import.meta.dir, "output.ts");

/** Runs `body` in a process of its own, the shell's `write`, whose stdout is `out`. */
async function run(body: string, shell: string) {
  const code = `import { Output } from "${output}"; const out = new Output(1);
    try { ${body}; await out.flush(); console.error("fine"); }
    catch (error) { console.error(error.name, error.message); }`;
  const child = Bun.spawn(["sh", "-c", `write() { "$RT_BUN" -e "$RT_CODE"; }; ${shell}`], {
    env: { ...process.env, RT_BUN: process.execPath, RT_CODE: code },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout: stdout.trim(), stderr: stderr.trim() };
}

const bulk = "await out.pipe(new Uint8Array(1_000_000).fill(120))";

test("Output writes text and bulk in order, all of it, to a reader that is slow", async () => {
  const body = `out.line("a"); await out.pipe(Buffer.from("b\\n")); out.line("c"); ${bulk}; out.line("d")`;
  const { stdout, stderr } = await run(body, "write | (sleep 0.2; cat)");
  expect(stdout.slice(0, 6)).toBe("a\nb\nc\n");
  expect(stdout.length).toBe(6 + 1_000_000 + 1);
  expect(stdout.endsWith("xd")).toBe(true);
  expect(stderr).toBe("fine");
});

test("Output writes on where its stdout stands in a file", async () => {
  const file = join(tmpdir(), `rt-output-${process.pid}`);
  const shell = `(echo first; write; echo last) > ${file}; cat ${file}; rm ${file}`;
  const { stdout } = await run('out.line("a"); out.line("b")', shell);
  expect(stdout).toBe("first\na\nb\nlast");
});

test("Output ends the command when its reader is gone, in text and in bulk", async () => {
  const text = 'for (let i = 0; i < 1000; i++) { out.line("x".repeat(1000)); await Bun.sleep(1); }';
  for (const body of [text, `while (true) ${bulk}`]) {
    expect((await run(body, "write | true")).stderr).toBe("OutputClosed");
  }
});

test("Output says why it cannot write", async () => {
  for (const body of ['out.line("x")', bulk]) {
    const { stderr } = await run(body, "write > /dev/full");
    expect(stderr).toStartWith("EngineError cannot write to stdout: ENOSPC");
  }
});
