import { expect, test } from "bun:test";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage({ pulled: [] });

test("a name that is no reference is refused before the daemon is asked", async () => {
  const { world } = stage();
  for (const name of [
    "",
    "-x",
    "a b",
    "a//b",
    "a:b:c",
    "a@sha256:12",
    "../../etc/passwd",
    "a:".padEnd(200, "t"),
  ]) {
    const ran = await world.rt(["pull", "--", name]);
    expect([name, ran.code !== 0]).toEqual([name, true]);
    expectRefusal({ ...ran, stdout: "" }, ran.code, /invalid reference format|requires/);
  }
});

test("capital letters are named as the reason", async () => {
  const ran = await stage().world.rt(["run", "--rm", "Hello-World"]);
  expectRefusal(ran, 125, "repository name (library/Hello-World) must be lowercase");
});

test("an image that no registry has is refused with the words of Docker", async () => {
  const ran = await stage().world.rt(["run", "--rm", "no-such-image"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toStartWith("Unable to find image 'no-such-image:latest' locally\n");
  expect(ran.stderr).toMatch(/not found|pull access denied|manifest unknown/);
  expect(await stage().world.rtOutput(["ps", "-aq"])).toBe("");
});

test("a container name with forbidden letters is refused", async () => {
  const { world } = stage();
  await world.rtOutput(["pull", "-q", "busybox"]);
  for (const name of ["a b", "-x", "ä", "a/b", "."]) {
    const ran = await world.rt(["create", `--name=${name}`, "busybox"]);
    expectRefusal(ran, 125, /Invalid container name|name/);
  }
});

test("a flag's value that makes no sense is refused, and its name given", async () => {
  const { world } = stage();
  for (const flag of [
    "--memory=lots",
    "--cpus=-1",
    "--pids-limit=x",
    "--env-file=/not/there",
    "--network=",
    "--volume=relative:path:ro:more",
    "--mount=type=none",
    "--mount=type=bind",
    "--pull=sometimes",
    "--cap-add=FLYING",
    "--stop-signal=NOPE",
    "--platform=a/b/c/d",
    "--user=-1",
    "--workdir=relative",
  ]) {
    const ran = await world.rt(["run", "--rm", flag, "busybox", "true"]);
    expect([flag, ran.code]).toEqual([flag, 125]);
    expect([flag, ran.stderr !== "" && !/\n\s+at |undefined/.test(ran.stderr)]).toEqual([
      flag,
      true,
    ]);
    expect(ran.stdout).toBe("");
  }
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
});

test("an unknown command is refused with 1 or 125 and the way to the help", async () => {
  const ran = await stage().world.rt(["fly"]);
  expect([1, 125]).toContain(ran.code);
  expect(ran.stderr).toContain("fly");
  expect(ran.stderr).toContain("--help");
});

test("without root the daemon does not start and says so", async () => {
  const { world } = stage();
  const user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  await world.run(["chmod", "755", world.root]);
  const flags = ["--data-root", "/tmp/rt-none", "--run-root", "/tmp/rt-none-run"];
  const ran = await world.run([
    ...user,
    rtPath,
    "daemon",
    ...flags,
    "-H",
    "unix:///tmp/rt-none.sock",
  ]);
  expectRefusal(ran, 1, /root/);
});

test("without the right to the socket the client says what is missing", async () => {
  const { world } = stage();
  const user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const ran = await world.run([...user, rtPath, "ps"]);
  expectRefusal(ran, 1, "permission denied");
});
