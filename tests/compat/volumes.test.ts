import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const test = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");

async function docker(...args: string[]): Promise<string> {
  const ran = await stage().world.docker(args);
  if (ran.code !== 0)
    throw new Error(`docker ${args.join(" ")} exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

test("docker volume create, ls, inspect, rm and prune", async () => {
  const { world } = stage();
  expect(await docker("volume", "create", "--label", "a=b", "one")).toBe("one");
  expect(await docker("volume", "ls")).toBe(await world.rtOutput(["volume", "ls"]));
  for (const format of ["{{json .}}", "{{.Name}} {{.Labels}} {{.Size}} {{.Mountpoint}}"]) {
    const list = ["volume", "ls", "--format", format];
    expect(await docker(...list)).toBe(await world.rtOutput(list));
  }
  expect(await docker("volume", "inspect", "one")).toBe(
    await world.rtOutput(["volume", "inspect", "one"]),
  );
  const id = await docker("create", "-v", "one:/data", "busybox");
  const refused = await world.docker(["volume", "rm", "one"]);
  expect(refused.stderr).toContain(`remove one: volume is in use - [${id}]`);
  await docker("rm", id);
  expect(await docker("volume", "rm", "one")).toBe("one");
  await docker("volume", "create");
  expect(await docker("volume", "prune", "-f")).toMatch(
    /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B$/,
  );
});

test("docker run mounts what its flags say", async () => {
  const { world } = stage();
  const dir = world.path("mounted");
  await mkdir(dir);
  const run = (script: string, ...flags: string[]) =>
    docker("run", "--rm", ...flags, "busybox", "sh", "-c", script);
  await run("mkdir /v/sub; echo x > /v/sub/f", "-v", "vol:/v");
  const subpath = "type=volume,src=vol,dst=/s,volume-subpath=sub";
  expect(await run("cat /s/f", "--mount", subpath)).toBe("x");
  const giver = await docker("create", "-v", "vol:/v", "-v", `${dir}:/d:ro`, "busybox");
  expect(
    await run("cat /v/sub/f; touch /d/x 2>/dev/null || echo ro", "--volumes-from", giver),
  ).toBe("x\nro");
  await docker("rm", giver);
  const options = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m"];
  await docker("volume", "create", ...options, "mem");
  expect(await run("grep -c ' /m tmpfs .*size=1024k' /proc/mounts", "-v", "mem:/m")).toBe("1");
  const bind = `type=bind,src=${dir},dst=/b,readonly,bind-recursive=writable`;
  expect(await run("touch /b/x 2>/dev/null || echo ro", "--mount", bind)).toBe("ro");
  const refused = await world.docker(["run", "--rm", "-v", "/a:/b:odd", "busybox"]);
  expect(refused.code).toBe(125);
  await docker("volume", "rm", "vol", "mem");
});
