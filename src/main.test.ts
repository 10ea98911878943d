import { expect, test } from "bun:test";
import { join } from "node:path";
import { version } from "../package.json";

const main = join(import.meta.dir, "main.ts");
const nowhere = "unix:///nonexistent/rt.sock";

async function rt(...args: string[]) {
  const child = Bun.spawn([process.execPath, main, ...args], {
    env: { ...process.env, RT_HOST: nowhere },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { exit: await child.exited, out, err };
}

const absent = `rt: cannot connect to the rt daemon at ${nowhere}: no such socket\nhint: is the daemon running? start it with 'rt daemon', or name another with -H\n`;

test("rt --version and -v print the version", async () => {
  for (const flag of ["--version", "-v"]) {
    expect(await rt(flag)).toEqual({ exit: 0, out: `rt version ${version}\n`, err: "" });
  }
});

test("rt without a command, and help, list the commands", async () => {
  const { exit, out } = await rt();
  expect(exit).toBe(0);
  expect(out).toContain("  container    Manage containers");
  expect(await rt("help")).toEqual({ exit, out, err: "" });
  expect(await rt("--help")).toEqual({ exit, out, err: "" });
});

test("an unknown command is told in Docker's words", async () => {
  expect(await rt("foo")).toEqual({
    exit: 1,
    out: "",
    err: "rt: unknown command: rt foo\n\nRun 'rt --help' for more information\n",
  });
  expect((await rt("image", "foo")).err).toStartWith("rt: unknown command: rt image foo\n");
  expect((await rt("constructor")).exit).toBe(1);
});

test("an unknown flag exits 125 and a missing argument 1, with the usage", async () => {
  expect(await rt("ps", "--foo")).toEqual({
    exit: 125,
    out: "",
    err: "unknown flag: --foo\n\nUsage:  rt ps [OPTIONS]\n\nRun 'rt ps --help' for more information\n",
  });
  const bare = await rt("run");
  expect(bare.err).toStartWith("rt: 'rt run' requires at least 1 argument\n");
  expect(bare.exit).toBe(1);
  expect((await rt("port")).err).toStartWith(
    "rt: 'rt port' requires at least 1 and at most 2 arguments\n",
  );
  expect((await rt("logs", "a", "b")).err).toStartWith("rt: 'rt logs' requires 1 argument\n");
  expect((await rt("--foo")).exit).toBe(125);
});

test("help for a command shows its flags and leaves those of the container alone", async () => {
  const { out, exit } = await rt("run", "--help");
  expect(exit).toBe(0);
  expect(out).toContain("USAGE rt run [OPTIONS] <IMAGE> [COMMAND] [ARG...]");
  expect(out).toContain("-e, --env=<list>");
  expect((await rt("run", "img", "--help")).err).toContain("cannot connect");
});

test("a daemon that is not there is told with a remedy; run exits 125 for it", async () => {
  expect(await rt("ps")).toEqual({ exit: 1, out: "", err: absent });
  expect(await rt("container", "ls")).toEqual({ exit: 1, out: "", err: absent });
  const { exit, err } = await rt("run", "hello-world");
  expect(exit).toBe(125);
  expect(err).toBe(`${absent}\nRun 'rt run --help' for more information\n`);
});

test("-H names a daemon before any variable", async () => {
  expect((await rt("-H", "unix:///other.sock", "ps")).err).toContain("at unix:///other.sock: ");
  expect((await rt("-H", "nonsense", "ps")).err).toStartWith('rt: invalid host "nonsense": ');
});
