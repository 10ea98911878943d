import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { Authority, type Identity } from "../support/certificates.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildBusybox } from "../support/images.ts";
import { until } from "../support/until.ts";
import { rtPath, World } from "../support/world.ts";

setDefaultTimeout(60_000);

const host = "tcp://127.0.0.1:2376";
let world: World;
let daemon: Daemon;
let ours: Authority;
let others: Authority;
let server: Identity;
let alice: Identity;
/** The right flags of a client. */
let verified: string[];

const flagsOf = (ca: string, identity?: Identity) => [
  ...["--tlsverify", "--tlscacert", ca],
  ...(identity === undefined ? [] : ["--tlscert", identity.cert, "--tlskey", identity.key]),
];

beforeAll(async () => {
  world = await World.create();
  const directory = world.path("certificates");
  await mkdir(directory);
  ours = await Authority.create(directory, "ours");
  others = await Authority.create(directory, "others");
  server = await ours.issue("server", "/CN=box", ["IP:127.0.0.1", "DNS:localhost"]);
  alice = await ours.issue("alice", "/O=Team/CN=alice\x1b[31m", []);
  verified = flagsOf(ours.ca, alice);
  const registry = await world.registry();
  await registry.push("library/busybox:latest", await buildBusybox());
  const listen = ["-H", host, ...flagsOf(ours.ca, server)];
  daemon = await world.daemon({ mirrors: [registry.url], flags: listen });
  await world.rtOutput(["pull", "-q", "busybox"]);
});

afterAll(async () => {
  await world.end();
});

const clients = [
  ["rt", (args: string[], env = {}) => world.rt(args, { env: { RT_HOST: "", ...env } })],
  ["docker", (args: string[], env = {}) => world.run(["docker", ...args], { env })],
] as const;

describe.each(clients)("%s over TLS", (name, run) => {
  const tls = (...args: string[]) => run(["-H", host, ...verified, ...args]);

  test("runs, attaches with input that ends, and gives the exit code", async () => {
    const container = `${name}-attached`;
    const program = name === "rt" ? rtPath : "docker";
    const command = [program, "-H", host, ...verified, ...interactive(container)];
    const begun = world.spawn(command, { stdin: "line\n" });
    const { code, stdout, stderr } = await begun.finished();
    expect([code, stdout, stderr]).toEqual([7, "got line\n", "the end\n"]);
  });

  test("follows logs, executes with input, and copies", async () => {
    const container = `${name}-lives`;
    const script = "echo one; while [ ! -e /go ]; do sleep 0.1; done; echo two";
    const started = await tls("run", "-d", "--name", container, "busybox", "sh", "-c", script);
    expect([started.code, started.stderr]).toEqual([0, ""]);
    const following = tls("logs", "-f", container);
    const file = world.path(`${name}.txt`);
    await writeFile(file, "a".repeat(3_000_000));
    expect((await tls("cp", file, `${container}:/file`)).code).toBe(0);
    const counted = await tls("exec", container, "wc", "-c", "/file");
    expect([counted.code, counted.stdout.trim()]).toEqual([0, "3000000 /file"]);
    expect((await tls("exec", container, "touch", "/go")).code).toBe(0);
    expect((await following).stdout).toBe("one\ntwo\n");
    expect((await tls("rm", container)).code).toBe(0);
  });

  test("finds host, mode and certificates in the environment", async () => {
    const directory = world.path(`${name}-env`);
    await mkdir(directory);
    for (const [file, from] of [
      ["ca", ours.ca],
      ["cert", alice.cert],
      ["key", alice.key],
    ] as const) {
      await Bun.write(`${directory}/${file}.pem`, Bun.file(from));
    }
    const env = {
      DOCKER_HOST: "tcp://localhost:2376",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: directory,
    };
    const { code, stderr } = await run(["ps"], env);
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("is refused without a certificate, with a stranger's, and with an old one", async () => {
    const stranger = await others.issue(`${name}-stranger`, "/CN=mallory", []);
    const late = await ours.issue(`${name}-late`, "/CN=alice", [], -1);
    for (const identity of [undefined, stranger, late]) {
      const { code, stdout } = await run(["-H", host, ...flagsOf(ours.ca, identity), "ps"]);
      expect([code, stdout]).toEqual([1, ""]);
    }
    expect((await run(["-H", host, "ps"])).code).toBe(1);
  });
});

function interactive(container: string): string[] {
  const script = "read x; echo got $x; while read y; do :; done; echo the end >&2; exit 7";
  return ["run", "-i", "--rm", "--name", container, "busybox", "sh", "-c", script];
}

describe("rt says what is wrong with", () => {
  async function failure(...args: string[]): Promise<string> {
    const { code, stderr } = await world.rt(["-H", ...args, "ps"]);
    expect(code).toBe(1);
    return stderr;
  }

  test("the daemon's certificate", async () => {
    expect(await failure(host, ...flagsOf(others.ca, alice))).toMatch(
      /its certificate is not trusted/,
    );
    // 127.0.0.2 is the same daemon to the kernel, but it listens on 127.0.0.1 alone.
    const elsewhere = await world.rt(["-H", "tcp://box:2376", ...verified, "ps"]);
    expect(elsewhere.code).toBe(1);
  });

  test("ours", async () => {
    const late = await ours.issue("late", "/CN=alice", [], -1);
    const stranger = await others.issue("stranger", "/CN=mallory", []);
    expect(await failure(host, ...flagsOf(ours.ca))).toMatch(/asks for a client certificate/);
    expect(await failure(host, ...flagsOf(ours.ca, late))).toMatch(
      /certificate in --tlscert has to be valid/,
    );
    expect(await failure(host, ...flagsOf(ours.ca, stranger))).toMatch(
      /certificate in --tlscert has to be valid/,
    );
  });

  test("files, and with the protocol", async () => {
    expect(await failure(host, ...flagsOf("/nowhere.pem", alice))).toMatch(
      /could not read TLS CA certificate "\/nowhere.pem"/,
    );
    expect(await failure(host, ...flagsOf(ours.ca, { cert: ours.ca, key: server.key }))).toMatch(
      /^rt: /,
    );
    expect(await failure(host)).toMatch(/if it wants TLS, give --tlsverify/);
  });
});

describe("the daemon", () => {
  async function refused(...flags: string[]): Promise<string> {
    const roots = ["--data-root", world.path("no"), "--run-root", world.path("no-run")];
    const { code, stderr } = await world.rt(["daemon", ...roots, ...flags]);
    // An address that is in use is another daemon's.
    expect(code).toBe(stderr.includes("in use") ? 3 : 1);
    return stderr;
  }

  test("never serves TCP without certificates of its clients", async () => {
    for (const flags of [[], ["--tls"], ["--tlsverify=false"], ["--tls", "--tlscacert", ours.ca]]) {
      for (const address of ["tcp://127.0.0.1:2375", "tcp://0.0.0.0:2375", "tcp://[::1]"]) {
        expect(await refused("-H", address, ...flags)).toMatch(
          /^rt: refusing to listen on tcp:.*--tlsverify/,
        );
      }
    }
    const file = world.path("daemon.json");
    await writeFile(file, JSON.stringify({ hosts: ["tcp://127.0.0.1:2375"], tls: true }));
    expect(await refused("--config", file)).toMatch(/refusing to listen/);
  });

  test("says which of its own files is wrong", async () => {
    const with_ = (ca: string, identity: Identity) =>
      refused("-H", "tcp://127.0.0.1:2399", ...flagsOf(ca, identity));
    expect(await with_("/nowhere.pem", server)).toMatch(
      /read the TLS CA certificate "\/nowhere.pem"/,
    );
    expect(await with_(ours.ca, { ...server, key: alice.key })).toMatch(
      /certificate and key do not fit/,
    );
    expect(await refused("-H", "tcp://127.0.0.1:99999", "--tlsverify")).toMatch(/cannot listen on/);
    expect(await refused("-H", host, ...flagsOf(ours.ca, server))).toMatch(/cannot listen on/);
  });

  test("takes the same from its settings file", async () => {
    const file = world.path("tls.json");
    const settings = { hosts: ["tcp://127.0.0.1:2377"], tlsverify: true, tlscacert: ours.ca };
    await writeFile(
      file,
      JSON.stringify({ ...settings, tlscert: server.cert, tlskey: server.key }),
    );
    const second = await world.daemon({ name: "b", flags: ["--config", file] });
    const { code } = await world.rt(["-H", "tcp://127.0.0.1:2377", ...verified, "ps"]);
    expect(code).toBe(0);
    await second.stop();
  });

  test("logs the subject of the certificate with what it changed, and no byte that steers a terminal", async () => {
    await world.rtOutput(["-H", host, ...verified, "volume", "create", "logged"]);
    const line = /POST \/volumes\/create 201 by O="Team" CN="alice.*\[31m" from 127\.0\.0\.1/;
    await until("the line", async () => line.test(await daemon.log()));
    expect(await daemon.log()).not.toContain("\x1b");
  });

  test("is not held up by those that never shake hands", async () => {
    const script = `const { connect } = require("node:net");
      const held = Array.from({ length: 200 }, () => connect(2376, "127.0.0.1"));
      Promise.all(held.map((each) => new Promise((done) => each.on("connect", done)))).then(() =>
        console.log("held"));`;
    const holder = world.spawn([process.execPath, "-e", script]);
    await holder.prints("held");
    expect((await world.rt(["-H", host, ...verified, "ps"])).code).toBe(0);
    process.kill(await world.innerPid(holder), "SIGKILL");
    await holder.finished();
  });
});
