import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage();

test("the exit code of the container's program is rt's own", async () => {
  expect((await stage().sh("exit 42")).code).toBe(42);
});

test("a program that a signal ends gives 128 and the signal's number", async () => {
  expect((await stage().sh("kill -TERM $$", ["--init"])).code).toBe(143);
});

test("stdout and stderr of the container come apart, each in order", async () => {
  const ran = await stage().sh("echo a; echo b >&2; echo c; echo d >&2");
  expect(ran).toEqual({ code: 0, stdout: "a\nc\n", stderr: "b\nd\n" });
});

test("a program that is not there exits 127 with Docker's words and leaves no container", async () => {
  const { world } = stage();
  const ran = await world.rt(["run", "--name", "absent", "busybox", "no-such-program"]);
  expect(ran.code).toBe(127);
  expect(ran.stderr).toContain('"no-such-program": executable file not found in $PATH');
  await world.rt(["rm", "absent"]);
});

test("a file that is no program exits 126 with permission denied", async () => {
  const ran = await stage().world.rt(["run", "--rm", "busybox", "/etc/passwd"]);
  expect(ran.code).toBe(126);
  expect(ran.stderr).toContain("permission denied");
});

test("an unknown flag exits 125 and points to the help", async () => {
  const ran = await stage().world.rt(["run", "--no-such-flag", "busybox"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain("--no-such-flag");
  expect(ran.stderr).toContain("rt run --help");
});

test("flags after the image belong to the program", async () => {
  const ran = await stage().world.rt(["run", "--rm", "busybox", "echo", "-n", "--rm", "-h"]);
  expect(ran).toEqual({ code: 0, stdout: "--rm -h", stderr: "" });
});

test("with -i stdin reaches the program, and its end ends it", async () => {
  const { world } = stage();
  const text = "x".repeat(200_000);
  const ran = await world.rt(["run", "--rm", "-i", "busybox", "cat"], { stdin: text });
  expect(ran.code).toBe(0);
  expect(ran.stdout).toHaveLength(text.length);
  expect(ran.stdout === text).toBe(true);
});

test("with -i an answer comes while stdin is still open", async () => {
  const cat = stage().world.spawnRt(["run", "--rm", "-i", "busybox", "cat"], { stdin: "open" });
  cat.write("one\n");
  await cat.prints("one\n");
  cat.write("two\n");
  await cat.prints("one\ntwo\n");
  cat.closeInput();
  expect(await cat.finished()).toEqual({ code: 0, stdout: "one\ntwo\n", stderr: "" });
});

test("without -i stdin is empty", async () => {
  const ran = await stage().sh("cat; echo end", [], { stdin: "not for the container\n" });
  expect(ran.stdout).toBe("end\n");
});

test("20 MB of output arrive whole and in order", async () => {
  const ran = await stage().sh("seq 1 2500000 | md5sum; seq 1 2500000");
  const sum = ran.stdout.slice(0, 32);
  const rest = ran.stdout.slice(ran.stdout.indexOf("\n") + 1);
  expect(new Bun.CryptoHasher("md5").update(rest).digest("hex")).toBe(sum);
});

test("-d prints the id and leaves the container running", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await world.rtOutput(["inspect", "-f", "{{.State.Running}}", id])).toBe("true");
  expect(await world.rtOutput(["rm", "-f", id])).toBe(id);
});

test("-t gives the program a terminal of the size of the user's, and follows its changes", async () => {
  const { world } = stage();
  const script =
    "test -t 0 && test -t 1 && stty size; while read x && [ $x = go ]; do stty size; done; exit 7";
  const shell = world.spawnRt(["run", "--rm", "-it", "busybox", "sh", "-c", script], {
    terminal: { cols: 91, rows: 33 },
    env: { TERM: "xterm" },
  });
  await shell.prints("33 91\r\n");
  shell.resize(70, 20);
  // The new size travels beside the input, so it is asked for until it has arrived.
  await until("the new size", async () => {
    const seen = shell.stdout.length;
    shell.write("go\n");
    await until("an answer", () => /\d\r\n$/.test(shell.stdout.slice(seen)));
    return shell.stdout.endsWith("20 70\r\n");
  });
  shell.write("end\n");
  expect((await shell.finished()).code).toBe(7);
});

test("-t writes both streams to one, with a carriage return at each line's end", async () => {
  const ran = await stage().sh("echo a; echo b >&2", ["-t"]);
  expect(ran).toEqual({ code: 0, stdout: "a\r\nb\r\n", stderr: "" });
});

test("control-C on a terminal interrupts the program", async () => {
  const shell = stage().world.spawnRt(
    [
      "run",
      "--rm",
      "-it",
      "busybox",
      "sh",
      "-c",
      "trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.1; done",
    ],
    { terminal: { cols: 80, rows: 24 }, env: { TERM: "xterm" } },
  );
  await shell.prints("up");
  shell.write("\x03");
  await shell.prints("caught");
  expect((await shell.finished()).code).toBe(3);
});

test("a signal to the client is passed on to the program", async () => {
  const { world } = stage();
  const script = "trap 'echo caught; exit 5' TERM; echo up; while :; do sleep 0.1; done";
  const client = world.spawnRt(["run", "--rm", "busybox", "sh", "-c", script]);
  await client.prints("up");
  process.kill(await world.innerPid(client), "SIGTERM");
  const ended = await client.finished();
  expect(ended).toEqual({ code: 5, stdout: "up\ncaught\n", stderr: "" });
});

test("-a stdout alone shows nothing of stderr", async () => {
  const { world } = stage();
  const script = "echo a; echo b >&2";
  const ran = await world.rt(["run", "--rm", "-a", "stdout", "busybox", "sh", "-c", script]);
  expect(ran).toEqual({ code: 0, stdout: "a\n", stderr: "" });
});

test("a reader that leaves early ends the client without a word", async () => {
  const pipe = '"$1" run --rm busybox seq 1 1000000 | head -n 1';
  const ran = await stage().world.run(["sh", "-c", pipe, "sh", rtPath]);
  expect(ran).toEqual({ code: 0, stdout: "1\n", stderr: "" });
});
