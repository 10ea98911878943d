import { beforeAll, expect } from "bun:test";
import { testIf } from "../support/needs.ts";
import { login, type Registry } from "../support/registry.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const test = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");

let registry: Registry;
beforeAll(async () => {
  registry = await stage().world.debianRegistry();
});

async function docker(...args: string[]): Promise<string> {
  const ran = await stage().world.docker(args);
  if (ran.code !== 0)
    throw new Error(`docker ${args.join(" ")} exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

async function digestOf(name: string): Promise<string> {
  const flags = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
  const ran = await stage().world.run(["skopeo", ...flags, `docker://${name}`]);
  return ran.stdout.trim();
}

test("docker push shows layers and the digest, and what is there already the second time", async () => {
  const name = `${registry.host}/a/busybox:v1`;
  await docker("tag", "busybox", name);
  const first = (await docker("push", name)).split("\n");
  expect(first[0]).toBe(`The push refers to repository [${registry.host}/a/busybox]`);
  expect(first.some((line) => /^[0-9a-f]{12}: Pushed$/.test(line))).toBe(true);
  const digest = await digestOf(name);
  expect(first.some((line) => line.startsWith(`v1: digest: ${digest} size: `))).toBe(true);
  const again = await docker("push", name);
  expect(again).toMatch(/^[0-9a-f]{12}: Layer already exists$/m);
  expect(again).not.toContain(": Pushed");
  await docker("rmi", name);
  await docker("run", "--rm", "--pull", "always", name, "true");
});

test("docker push -a pushes all tags, -q says the name", async () => {
  const name = `${registry.host}/all/busybox`;
  for (const tag of ["one", "two"]) await docker("tag", "busybox", `${name}:${tag}`);
  expect(await docker("push", "-q", "-a", name)).toBe(name);
  expect(await digestOf(`${name}:one`)).toBe(await digestOf(`${name}:two`));
});

test("docker push without an image, or without a login, fails in Docker's words", async () => {
  const { world } = stage();
  const none = await world.docker(["push", `${registry.host}/no/such`]);
  expect(none.code).toBe(1);
  expect(none.stderr).toContain("An image does not exist locally with the tag");
  const guarded = await world.debianRegistry({ auth: "basic" });
  const name = `${guarded.host}/a/busybox`;
  await docker("tag", "busybox", name);
  const refused = await world.docker(["push", name]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("denied");
  const flags = ["login", "-u", login.username, "--password-stdin", guarded.host];
  expect((await world.docker(flags, { stdin: login.password })).code).toBe(0);
  expect(await docker("push", name)).toMatch(/: Pushed$/m);
  await docker("logout", guarded.host);
});
