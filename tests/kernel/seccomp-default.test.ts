/** `rt daemon --seccomp-profile`: what containers get that ask for nothing. */
import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage();

const denyMkdir = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 30 }],
};

/** A daemon beside the stage's own: how a container of it makes a directory, and what `info` says. */
async function ask(name: string, flags: string[]) {
  const { world, registry } = stage();
  const daemon = await world.daemon({ name, mirrors: [registry.url], flags });
  const client = ["-H", `unix://${daemon.socket}`];
  const run = async (...options: string[]) => {
    const ran = await world.rt([
      ...[...client, "run", "--rm", "-q", ...options, "busybox", "sh", "-c"],
      "mkdir /x; grep ^Seccomp: /proc/self/status | tr -d '\t'",
    ]);
    return `${ran.stderr}${ran.stdout}`;
  };
  const answers = { plain: await run(), builtin: await run("--security-opt", "seccomp=builtin") };
  const info = JSON.parse(await world.rtOutput([...client, "info", "-f", "json"]));
  await daemon.stop();
  return { ...answers, options: info.SecurityOptions, warnings: info.Warnings };
}

test("a file is what all containers get that name no other", async () => {
  const path = stage().world.path("deny.json");
  await Bun.write(path, JSON.stringify(denyMkdir));
  const { plain, builtin, options, warnings } = await ask("file", ["--seccomp-profile", path]);
  expect(plain).toBe("mkdir: can't create directory '/x': Read-only file system\nSeccomp:2\n");
  expect(builtin).toBe("Seccomp:2\n");
  expect(options).toContain(`name=seccomp,profile=${path}`);
  expect(warnings).toContain("WARNING: daemon is not using the default seccomp profile");
});

test("the settings file can turn filters off", async () => {
  const path = stage().world.path("settings.json");
  await Bun.write(path, JSON.stringify({ "seccomp-profile": "unconfined" }));
  const { plain, builtin, options } = await ask("off", ["--config", path]);
  expect(plain).toBe("Seccomp:0\n");
  expect(builtin).toBe("Seccomp:2\n");
  expect(options).toContain("name=seccomp,profile=unconfined");
});

test("a daemon does not start with a profile that cannot be used", async () => {
  const { world } = stage();
  const bad = world.path("bad.json");
  await Bun.write(bad, JSON.stringify({ defaultAction: "SCMP_ACT_MAYBE" }));
  for (const [name, file, words] of [
    ["absent", "/no/such.json", "opening seccomp profile (/no/such.json) failed: ENOENT"],
    ["bad", bad, 'invalid seccomp profile: unknown action "SCMP_ACT_MAYBE"'],
  ] as const) {
    const started = world.daemon({ name, flags: ["--seccomp-profile", file] });
    const failure = await started.then(String, String);
    expect(failure).toContain(words);
  }
});
