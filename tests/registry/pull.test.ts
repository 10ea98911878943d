import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { buildImage, buildIndex, hostArchitecture, type Image } from "../../scripts/image.ts";
import type { Daemon } from "../support/daemon.ts";
import { login, type Registry } from "../support/registry.ts";
import { expectRefusal } from "../support/sentence.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let daemon: Daemon;
let hello: Image;

beforeAll(async () => {
  world = await World.create();
  daemon = await world.daemon();
  hello = await buildHelloImage();
});
afterAll(async () => {
  await world?.end();
});

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

    test("an image is pulled by tag and run", async () => {
      await registry.push("some/deep/name:v1.2", hello);
      const name = `${registry.host}/some/deep/name:v1.2`;
      expect((await world.rt(["run", "--rm", name])).stdout).toStartWith("Hello from rt!");
      expect(await world.rtOutput(["pull", name])).toBe(
        [
          "v1.2: Pulling from some/deep/name",
          `Digest: ${hello.digest}`,
          `Status: Image is up to date for ${name}`,
          name,
        ].join("\n"),
      );
      await world.rtOutput(["rmi", name]);
    });

    test("an image is pulled by digest", async () => {
      await registry.push("by/digest:x", hello);
      const name = `${registry.host}/by/digest@${hello.digest}`;
      expect(await world.rtOutput(["pull", "-q", name])).toBe(name);
      expect((await world.rt(["run", "--rm", name])).code).toBe(0);
      await world.rtOutput(["rmi", name]);
    });

    for (const compression of ["gzip", "zstd", "none"] as const) {
      for (const docker of [false, true]) {
        if (docker && compression === "zstd") continue;
        const type = docker ? "Docker's" : "OCI's";
        test(`layers are read as ${compression}, in ${type} media types`, async () => {
          const content = await Bun.file(`${import.meta.dir}/../../dist/native/hello`).bytes();
          const layers = [
            [{ name: "hello", content }],
            [{ name: "etc/more", content: compression }],
          ];
          const config = { Cmd: ["/hello"] };
          const image = buildImage({ layers, config, compression, docker });
          const repository = `kinds/${compression}${docker ? "-docker" : ""}`;
          await registry.push(`${repository}:latest`, image);
          const ran = await world.rt(["run", "--rm", "-q", `${registry.host}/${repository}`]);
          expect(ran.stdout).toStartWith("Hello from rt!");
          expect(ran.code).toBe(0);
        });
      }
    }

    test("of an index the image of this processor is taken, or the one that --platform names", async () => {
      const other = hostArchitecture() === "amd64" ? "arm64" : "amd64";
      const foreign = buildImage({ layers: [[{ name: "x" }]], config: {}, architecture: other });
      await registry.push(`multi/one@${hello.digest}`, hello);
      await registry.push(`multi/one@${foreign.digest}`, foreign);
      const index = buildIndex([
        { image: foreign, architecture: other },
        { image: hello, architecture: hostArchitecture() },
      ]);
      await registry.push("multi/one:latest", index);
      const name = `${registry.host}/multi/one`;
      const pulled = await world.rtOutput(["pull", name]);
      expect(pulled).toContain(`Digest: ${index.digest}`);
      expect((await world.rt(["run", "--rm", name])).stdout).toStartWith("Hello from rt!");
      await world.rtOutput(["pull", "-q", "--platform", `linux/${other}`, name]);
      expect(await world.rtOutput(["inspect", "-f", "{{.Architecture}}", name])).toBe(other);
    });

    test("a client is told what a name leads to, and nothing is pulled", async () => {
      await registry.push("told/image:one", hello);
      const index = buildIndex([{ image: hello, architecture: hostArchitecture() }]);
      await registry.push("told/image:all", index);
      const told = (name: string) => daemon.json<object>(`/distribution/${name}/json`);
      const name = `${registry.host}/told/image`;
      const platforms = [{ os: "linux", architecture: hostArchitecture() }];
      expect(await told(`${name}:one`)).toMatchObject({
        Descriptor: { mediaType: hello.mediaType, digest: hello.digest },
        Platforms: platforms,
      });
      expect(await told(`${name}@${hello.digest}`)).toEqual(await told(`${name}:one`));
      expect(await told(`${name}:all`)).toMatchObject({
        Descriptor: { digest: index.digest, size: index.manifest.length },
        Platforms: platforms,
      });
      expect((await daemon.request(`/distribution/${name}:none/json`)).status).toBe(404);
      expect((await daemon.request("/distribution/UPPER/json")).status).toBe(400);
      expect((await daemon.request(`/images/${name}:one/json`)).status).toBe(404);
    });

    test("an image that is not there is refused", async () => {
      const ran = await world.rt(["pull", `${registry.host}/not/there`]);
      expectRefusal({ ...ran, stdout: "" }, 1, /not found|manifest unknown/);
    });
  });
}

for (const auth of ["basic", "bearer"] as const) {
  describe(`Debian's registry with ${auth} authentication`, () => {
    let registry: Registry;
    beforeAll(async () => {
      registry = await world.debianRegistry({ auth });
      await registry.push("private/image:latest", hello);
      await registry.push("library/open:latest", hello);
    });

    test("without a login the pull is refused", async () => {
      const ran = await world.rt(["pull", `${registry.host}/private/image`]);
      expectRefusal({ ...ran, stdout: "" }, 1, /unauthorized|denied|authentication required/);
      expect(ran.stderr).toContain("rt login");
    });

    test("a wrong password is refused and not kept", async () => {
      const flags = ["login", "-u", login.username, "--password-stdin", registry.host];
      const ran = await world.rt(flags, { stdin: "wrong\n" });
      expectRefusal({ ...ran, stdout: "" }, 1, /unauthorized|does not take these credentials/);
      expect(ran.stderr).not.toContain("wrong");
    });

    test("after a login the image is pulled and run, and after a logout no more", async () => {
      const flags = ["login", "-u", login.username, "--password-stdin", registry.host];
      const logged = await world.rt(flags, { stdin: `${login.password}\n` });
      expect(logged.code).toBe(0);
      expect(logged.stdout).toContain("Login Succeeded");
      const name = `${registry.host}/private/image`;
      expect((await world.rt(["run", "--rm", name])).stdout).toStartWith("Hello from rt!");
      await world.rtOutput(["rmi", name]);
      expect((await world.rt(["logout", registry.host])).code).toBe(0);
      expect((await world.rt(["pull", name])).code).toBe(1);
    });

    test("the daemon's log never shows the password", async () => {
      expect(await daemon.log()).not.toContain(login.password);
    });
  });
}

test("with bearer authentication what is open needs no login", async () => {
  const registry = await world.debianRegistry({ auth: "bearer" });
  await registry.push("library/open:latest", hello);
  expect((await world.rt(["pull", `${registry.host}/library/open`])).code).toBe(0);
  expect(registry.tokens?.asked.at(-1)).toEqual({
    authorized: false,
    query: expect.stringContaining("repository%3Alibrary%2Fopen%3Apull"),
  });
});
