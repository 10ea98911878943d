import { expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function said(
  script: string,
  flags: string[] = [],
  env: Record<string, string> = {},
): Promise<string> {
  const ran = await stage().sh(script, flags, { env });
  if (ran.code !== 0) throw new Error(`exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

test("-e sets a variable, passes one on, and leaves one out that is not set", async () => {
  const flags = ["-e", "A=1 2=3", "-e", "PASSED", "-e", "NOT_SET"];
  expect(await said('echo "$A|$PASSED|${NOT_SET-none}"', flags, { PASSED: "yes" })).toBe(
    "1 2=3|yes|none",
  );
});

test("--env-file is read line by line, comments left out, and -e wins over it", async () => {
  const file = stage().world.path("env");
  await writeFile(file, "# no\n\nA=from file\nB=$x 'y'\nPASSED\n");
  const flags = ["--env-file", file, "-e", "A=flag"];
  expect(await said('echo "$A|$B|$PASSED"', flags, { PASSED: "on" })).toBe("flag|$x 'y'|on");
});

test("the image's environment, HOME and HOSTNAME are set", async () => {
  expect(await said('echo "$PATH|$HOME|$HOSTNAME"', ["--hostname", "here"])).toBe(
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|/root|here",
  );
});

test("TERM is set with -t only", async () => {
  expect(await said('echo "${TERM-none}"')).toBe("none");
  expect(await said('echo "${TERM-none}"', ["-t"])).toBe("xterm");
});

test("-w sets the working directory and makes it", async () => {
  expect(await said("pwd", ["-w", "/made/for this"])).toBe("/made/for this");
});

test("-u takes a name, numbers, and a group, looked up in the image", async () => {
  expect(await said("id -u; id -g; echo $HOME", ["-u", "guest"])).toBe("405\n100\n/");
  expect(await said("id -u; id -g", ["-u", "1234:56"])).toBe("1234\n56");
  expect(await said("id -G", ["-u", "guest"])).toBe("100 50");
  expect(await said("id -u; id -g", ["-u", "guest:staff"])).toBe("405\n50");
});

test("-u with a name the image does not know is refused", async () => {
  const ran = await stage().sh("true", ["-u", "nobody-here"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain("unable to find user nobody-here");
});

test("--entrypoint replaces the image's program and drops its arguments", async () => {
  const ran = await stage().world.rt([
    "run",
    "--rm",
    "--entrypoint",
    "/bin/echo",
    "busybox",
    "a",
    "b",
  ]);
  expect(ran.stdout).toBe("a b\n");
});

test("the program is process 1, and with --init its child that is reaped", async () => {
  expect(await said("echo $$")).toBe("1");
  expect(await said("echo $$", ["--init"])).not.toBe("1");
});

test("--hostname names the machine, and without it the short id does", async () => {
  expect(await said("hostname", ["--hostname", "box"])).toBe("box");
  expect(await said("hostname")).toMatch(/^[0-9a-f]{12}$/);
});

test("--label is kept and can be asked for", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "--label", "a=b", "-l", "c", "busybox"]);
  expect(await world.rtOutput(["inspect", "-f", '{{index .Config.Labels "a"}}', id])).toBe("b");
  expect(await world.rtOutput(["ps", "-aq", "--no-trunc", "--filter", "label=c"])).toBe(id);
  await world.rtOutput(["rm", id]);
});

test("a container has Docker's default capabilities, --cap-add and --cap-drop change them", async () => {
  const effective = "grep CapEff /proc/self/status | cut -f2";
  expect(await said(effective)).toBe("00000000a80425fb");
  expect(await said(effective, ["--cap-add", "SYS_ADMIN"])).toBe("00000000a82425fb");
  expect(await said(effective, ["--cap-drop", "ALL", "--cap-add", "CHOWN"])).toBe(
    "0000000000000001",
  );
  expect(await said(effective, ["-u", "guest"])).toBe("0000000000000000");
});

test("--privileged gives every capability, the host's devices and a writable /sys", async () => {
  const script =
    "grep CapEff /proc/self/status | cut -f2; grep -c ' /sys sysfs rw' /proc/mounts; test -e /dev/kmsg";
  const [capabilities = "", writable] = (await said(script, ["--privileged"])).split("\n");
  const status = await readFile("/proc/self/status", "utf8");
  expect(capabilities).toBe(/CapBnd:\s+(\w+)/.exec(status)?.[1] ?? "");
  expect(writable).toBe("1");
});

test("--stop-signal is what `rt stop` sends", async () => {
  const { world } = stage();
  const script = "trap 'exit 9' USR1; echo up; while :; do sleep 0.1; done";
  const id = await world.rtOutput([
    "run",
    "-d",
    "--stop-signal",
    "USR1",
    "busybox",
    "sh",
    "-c",
    script,
  ]);
  await world.printed(id, "up");
  await world.rtOutput(["stop", id]);
  expect(await world.rtOutput(["inspect", "-f", "{{.State.ExitCode}}", id])).toBe("9");
  await world.rtOutput(["rm", id]);
});

test("--platform of another processor is refused before anything is made", async () => {
  const ran = await stage().world.rt(["run", "--rm", "--platform", "linux/s390x", "hello-world"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain("linux/s390x");
});
