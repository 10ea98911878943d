/** Images that tests run: made from programs of this machine, so that no outside network is needed. */
import {
  buildImage,
  type Descriptor,
  digestOf,
  type Entry,
  type Image,
  type ImageOptions,
} from "../../scripts/image.ts";
import { output } from "./process.ts";

/**
 * Every applet of the machine's static busybox, as Docker's image of that name has them; `above` are
 * further layers.
 */
export async function buildBusybox({
  above = [],
  config = {},
  ...options
}: Partial<ImageOptions> & { above?: Entry[][] } = {}): Promise<Image> {
  const applets = (await output(["busybox", "--list"])).trim().split("\n");
  const files: Entry[] = [
    { name: "bin", type: "directory" },
    { name: "bin/busybox", content: await Bun.file(await findBusybox()).bytes() },
    ...applets
      .filter((name) => name !== "busybox")
      .map((name): Entry => ({ name: `bin/${name}`, type: "hardlink", target: "bin/busybox" })),
    { name: "etc", type: "directory" },
    {
      name: "etc/passwd",
      mode: 0o644,
      content: "root:x:0:0::/root:/bin/sh\nguest:x:405:100::/:/bin/sh\n",
    },
    { name: "etc/group", mode: 0o644, content: "root:x:0:\nusers:x:100:\nstaff:x:50:guest\n" },
    { name: "root", type: "directory", mode: 0o700 },
    { name: "tmp", type: "directory", mode: 0o1777 },
  ];
  return buildImage({
    layers: [files, ...above],
    config: { Cmd: ["sh"], Env: [path], ...config },
    ...options,
  });
}

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

async function findBusybox(): Promise<string> {
  const found = Bun.which("busybox");
  if (found === null)
    throw new Error("busybox-static is not installed: run ./scripts/setup.sh --tests");
  return found;
}

/** `base` with one more layer; `config` takes the place of the base's where it says something. */
export function stackOn(base: Image, above: Entry[], config: Record<string, unknown> = {}): Image {
  const top = buildImage({ layers: [above], config: {}, compression: "none" });
  const [below, over] = [documentsOf(base), documentsOf(top)];
  const text = JSON.stringify({
    ...below.config,
    config: { ...below.config.config, ...config },
    rootfs: {
      type: "layers",
      diff_ids: [...below.config.rootfs.diff_ids, ...over.config.rootfs.diff_ids],
    },
    history: [...below.config.history, ...over.config.history],
  });
  const bytes = new TextEncoder().encode(text);
  const described = { ...below.manifest.config, digest: digestOf(bytes), size: bytes.length };
  const manifest = new TextEncoder().encode(
    JSON.stringify({
      ...below.manifest,
      config: described,
      layers: [...below.manifest.layers, ...over.manifest.layers],
    }),
  );
  const blobs = new Map(
    [...top.blobs].filter(([digest]) => digest !== over.manifest.config.digest),
  );
  blobs.set(described.digest, bytes);
  return { manifest, mediaType: base.mediaType, digest: digestOf(manifest), blobs };
}

interface Documents {
  manifest: { config: Descriptor; layers: Descriptor[] };
  config: { config: object; rootfs: { diff_ids: string[] }; history: object[] };
}

function documentsOf(image: Image): Documents {
  const parse = (bytes: Uint8Array | undefined) => JSON.parse(new TextDecoder().decode(bytes));
  const manifest = parse(image.manifest) as Documents["manifest"];
  return {
    manifest,
    config: parse(image.blobs.get(manifest.config.digest)) as Documents["config"],
  };
}
