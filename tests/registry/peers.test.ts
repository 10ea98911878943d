/** Two machines, one of which serves images to the other: `rt registry` beyond loopback. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { Authority } from "../support/certificates.ts";
import { outsideAddress, removeOutside, runOutside } from "../support/outside.ts";
import type { Running } from "../support/process.ts";
import { expectRefusal } from "../support/sentence.ts";
import { rtPath, World } from "../support/world.ts";

setDefaultTimeout(60_000);

const [user, password] = ["alice", "right horse"];
const host = `${outsideAddress}:5000`;
const app = `${host}/team/app:v1`;
let world: World;
let archive: string;
let users: string;
let identity: { cert: string; key: string };
let peer: Running | undefined;

beforeAll(async () => {
  world = await World.create();
  identity = await (await Authority.create(world.root, "ca")).issue("peer", "/CN=peer", [
    `IP:${outsideAddress}`,
  ]);
  users = world.path("users");
  const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
  await writeFile(users, `${user}:${hash.replace("$2b$", "$2y$")}\n`);
  const near = await world.registry();
  await near.push("hello:v1", await buildHelloImage());
  archive = world.path("hello.tar");
  await skopeo(
    "copy",
    "--src-tls-verify=false",
    `docker://${near.host}/hello:v1`,
    `oci-archive:${archive}`,
  );
});
afterEach(async () => {
  if (peer === undefined) return;
  process.kill(await world.innerPid(peer), "SIGTERM");
  expect((await peer.finished()).code).toBe(0);
  peer = undefined;
  await removeOutside(world);
});
afterAll(async () => {
  await world?.end();
});

async function skopeo(...args: string[]): Promise<void> {
  const ran = await world.run(["skopeo", "--insecure-policy", ...args]);
  if (ran.code !== 0) throw new Error(`skopeo ${args.join(" ")}: ${ran.stderr}`);
}

/** Starts a registry on the other machine and pushes the image to it from this one. */
async function serve(flags: string[], ...push: string[]): Promise<string> {
  const root = world.path(`peer-${crypto.randomUUID().slice(0, 8)}`);
  const command = [rtPath, "registry", "--root", root, "--listen", `${outsideAddress}:5000`];
  peer = await runOutside(world, [...command, ...flags]);
  const said = await peer.prints("listening on", "stderr");
  await skopeo("copy", ...push, `oci-archive:${archive}`, `docker://${app}`);
  return said;
}

test("an image is pulled over plain http from a machine that is named as insecure", async () => {
  const said = await serve([], "--dest-tls-verify=false");
  expect(said).toContain("warning: whoever reaches this address may pull, push and delete");
  const strict = await world.daemon();
  expectRefusal(await world.rt(["pull", app]), 1, "server gave HTTP response to HTTPS client");
  await strict.kill();
  await using daemon = disposable(await world.daemon({ flags: ["--insecure-registry", host] }));
  expect((await world.rt(["run", "--rm", app])).stdout).toStartWith("Hello from rt!");
  expect(daemon.pid).toBeGreaterThan(0);
  await world.rtOutput(["rmi", app]);
});

test("an image is pulled over https by who has a password, and by nobody else", async () => {
  const tls = ["--tls-cert", identity.cert, "--tls-key", identity.key];
  const creds = `--dest-creds=${user}:${password}`;
  const said = await serve([...tls, "--htpasswd", users], creds, "--dest-tls-verify=false");
  expect(said).toContain(`listening on https://${host}`);
  expect(said).not.toContain("warning");
  await using daemon = disposable(await world.daemon({ flags: ["--insecure-registry", host] }));
  expect(daemon.pid).toBeGreaterThan(0);
  const refused = await world.rt(["pull", app]);
  expectRefusal(refused, 1, /pull access denied/);
  const login = (word: string) =>
    world.rt(["login", "-u", user, "--password-stdin", host], { stdin: word });
  expect((await login("wrong horse")).code).not.toBe(0);
  expect((await login(password)).stdout).toContain("Login Succeeded");
  expect((await world.rt(["run", "--rm", app])).stdout).toStartWith("Hello from rt!");
  await world.docker(["login", "-u", user, "--password-stdin", host], { stdin: password });
  const docker = await world.docker(["pull", app]);
  expect(docker.stdout).toContain("Image is up to date");
  const pushed = `${host}/other/app:v2`;
  await world.rtOutput(["tag", app, pushed]);
  await world.rtOutput(["push", pushed]);
  await world.rtOutput(["rmi", app, pushed]);
  expect((await world.rt(["run", "--rm", pushed])).stdout).toStartWith("Hello from rt!");
  await world.rtOutput(["rmi", pushed]);
});

test("a registry that cannot be served as asked says why", async () => {
  const start = (...flags: string[]) =>
    world.rt(["registry", "--root", world.path("none"), "--listen", "127.0.0.1:0", ...flags]);
  const half = await start("--tls-cert", identity.cert);
  expect(half.stderr).toContain("--tls-cert and --tls-key go together");
  expectRefusal(await start("--htpasswd", world.path("absent")), 1, "no such file");
  await writeFile(world.path("plain"), "alice:secret\n");
  const plain = await start("--htpasswd", world.path("plain"));
  expectRefusal(plain, 1, "line 1 is not NAME:HASH with a hash of bcrypt");
  expect(plain.stderr).not.toContain("secret");
  const mixed = await start("--tls-cert", users, "--tls-key", identity.key);
  expectRefusal(mixed, 1, "cannot use the certificate");
});

function disposable<T extends { kill(): Promise<void> }>(it: T): T & AsyncDisposable {
  return Object.assign(it, { [Symbol.asyncDispose]: () => it.kill() });
}
