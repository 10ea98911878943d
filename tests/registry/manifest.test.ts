import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { buildImage, digestOf, hostArchitecture, type Image } from "../../scripts/image.ts";
import { login, type Registry } from "../support/registry.ts";
import { expectRefusal } from "../support/sentence.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

const own = hostArchitecture();
const other = own === "amd64" ? "arm64" : "amd64";

let world: World;
let hello: Image;
let foreign: Image;

beforeAll(async () => {
  world = await World.create();
  await world.daemon();
  hello = await buildHelloImage();
  foreign = buildImage({ layers: [[{ name: "x" }]], config: {}, architecture: other });
});
afterAll(async () => {
  await world?.end();
});

const manifest = async (...args: string[]): Promise<string> =>
  await world.rtOutput(["manifest", ...args]);
const refused = async (sentence: string | RegExp, ...args: string[]): Promise<void> =>
  expectRefusal(await world.rt(["manifest", ...args]), 1, sentence);

const kinds = {
  "rt's own registry": () => world.registry(),
  "Debian's registry": () => world.debianRegistry(),
};

for (const [kind, start] of Object.entries(kinds)) {
  describe(kind, () => {
    let registry: Registry;
    let at: (name: string) => string;
    beforeAll(async () => {
      registry = await start();
      at = (name) => `${registry.host}/${name}`;
      await registry.push("app/multi:own", hello);
      await registry.push("app/multi:other", foreign);
      await registry.push("elsewhere/other:1", foreign);
    });

    test("a list is made, pushed, and pulled by platform", async () => {
      const name = at("app/multi:v1");
      const parts = [at("app/multi:own"), at("app/multi:other")];
      expect(await manifest("create", name, ...parts)).toBe(`Created manifest list ${name}`);
      const shown = await manifest("inspect", name);
      const digest = await manifest("push", "--purge", name);
      expect(digest).toBe(digestOf(new TextEncoder().encode(shown)));
      const there = await registry.request("/v2/app/multi/manifests/v1", {
        headers: { accept: "application/vnd.oci.image.index.v1+json" },
      });
      expect(there.headers.get("content-type")).toBe("application/vnd.oci.image.index.v1+json");
      expect(await there.text()).toBe(shown);
      await refused(`No such manifest: ${name}`, "push", name);
      await world.rtOutput(["pull", "-q", "--platform", `linux/${other}`, name]);
      expect(await world.rtOutput(["inspect", "-f", "{{.Architecture}}", name])).toBe(other);
      expect((await world.rt(["run", "--rm", "--pull=always", "-q", name])).stdout).toStartWith(
        "Hello from rt!",
      );
      const raw = await world.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false"].concat(`docker://${name}`),
      );
      expect(raw.stdout.trimEnd()).toBe(shown);
    });

    test("manifests of other repositories are mounted, byte for byte", async () => {
      const name = at("app/fresh:v1");
      await manifest("create", name, at("elsewhere/other:1"));
      const [pushed, digest] = (await manifest("push", name)).split("\n");
      expect(pushed).toBe(
        `Pushed ref ${at("app/fresh")}@${foreign.digest} with digest: ${foreign.digest}`,
      );
      const there = await registry.request(`/v2/app/fresh/manifests/${foreign.digest}`, {
        headers: { accept: foreign.mediaType },
      });
      expect(new Uint8Array(await there.arrayBuffer())).toEqual(new Uint8Array(foreign.manifest));
      await world.rtOutput(["pull", "-q", "--platform", `linux/${other}`, name]);
      // Pushed again it is the same.
      expect((await manifest("push", "-p", name)).split("\n").at(-1)).toBe(digest ?? "");
    });

    test("docker's client makes the very same list", async () => {
      const name = at("app/multi:twice");
      const parts = [at("app/multi:own"), at("app/multi:other")];
      const annotation = [name, parts[1] ?? "", "--variant", "v9", "--os-version", "7"];
      const docker = async (...args: string[]): Promise<string> => {
        const env = { DOCKER_CONFIG: world.path(`docker-${registry.host.split(":")[1]}`) };
        const ran = await world.run(["docker", "manifest", ...args], { env });
        expect([args, ran.stderr, ran.code]).toEqual([args, "", 0]);
        return ran.stdout.trimEnd();
      };
      const features = ["--os-features", "a,b"];
      await docker("create", "--insecure", name, ...parts);
      await docker("annotate", ...annotation, ...features);
      await manifest("create", name, ...parts.toReversed());
      await manifest("annotate", ...annotation, ...features);
      expect(await manifest("inspect", name)).toBe(await docker("inspect", name));
      expect(await manifest("inspect", "-v", name)).toBe(await docker("inspect", "-v", name));
      const one = [name, parts[1] ?? ""];
      expect(await manifest("inspect", ...one)).toBe(await docker("inspect", ...one));
      const digest = await manifest("push", name);
      expect(await docker("push", "--insecure", name)).toBe(digest);
      const seen = await docker("inspect", "--insecure", at("app/multi:own"));
      expect(await manifest("inspect", at("app/multi:own"))).toBe(seen);
    });

    test("what is pushed is inspected with the platforms of the list", async () => {
      const name = at("app/multi:twice");
      await manifest("rm", name);
      const all = JSON.parse(await manifest("inspect", "--verbose", name));
      const platforms = all.map((each: { Descriptor: { platform: unknown } }) => ({
        ...(each.Descriptor.platform as object),
      }));
      expect(platforms).toContainEqual({
        ...{ architecture: other, os: "linux", variant: "v9" },
        ...{ "os.version": "7", "os.features": ["a", "b"] },
      });
      await refused(`${name} is a manifest list`, "create", at("app/multi:nested"), name);
    });
  });
}

test("what cannot be is refused in Docker's words, and nothing is kept of it", async () => {
  const registry = await world.registry();
  const at = (name: string) => `${registry.host}/${name}`;
  await registry.push("app/one:1", hello);
  const [list, one] = [at("app/list:1"), at("app/one:1")];
  await refused(`no such manifest: ${at("app/none:1")}`, "create", list, one, at("app/none:1"));
  await refused(`manifest for image ${one} does not exist in ${list}`, "annotate", list, one);
  await manifest("create", list, one);
  const again = "refusing to amend an existing manifest list with no --amend flag";
  await refused(again, "create", list, one);
  await manifest("create", "--amend", list, one);
  const wrong = "manifest entry for image has unsupported os/arch combination: linux/fax";
  await refused(wrong, "annotate", "--arch", "fax", list, one);
  const strange = at("app/strange:1").replace("127.0.0.1", "127.0.0.2");
  await manifest("create", strange, one);
  await refused(/cannot use source images from a different registry/, "push", strange);
  await manifest("rm", list, strange);
  await refused(`No such manifest: ${list}`, "rm", list);
});

test("credentials of login are shown to the registry, and nobody gets in without", async () => {
  const registry = await world.debianRegistry({ auth: "bearer" });
  await registry.push("library/private:1", hello);
  const [list, one] = [`${registry.host}/library/list:1`, `${registry.host}/library/private:1`];
  const flags = ["login", "-u", login.username, "--password-stdin", registry.host];
  expect((await world.rt(flags, { stdin: `${login.password}\n` })).code).toBe(0);
  await manifest("create", list, one);
  expect(await manifest("push", list)).toContain("sha256:");
  await world.rtOutput(["logout", registry.host]);
  await refused(/unauthorized|denied|authentication required/, "push", list);
});
