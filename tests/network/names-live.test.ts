/** Names of containers that are connected and disconnected while they run. */
import { expect, test } from "bun:test";
import { withResolvConf } from "../support/fake-dns.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ wrapper: withResolvConf("nameserver 10.9.9.9\n") });
const rt = (...args: string[]): Promise<string> => stage().world.rtOutput(args);

const start = (name: string, ...flags: string[]): Promise<string> =>
  rt("run", "-d", "--name", name, ...flags, "busybox", "sleep", "1000");

const inside = (name: string, script: string): Promise<string> =>
  rt("exec", name, "sh", "-c", script);

/** Whether one container finds another by its name. */
async function finds(name: string, other: string): Promise<boolean> {
  const ran = await stage().world.rt(["exec", name, "ping", "-c", "1", "-w", "5", other]);
  if (ran.code !== 0) expect(ran.stderr).toContain("bad address");
  return ran.code === 0;
}

const addressIn = (network: string, name: string): Promise<string> =>
  rt("inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);

test("the first network of the user's brings a resolver along, and its files", async () => {
  await rt("network", "create", "back");
  await start("web");
  await start("db", "--network", "back", "--network-alias", "store");
  expect(await finds("web", "db")).toBe(false);
  const before = await inside("web", "cat /etc/hosts; ls -i /etc/hosts /etc/resolv.conf");
  await rt("network", "connect", "--alias", "site", "back", "web");
  for (const name of ["db", "store", "db.back"]) expect(await finds("web", name)).toBe(true);
  for (const name of ["web", "site", "site.back"]) expect(await finds("db", name)).toBe(true);
  expect(await inside("web", "cat /etc/resolv.conf")).toMatch(/^nameserver 127\.0\.0\.11$/m);
  const after = await inside("web", "cat /etc/hosts; ls -i /etc/hosts /etc/resolv.conf");
  const own = `${await addressIn("back", "web")}\t${await inside("web", "hostname")}\n`;
  expect(after.replace(own, "")).toBe(before);
  await rt("network", "disconnect", "back", "web");
  expect(await inside("web", "cat /etc/hosts; ls -i /etc/hosts /etc/resolv.conf")).toBe(before);
  expect(await finds("web", "db")).toBe(false);
  expect(await finds("db", "web")).toBe(false);
  const resolver = await inside("web", "nslookup -type=a www.example.org || true");
  expect(resolver).toContain("Address:\t127.0.0.11:53");
  await rt("network", "connect", "back", "web");
  expect(await finds("web", "db")).toBe(true);
  await rt("rm", "-f", "web", "db");
});

test("what a container's user has written stays", async () => {
  await rt("network", "create", "mine");
  await start("web");
  await inside(
    "web",
    "echo '10.0.0.7 theirs' >>/etc/hosts; echo 'nameserver 10.0.0.8' >/etc/resolv.conf",
  );
  await rt("network", "connect", "mine", "web");
  const hosts = await inside("web", "cat /etc/hosts");
  expect(hosts).toContain("10.0.0.7 theirs\n");
  expect(hosts).toContain(`${await addressIn("mine", "web")}\t`);
  expect(await inside("web", "cat /etc/resolv.conf")).toBe("nameserver 10.0.0.8");
  await rt("network", "disconnect", "mine", "web");
  expect(await inside("web", "cat /etc/hosts")).toContain("10.0.0.7 theirs");
  await rt("rm", "-f", "web");
});

test("a resolver that came later goes on after a restart of the daemon, and of the container", async () => {
  const { world } = stage();
  await rt("network", "create", "later");
  await start("web");
  await rt("network", "connect", "later", "web");
  await start("db", "--network", "later");
  await world.daemonAlive().kill();
  await world.daemon({ wrapper: withResolvConf("nameserver 10.9.9.9\n") });
  expect(await finds("web", "db")).toBe(true);
  await rt("restart", "-t", "0", "web");
  expect(await finds("web", "db")).toBe(true);
  expect(await inside("web", "cat /etc/resolv.conf")).toMatch(/^nameserver 127\.0\.0\.11$/m);
  await rt("rm", "-f", "web", "db");
});
