/** All tags, platforms, digests, mirrors and limits of a pull. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { buildImage, buildIndex, hostArchitecture, type Image } from "../../scripts/image.ts";
import type { Daemon } from "../support/daemon.ts";
import { FakeRegistry, refuse } from "../support/fake-registry.ts";
import { login } from "../support/registry.ts";
import { expectRefusal } from "../support/sentence.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let origin: FakeRegistry;
let mirror: FakeRegistry;
let daemon: Daemon;

const layer = (name: string) => [{ name, content: name }];
const build = (...layers: string[]): Image => buildImage({ layers: layers.map(layer), config: {} });

beforeAll(async () => {
  world = await World.create();
  origin = await FakeRegistry.start(world);
  mirror = await FakeRegistry.start(world);
  await writeFile(
    world.path("settings.json"),
    JSON.stringify({
      "registry-mirrors": [`${origin.host}=http://${mirror.host}/`],
      "max-concurrent-downloads": 2,
    }),
  );
  daemon = await world.daemon({ flags: ["--config", world.path("settings.json")] });
});
afterAll(async () => {
  await world?.end();
  origin?.[Symbol.dispose]();
  mirror?.[Symbol.dispose]();
});

const tagsOf = async (repository: string): Promise<string[]> =>
  (await world.rtOutput(["images", "--format", "{{.Repository}}:{{.Tag}}"]))
    .split("\n")
    .filter((name) => name.startsWith(`${repository}:`))
    .sort();

describe("--all-tags", () => {
  test("pulls each tag of every page, and tells the status once", async () => {
    const repository = `${origin.host}/many`;
    const images = { a: build("all-a"), b: build("all-a", "all-b"), c: build("all-c") };
    for (const [tag, image] of Object.entries(images)) origin.serve(`many:${tag}`, image);
    const pages: Record<string, [string[], string | undefined]> = {
      "": [["a", "b"], "b"],
      "?last=b": [["c"], undefined],
    };
    origin.answer = (_, url) => {
      const page = url.pathname === "/v2/many/tags/list" ? pages[url.search] : undefined;
      if (page === undefined) return undefined;
      const [tags, last] = page;
      const link = `</v2/many/tags/list?last=${last}>; rel="next"`;
      const headers: Record<string, string> = last === undefined ? {} : { link };
      return Response.json({ name: "many", tags }, { headers });
    };
    const lines = (await world.rtOutput(["pull", "-a", repository])).split("\n");
    expect(lines.filter((line) => !/^[0-9a-f]{12}: /.test(line))).toEqual([
      "a: Pulling from many",
      `Digest: ${images.a.digest}`,
      "b: Pulling from many",
      `Digest: ${images.b.digest}`,
      "c: Pulling from many",
      `Digest: ${images.c.digest}`,
      `Status: Downloaded newer image for ${repository}`,
      repository,
    ]);
    expect(await tagsOf(repository)).toEqual(["a", "b", "c"].map((tag) => `${repository}:${tag}`));
    const again = await world.rtOutput(["pull", "--all-tags", repository]);
    expect(again).toContain(`Status: Image is up to date for ${repository}\n`);
    expect(await world.rtOutput(["pull", "-aq", repository])).toBe(repository);
  });

  test("goes with a name alone, and a repository that is not there is refused", async () => {
    for (const name of [`${origin.host}/many:a`, `${origin.host}/many@${build("x").digest}`]) {
      const ran = await world.rt(["pull", "-a", name]);
      expectRefusal(ran, 1, "tag can't be used with --all-tags/-a");
    }
    expectRefusal(await world.rt(["pull", "-a", `${origin.host}/none`]), 1, /not found/);
  });
});

describe("--platform", () => {
  const host = hostArchitecture();
  const other = host === "amd64" ? "arm64" : "amd64";

  test("an image that is here for another platform is pulled for the one that is asked for", async () => {
    const [here, there] = [host, other].map((architecture) =>
      buildImage({ layers: [layer(`platform-${architecture}`)], config: {}, architecture }),
    );
    if (here === undefined || there === undefined) throw new Error("no images");
    const index = buildIndex([
      { image: here, architecture: host },
      { image: there, architecture: other },
    ]);
    origin.serve("two:latest", index);
    for (const image of [here, there]) origin.serve(`two:${image.digest.slice(7, 19)}`, image);
    const name = `${origin.host}/two`;
    const architecture = () => world.rtOutput(["inspect", "-f", "{{.Architecture}}", name]);
    for (const wanted of [host, other, host]) {
      const pulled = await world.rtOutput(["pull", "--platform", `linux/${wanted}`, name]);
      expect(pulled).toContain(`Digest: ${index.digest}\nStatus: Downloaded newer image for `);
      expect(await architecture()).toBe(wanted);
    }
    const none = await world.rt(["pull", "--platform", "linux/s390x", name]);
    expectRefusal({ ...none, stdout: "" }, 1, /no matching manifest for linux\/s390x in the mani/);
  });

  test("an image of one platform is refused for another in Docker's words", async () => {
    const name = `${origin.host}/one:x`;
    origin.serve("one:x", build("one"));
    const ran = await world.rt(["pull", "-q", "--platform", `linux/${other}`, name]);
    const words = `image with reference ${name} was found but its platform (linux/${host}) does not match the specified platform (linux/${other})`;
    expectRefusal({ ...ran, stdout: "" }, 1, words);
  });
});

test("of a tag and a digest the digest wins", async () => {
  const [old, fresh] = [build("old"), build("new")];
  origin.serve("moved:latest", old);
  origin.serve("moved:latest", fresh);
  const name = `${origin.host}/moved:latest@${old.digest}`;
  const bare = `${origin.host}/moved@${old.digest}`;
  expect((await world.rtOutput(["pull", name])).split("\n")).toEqual([
    `${bare}: Pulling from moved`,
    expect.stringMatching(/^[0-9a-f]{12}: Pull complete$/),
    `Digest: ${old.digest}`,
    `Status: Downloaded newer image for ${bare}`,
    name,
  ]);
  const id = await world.rtOutput(["inspect", "-f", "{{.Id}}", bare]);
  const config = JSON.parse(new TextDecoder().decode(old.manifest)).config.digest;
  expect(id).toBe(config);
  expect(await tagsOf(`${origin.host}/moved`)).toEqual([`${origin.host}/moved:<none>`]);
  const asked = encodeURIComponent(name);
  const reply = await daemon.request(`/images/create?fromImage=${asked}&tag=latest`, {
    method: "POST",
  });
  expect(await reply.text()).toContain(`Image is up to date for ${bare}`);
});

describe("a mirror of any registry", () => {
  test("serves what it has, and the registry the rest", async () => {
    const image = build("mirrored", "only-at-home");
    const [first = "", second = ""] = JSON.parse(
      new TextDecoder().decode(image.manifest),
    ).layers.map(({ digest }: { digest: string }) => digest);
    origin.serve("shared:latest", image);
    mirror.serve("shared:latest", { ...image, blobs: new Map(image.blobs) });
    mirror.answer = (_, url) =>
      url.pathname.endsWith(second) ? refuse(404, "BLOB_UNKNOWN", "not here") : undefined;
    const before = origin.asked.length;
    await world.rtOutput(["pull", `${origin.host}/shared`]);
    expect(origin.asked.slice(before)).toEqual([`GET /v2/shared/blobs/${second}`]);
    expect(mirror.asked).toContain(`GET /v2/shared/blobs/${first}`);
  });

  test("that lies about manifest, config and layer is found out, and the registry asked", async () => {
    const image = build("true-content");
    origin.serve("lied:latest", image);
    mirror.serve("lied:latest", image);
    const lie = new TextEncoder().encode("something else");
    mirror.answer = (_, url) =>
      /^\/v2\/lied\/(blobs|manifests)\/sha256:/.test(url.pathname)
        ? new Response(lie.slice(), { headers: { "content-type": image.mediaType } })
        : undefined;
    await world.rtOutput(["pull", `${origin.host}/lied@${image.digest}`]);
    // Of the right length, so that only the digest tells.
    mirror.answer = (_, url) => {
      const blob = image.blobs.get(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
      return blob === undefined ? undefined : new Response(new Uint8Array(blob.length));
    };
    await world.rtOutput(["rmi", `${origin.host}/lied@${image.digest}`]);
    await world.rtOutput(["pull", `${origin.host}/lied`]);
    mirror.answer = () => undefined;
  });

  test("that goes away in the middle of a layer leaves the rest of it to the registry", async () => {
    const content = new Uint8Array(3_000_000);
    for (let at = 0; at < content.length; at += 65_536)
      crypto.getRandomValues(content.subarray(at, at + 65_536));
    const image = buildImage({ layers: [[{ name: "large", content }]], config: {} });
    const [{ digest = "" } = {}] = JSON.parse(new TextDecoder().decode(image.manifest)).layers;
    origin.serve("torn:latest", image);
    mirror.serve("torn:latest", image);
    const blob = image.blobs.get(digest) ?? new Uint8Array();
    let opened = 0;
    mirror.answer = (_, url) => {
      if (!url.pathname.endsWith(digest)) return undefined;
      if (++opened > 1) return refuse(503, "UNAVAILABLE", "gone");
      return new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(blob.slice(0, 1_500_000));
            await Bun.sleep(50);
            controller.close();
          },
        }),
        { headers: { "content-length": `${blob.length}` } },
      );
    };
    await world.rtOutput(["pull", `${origin.host}/torn`]);
    mirror.answer = () => undefined;
    expect(opened).toBeGreaterThan(1);
    expect(origin.asked).toContain(`GET /v2/torn/blobs/${digest}`);
  });

  test("never sees the credentials of the registry", async () => {
    const seen: [string, string | null][] = [];
    const challenge = (name: string) => (request: Request) => {
      const given = request.headers.get("authorization");
      seen.push([name, given]);
      const headers = { "www-authenticate": 'Basic realm="r"' };
      return given === null ? refuse(401, "UNAUTHORIZED", "who are you", headers) : undefined;
    };
    const image = build("secret");
    origin.serve("secret:latest", image);
    mirror.serve("secret:latest", image);
    [origin.answer, mirror.answer] = [challenge("origin"), challenge("mirror")];
    const flags = ["login", "-u", login.username, "--password-stdin", origin.host];
    expect((await world.rt(flags, { stdin: `${login.password}\n` })).code).toBe(0);
    await world.rtOutput(["pull", `${origin.host}/secret`]);
    [origin.answer, mirror.answer] = [() => undefined, () => undefined];
    expect(seen.filter(([name, given]) => name === "mirror" && given !== null)).toEqual([]);
    expect(seen.some(([name]) => name === "mirror")).toBe(true);
    expect(seen.some(([name, given]) => name === "origin" && given !== null)).toBe(true);
  });

  test("is told of by info", async () => {
    const info = await daemon.json<{ RegistryConfig: { IndexConfigs: Record<string, object> } }>(
      "/info",
    );
    expect(info.RegistryConfig.IndexConfigs[origin.host]).toMatchObject({
      Mirrors: [`http://${mirror.host}`],
    });
  });
});

test("no more layers are fetched at once than max-concurrent-downloads says, and the others wait", async () => {
  const names = ["w1", "w2", "w3", "w4", "w5"];
  const image = build(...names);
  origin.serve("wide:latest", image);
  const blobs = new Set<string>(
    JSON.parse(new TextDecoder().decode(image.manifest)).layers.map(
      ({ digest }: { digest: string }) => digest,
    ),
  );
  let open = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  origin.answer = async (_, url) => {
    if (!blobs.has(url.pathname.slice(url.pathname.lastIndexOf("/") + 1))) return undefined;
    most = Math.max(most, ++open);
    await gate.promise;
    open--;
    return undefined;
  };
  const reply = await daemon.request(
    `/images/create?fromImage=${encodeURIComponent(`${origin.host}/wide`)}&tag=latest`,
    { method: "POST" },
  );
  let text = "";
  const read = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of reply.body ?? []) text += decoder.decode(chunk, { stream: true });
  })();
  await until("the others to wait", () => text.split('"Waiting"').length === 4);
  await until("two to be fetched", () => open === 2);
  gate.resolve();
  await read;
  origin.answer = () => undefined;
  expect(most).toBe(2);
  const messages = text
    .trim()
    .split("\r\n")
    .map((line) => JSON.parse(line) as { status: string; id?: string });
  const ids = [...blobs].map((digest) => digest.slice(7, 19));
  expect(messages.slice(0, 6).map(({ status, id }) => `${id} ${status}`)).toEqual([
    "latest Pulling from wide",
    ...ids.map((id) => `${id} Pulling fs layer`),
  ]);
  for (const id of ids) {
    const steps = messages.filter((message) => message.id === id).map(({ status }) => status);
    expect(steps.filter((step) => step !== "Waiting" && step !== "Downloading")).toEqual([
      "Pulling fs layer",
      "Verifying Checksum",
      "Download complete",
      "Extracting",
      "Pull complete",
    ]);
  }
  expect(messages.slice(-2).map(({ status }) => status)).toEqual([
    `Digest: ${image.digest}`,
    `Status: Downloaded newer image for ${origin.host}/wide:latest`,
  ]);
});

test("a request is tried as often as max-download-attempts says", async () => {
  const flags = ["--max-download-attempts", "2"];
  await using other = await World.create();
  using failing = await FakeRegistry.start(other);
  await other.daemon({ flags });
  failing.answer = (_, url) =>
    url.pathname.includes("/manifests/") ? refuse(503, "UNAVAILABLE", "later") : undefined;
  const ran = await other.rt(["pull", "-q", `${failing.host}/never`]);
  expectRefusal(ran, 1, /503/);
  expect(failing.asked.filter((path) => path.includes("/manifests/"))).toHaveLength(2);
});

test("a daemon refuses settings of downloads that cannot be, in Docker's words", async () => {
  for (const [flag, words] of [
    ["--max-concurrent-downloads=-1", "invalid max concurrent downloads: -1"],
    ["--max-download-attempts=0", "invalid max download attempts: 0"],
    ["--registry-mirror=no host=http://x", "invalid registry mirror"],
  ] as const) {
    const ran = await world.rt(["daemon", "--data-root", world.path("none"), flag]);
    expectRefusal(ran, 1, words);
  }
});
