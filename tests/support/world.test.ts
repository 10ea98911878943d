import { expect, setDefaultTimeout, test } from "bun:test";
import { buildBusybox } from "./images.ts";
import { World } from "./world.ts";

setDefaultTimeout(60_000);

test("a world has its own network, mounts and processes, and ends what runs in it", async () => {
  const world = await World.create();
  const { stdout } = await world.run(["sh", "-c", "echo $$; ip -o link | wc -l"]);
  expect(stdout).toMatch(/^\d{1,2}\n1\n$/);
  const sleeper = world.spawn(["sleep", "1000"]);
  await world.innerPid(sleeper);
  await world.end();
  expect((await sleeper.finished()).code).not.toBe(0);
});

test("the end of a world fails if a mount is left in it", async () => {
  const world = await World.create();
  await world.run(["mount", "-t", "tmpfs", "left", "/mnt"]);
  await expect(world.end(200)).rejects.toThrow("mount / /mnt");
});

test("the end of a world fails if a process of the daemon's cgroup is left in it", async () => {
  const world = await World.create();
  const left = world.spawnInCgroup(["bash", "-c", "exec -a rt-monitor sleep 1000"]);
  await world.innerPid(left);
  await expect(world.end(200)).rejects.toThrow("process");
});

test("Debian's registry takes a push with no login, a password and a token", async () => {
  await using world = await World.create();
  const image = await buildBusybox();
  for (const auth of [undefined, "basic", "bearer"] as const) {
    const registry = await world.debianRegistry(auth === undefined ? {} : { auth });
    await registry.push("library/busybox:latest", image);
    const reply = await registry.request("/v2/library/busybox/manifests/latest", {
      headers: { accept: image.mediaType },
    });
    expect(reply.status).toBe(auth === undefined ? 200 : 401);
  }
});
