/**
 * Writes the corpus anew: `bun tests/fuzz/seeds.ts`. Archives are those of the hostile rows and what this machine's
 * GNU tar makes of a small tree in each of its formats; documents and names are written here by hand.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage, buildIndex } from "../../scripts/image.ts";
import { containedRows } from "../support/layer-rows/contained.ts";
import { refusedRows } from "../support/layer-rows/refused.ts";

const here = import.meta.dir;
const layer = join(here, "../../native/layer/corpus");
/** Larger rows are about a size alone. */
const largest = 8192;

/** What crashes have left beside them stays. */
async function save(directory: string, seeds: Record<string, Uint8Array | string>): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, content] of Object.entries(seeds)) {
    await Bun.write(
      join(directory, name),
      typeof content === "string" ? content : new Uint8Array(content),
    );
  }
}

function rowSeeds(): Record<string, Uint8Array> {
  const seeds: Record<string, Uint8Array> = {};
  const add = (kind: string, what: string, blob: Uint8Array) => {
    const name = what.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 60);
    if (blob.length <= largest) seeds[`${kind}-${name}`] = blob;
  };
  for (const [what, { layers }] of Object.entries(containedRows("/srv")))
    for (const tar of layers) add("contained", what, tar.end());
  // One of each kind of refusal: its words tell.
  const told = new Set<string>();
  for (const [what, { blob, words }] of Object.entries(refusedRows)) {
    const reason = String(words.at(-1));
    if (!told.has(reason)) add("refused", what, blob);
    told.add(reason);
  }
  return seeds;
}

/** A tree with what archives differ in, by GNU tar. */
async function tarSeeds(): Promise<Record<string, Uint8Array>> {
  const root = await mkdtemp(join(tmpdir(), "seeds-"));
  const script = `cd "$0"; mkdir -p d/${"long".repeat(20)}; echo x >d/f; ln d/f d/hard; ln -s ../d/f d/soft
mkfifo d/p; truncate -s 9000 d/hole; printf y | dd of=d/hole bs=1 seek=8999 conv=notrunc status=none
echo z >d/${"long".repeat(20)}/${"name".repeat(20)}; chmod 4755 d/f; touch -d @1.5 d/f`;
  try {
    Bun.spawnSync(["sh", "-c", script, root]);
    const seeds: Record<string, Uint8Array> = {};
    for (const format of ["v7", "oldgnu", "gnu", "ustar", "pax"]) {
      const fixed = [
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@1000000000",
      ];
      const sparse = /gnu|pax/.test(format) ? ["--sparse"] : [];
      const args = [`--format=${format}`, "-b1", ...sparse, ...fixed, "-C", root, "-cf", "-", "d"];
      seeds[`gnu-tar-${format}`] = Bun.spawnSync(["tar", ...args]).stdout;
    }
    return seeds;
  } finally {
    await rm(root, { recursive: true });
  }
}

const hex = (length: number) => "0123456789abcdef".repeat(8).slice(0, length);

const image = (docker: boolean) =>
  buildImage({
    ...{ docker, architecture: "amd64" },
    layers: [[{ name: "f", content: "x" }], [{ name: "g", content: "y" }]],
    config: {
      ...{ User: "1:2", Env: ["A=b"], Entrypoint: ["/x"], Cmd: ["y"], WorkingDir: "/w" },
      ...{ Labels: { a: "b" }, Volumes: { "/v": {} }, ExposedPorts: { "80/tcp": {} } },
      ...{ StopSignal: "SIGINT", StopTimeout: 3, Shell: ["/bin/sh", "-c"], OnBuild: ["RUN x"] },
      Healthcheck: { Test: ["CMD", "x"], Interval: 1e9, Timeout: 1e9, StartPeriod: 0, Retries: 2 },
    },
  });

function documentSeeds() {
  const [oci, docker] = [image(false), image(true)];
  const index = buildIndex(
    ["amd64", "arm64"].map((architecture) => ({ image: oci, architecture })),
  );
  const config = (of: typeof oci) => {
    const { digest } = JSON.parse(new TextDecoder().decode(of.manifest)).config;
    return of.blobs.get(digest) ?? "";
  };
  const artifact = JSON.parse(new TextDecoder().decode(oci.manifest));
  const described = {
    ...artifact.config,
    urls: ["http://x/"],
    data: "e30=",
    annotations: { a: "b" },
  };
  const extended = {
    ...artifact,
    subject: described,
    artifactType: "a/b",
    annotations: { c: "d" },
  };
  return {
    manifest: {
      ...{ oci: oci.manifest, docker: docker.manifest, index: index.manifest },
      artifact: JSON.stringify(extended),
      "schema-1": JSON.stringify({
        schemaVersion: 1,
        name: "x",
        fsLayers: [{ blobSum: `sha256:${hex(64)}` }],
      }),
      both: JSON.stringify({ ...artifact, manifests: [described] }),
    },
    config: {
      ...{ oci: config(oci), docker: config(docker) },
      bare: JSON.stringify({
        os: "linux",
        architecture: "arm",
        variant: "v7",
        rootfs: { type: "layers", diff_ids: [] },
      }),
    },
  };
}

/** Numbered files of one line each, without its end. */
function lines(list: string[]): Record<string, string> {
  return Object.fromEntries(list.map((text, at) => [String(at).padStart(2, "0"), text]));
}

const references = [
  ...[
    "alpine",
    "library/alpine:3",
    "docker.io/library/alpine",
    "index.docker.io/a/b",
    "localhost/a",
    "localhost:5000/a/b__c:t",
  ],
  ...[
    "[::1]:5000/x",
    "127.0.0.1/x",
    "A.example/x",
    "ghcr.io/a-b/c.d/e:v1.2_3-x",
    "docker.io/library/localhost/x",
    "a@b",
    "",
  ],
  ...[
    `x@sha256:${hex(64)}`,
    `x:t@sha512:${hex(128)}`,
    hex(64),
    `docker.io/${hex(64)}`,
    "a//b",
    "a/../b",
    "X",
    "a:b:c",
    "a:-b",
  ],
];
const challenges = [
  'Bearer realm="https://auth.example/token",service="s",scope="repository:a/b:pull,push"',
  ...[
    'Basic realm="x"',
    'Basic realm="a\\"b\\\\c", Bearer realm=x, service = "y"',
    "Negotiate",
    "Negotiate abc==",
    "",
    ",,",
  ],
  'Digest qop="auth, auth-int", nonce="", Basic',
];
const platforms = [
  "linux",
  "amd64",
  "linux/arm/v6",
  "linux/arm64/v8",
  "windows/amd64",
  "aarch64",
  "x/y",
  "a/b/c/d",
  "linux/386",
  "arm/7",
];
const names = [
  "a/b",
  "/a//b/./c/",
  "../x",
  "a/../b",
  "a/../../b",
  ".",
  "",
  "/",
  ".wh.x",
  "a/.wh..wh..opq",
  "\\xff\\x00",
  "c".repeat(255),
  "c".repeat(256),
];
const digests = [
  `sha256:${hex(64)}`,
  `sha512:${hex(128)}`,
  `md5:${hex(32)}`,
  `SHA256:${hex(64)}`,
  "sha256:",
  `sha256:${hex(63)}/`,
];

const archives = { ...rowSeeds(), ...(await tarSeeds()) };
const pax = archives["gnu-tar-pax"] ?? new Uint8Array();
const compressed = {
  ...{
    gzip: Bun.gzipSync(new Uint8Array(pax), { level: 9 }),
    zstd: Bun.zstdCompressSync(new Uint8Array(pax)),
  },
  "two-members": Buffer.concat([Bun.gzipSync("abc"), Bun.gzipSync("def")]),
  "two-frames": Buffer.concat([Bun.zstdCompressSync("abc"), Bun.zstdCompressSync("def")]),
  ...{
    skippable: Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]),
    plain: "plain bytes",
    none: "",
  },
  xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]),
};
await save(join(layer, "tar"), archives);
await save(join(layer, "compressed"), compressed);
await save(join(layer, "name"), lines(names));
await save(join(here, "corpus/archive"), await tarSeeds());
const documents: Record<string, Record<string, Uint8Array | string>> = {
  ...documentSeeds(),
  ...{ reference: lines(references), challenge: lines(challenges) },
  ...{ platform: lines(platforms), digest: lines(digests) },
};
for (const [kind, seeds] of Object.entries(documents))
  await save(join(here, "corpus", kind), seeds);
