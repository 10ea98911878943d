import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { buildImage, buildIndex, hostArchitecture, type Image } from "../../scripts/image.ts";
import { UploadPeer } from "../../src/oci/registry/testing/upload-peer.ts";
import type { Daemon } from "../support/daemon.ts";
import { FrailLine } from "../support/frail-line.ts";
import { login, type Registry, relay } from "../support/registry.ts";
import { expectRefusal } from "../support/sentence.ts";
import { until } from "../support/until.ts";
import { rtPath, World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let daemon: Daemon;
let source: Registry;
let hello: Image;
let large: Image;

beforeAll(async () => {
  world = await World.create();
  daemon = await world.daemon();
  source = await world.registry();
  hello = await buildHelloImage();
  const content = new Uint8Array(randomBytes(11_000_001));
  const layers = [[{ name: "large", content }], [{ name: "small", content: "above it" }]];
  large = buildImage({ layers, config: { Cmd: ["/large"] }, compression: "gzip" });
  await source.push("base/hello:1", hello);
  await source.push("base/large:1", large);
  for (const name of ["hello", "large"])
    await world.rtOutput(["pull", "-q", `${source.host}/base/${name}:1`]);
});
afterAll(async () => {
  await world?.end();
});

/** What skopeo finds under a name: the manifest's bytes, all of whose blobs it has fetched and compared. */
async function fetchWhole(name: string, options: string[] = []): Promise<string> {
  const target = world.path(`copy-${Math.random()}`);
  const flags = ["--src-tls-verify=false", ...options];
  const ran = await world.run(["skopeo", "copy", ...flags, `docker://${name}`, `dir:${target}`]);
  if (ran.code !== 0) throw new Error(`skopeo: ${ran.stderr}`);
  return await Bun.file(`${target}/manifest.json`).text();
}

const textOf = ({ manifest }: Image): string => new TextDecoder().decode(manifest);

async function tag(from: string, to: string): Promise<string> {
  await world.rtOutput(["tag", `${source.host}/base/${from}:1`, to]);
  return to;
}

const kinds = {
  "rt's own registry": () => world.registry(),
  "Debian's registry": () => world.debianRegistry(),
};

for (const [kind, start] of Object.entries(kinds)) {
  describe(kind, () => {
    let registry: Registry;
    beforeAll(async () => {
      registry = await start();
    });

    test("an image arrives with the digest that it has, and its blobs are sent once", async () => {
      const name = await tag("large", `${registry.host}/deep/er/large:v1`);
      const first = await world.rtOutput(["push", name]);
      expect(first.split("\n")[0]).toBe(
        `The push refers to repository [${registry.host}/deep/er/large]`,
      );
      expect(first.match(/: Pushed$/gm)).toHaveLength(2);
      expect(first.split("\n").at(-1)).toBe(
        `v1: digest: ${large.digest} size: ${large.manifest.length}`,
      );
      expect(await fetchWhole(name)).toBe(textOf(large));
      expect(await world.rtOutput(["push", name])).not.toContain("Pushed");
      const other = await tag("large", `${registry.host}/an/other:v2`);
      const mounted = await world.rtOutput(["push", other]);
      expect(mounted.match(/: Mounted from deep\/er\/large$/gm)).toHaveLength(2);
      expect(await fetchWhole(other)).toBe(textOf(large));
      await world.rtOutput(["rmi", name, other]);
    });

    test("of all tags each is pushed, and -q says the name alone", async () => {
      const name = `${registry.host}/several/tags`;
      await tag("hello", `${name}:a`);
      await tag("large", `${name}:b`);
      expect(await world.rtOutput(["push", "-a", "-q", name])).toBe(name);
      expect(await fetchWhole(`${name}:a`)).toBe(textOf(hello));
      expect(await fetchWhole(`${name}:b`)).toBe(textOf(large));
      expectRefusal(await world.rt(["push", "-a", `${name}:a`]), 1, /tag can't be used with/);
      await world.rtOutput(["rmi", `${name}:a`, `${name}:b`]);
    });

    test("an index goes whole if all of it is here, or else the manifest that is", async () => {
      const other = hostArchitecture() === "amd64" ? "arm64" : "amd64";
      const foreign = buildImage({ layers: [[{ name: "x" }]], config: {}, architecture: other });
      const index = buildIndex([
        { image: foreign, architecture: other },
        { image: hello, architecture: hostArchitecture() },
      ]);
      await source.push(`multi/one@${hello.digest}`, hello);
      await source.push(`multi/one@${foreign.digest}`, foreign);
      await source.push("multi/one:latest", index);
      const from = `${source.host}/multi/one`;
      const name = `${registry.host}/multi/copy:1`;
      await world.rtOutput(["pull", "-q", from]);
      await world.rtOutput(["tag", from, name]);
      const part = await world.rt(["push", name]);
      expect(part.code).toBe(0);
      expect(part.stdout).toContain(`1: digest: ${hello.digest} `);
      expect(part.stderr).toContain(`${index.digest} -> ${hello.digest}`);
      await world.rtOutput(["pull", "-q", "--platform", `linux/${other}`, from]);
      await world.rtOutput(["tag", from, name]);
      expect(await world.rtOutput(["push", name])).toContain(`1: digest: ${index.digest} `);
      expect(await fetchWhole(name, ["--all"])).toBe(textOf(index));
      await world.rtOutput(["rmi", from, name]);
    });
  });
}

for (const auth of ["basic", "bearer"] as const) {
  test(`with ${auth} authentication a push wants a login, and shows it to nobody else`, async () => {
    const registry = await world.debianRegistry({ auth });
    const name = await tag("large", `${registry.host}/private/image:1`);
    const refused = await world.rt(["push", name]);
    expectRefusal({ ...refused, stdout: "" }, 1, /push access denied|denied/);
    expect(refused.stderr).toContain("rt login");
    const flags = ["login", "-u", login.username, "--password-stdin", registry.host];
    expect((await world.rt(flags, { stdin: `${login.password}\n` })).code).toBe(0);
    await world.rtOutput(["push", name]);
    const credentials = ["--src-creds", `${login.username}:${login.password}`];
    expect(await fetchWhole(name, credentials)).toBe(textOf(large));
    const other = await tag("large", `${registry.host}/private/other:1`);
    expect(await world.rtOutput(["push", other])).toContain("Mounted from private/image");
    if (auth === "bearer") {
      const asked = registry.tokens?.asked.map(({ query }) => decodeURIComponent(query)) ?? [];
      expect(asked.some((query) => query.includes("repository:private/image:pull,push"))).toBe(
        true,
      );
      expect(asked.some((query) => query.includes("repository:private/image:pull&"))).toBe(true);
    }
    expect(await daemon.log()).not.toContain(login.password);
    await world.rtOutput(["rmi", name, other]);
  });
}

test("what is not here is refused in Docker's words", async () => {
  const name = `${source.host}/not/there`;
  expectRefusal(
    { ...(await world.rt(["push", name])), stdout: "" },
    1,
    /An image does not exist locally with the tag: .*not\/there/,
  );
  const base = `${source.host}/base/hello`;
  expectRefusal(
    { ...(await world.rt(["push", `${base}:none`])), stdout: "" },
    1,
    /tag does not exist: .*base\/hello:none/,
  );
  const byDigest = await world.rt(["push", `${base}@${hello.digest}`]);
  expectRefusal(byDigest, 1, /cannot push a digest reference/);
});

test("a registry that breaks the connection in the middle of uploads gets each byte once", async () => {
  const port = world.nextPort();
  const socket = world.path("peer.sock");
  await using peer = await UploadPeer.start(socket);
  await relay(world, `tcp:127.0.0.1:${port}`, `unix:${socket}`);
  const MiB = 1024 * 1024;
  peer.mischief = {
    breakAfter: ({ headers }) =>
      Number(headers.get("content-length")) > 3 * MiB ? 3 * MiB : undefined,
  };
  const name = await tag("large", `127.0.0.1:${port}/broken/line:1`);
  expect(await world.rtOutput(["push", name])).toContain(`1: digest: ${large.digest} `);
  expect(peer.manifests.get("1")?.equals(large.manifest)).toBe(true);
  const sizes = [...large.blobs.values()].map((bytes) => bytes.length);
  const all = sizes.reduce((sum, size) => sum + size, large.manifest.length);
  expect(peer.received).toBe(all);
  for (const [digest, bytes] of large.blobs)
    expect(peer.blobs.get(digest)?.equals(bytes)).toBe(true);
  await world.rtOutput(["rmi", name]);
});

const frail = { "rt's own registry": 4, "Debian's registry": 2 };

for (const [kind, breaks] of Object.entries(frail)) {
  test(`over a line that breaks every few MB an image arrives whole at ${kind}`, async () => {
    const registry = await (kind.startsWith("rt") ? world.registry() : world.debianRegistry());
    const [socket, port] = [world.path(`frail-${breaks}.sock`), world.nextPort()];
    await using line = await FrailLine.start(socket, registry.socket, 2_500_000, breaks);
    await relay(world, `tcp:127.0.0.1:${port}`, `unix:${socket}`);
    const name = await tag("large", `127.0.0.1:${port}/frail/line:1`);
    expect(await world.rtOutput(["push", name])).toContain(`1: digest: ${large.digest} `);
    expect(line.broken).toBe(breaks);
    expect(await fetchWhole(`${registry.host}/frail/line:1`)).toBe(textOf(large));
    await world.rtOutput(["rmi", name]);
  });
}

test("a client that is killed ends its push", async () => {
  const port = world.nextPort();
  const socket = world.path("held.sock");
  await using peer = await UploadPeer.start(socket);
  await relay(world, `tcp:127.0.0.1:${port}`, `unix:${socket}`);
  peer.mischief = { hold: ({ method }) => method === "PUT" };
  const name = await tag("large", `127.0.0.1:${port}/held/image:1`);
  const running = world.spawn([rtPath, "push", name]);
  await until("uploads to be under way", async () => peer.held >= 3);
  process.kill(await world.innerPid(running), "SIGKILL");
  await until("their connections to be closed", async () => peer.held === 0);
  expect(peer.manifests.size).toBe(0);
  await world.rtOutput(["rmi", name]);
});
