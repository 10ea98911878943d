/** Images for the pull benchmark, made of this machine's own files and served by the benchmark's registry. */
import { call } from "./command.ts";
import { registryHost } from "./engines.ts";

export type Compression = "gzip" | "zstd";

export interface PullImage {
  title: string;
  /** As engines name it. */
  reference: string;
  compression: Compression;
  /** Where each layer's blob is served; empty if the image was not made here. */
  urls: string[];
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

const layers = 5;
/** Bytes of files in one of them. */
const layerBytes = 85e6;
const smallFiles = 46_000;
const smallest = 9_000;

const compressors: Record<Compression, string> = { gzip: "gzip -6", zstd: "zstd -q -3" };

/** Five layers of mixed files, by gzip and by zstd, and one layer of small files by gzip. */
export async function buildImages(dir: string): Promise<PullImage[]> {
  const all = listFiles();
  const mixed = mixedLists(all);
  const small = [all.filter(({ kind, size }) => kind === "d" || size <= smallest)];
  small[0]?.splice(smallFiles);
  return [
    await build(dir, "five", mixed, "gzip"),
    await build(dir, "five", mixed, "zstd"),
    await build(dir, "small", small, "gzip"),
  ];
}

/** The image that a user named, as the registry has it after copying. */
export function copyImage(source: string): PullImage {
  const reference = `${registryHost}/bench/named:latest`;
  copy(source, reference);
  return { title: source, reference, compression: "gzip", urls: [] };
}

interface Found {
  kind: string;
  size: number;
  path: string;
}

/** What /usr holds, each directory before what is in it. */
function listFiles(): Found[] {
  const kinds = ["(", "-type", "d", "-o", "-type", "f", "-o", "-type", "l", ")"];
  const text = call(["find", "/usr", "-xdev", ...kinds, "-printf", "%y %s %P\\0"]);
  const found = text.split("\0").map((line) => {
    const [kind = "", size = "0", ...path] = line.split(" ");
    return { kind, size: kind === "f" ? Number(size) : 0, path: path.join(" ") };
  });
  return found.filter(({ path }) => path !== "");
}

/** Layers from places that lie apart, so that they hold different kinds of files. */
function mixedLists(all: readonly Found[]): Found[][] {
  const total = all.reduce((sum, { size }) => sum + size, 0);
  const lists: Found[][] = Array.from({ length: layers }, () => []);
  let at = 0;
  for (const file of all) {
    const layer = Math.min(layers - 1, Math.floor((at / total) * layers));
    if (at - (layer * total) / layers < layerBytes) lists[layer]?.push(file);
    at += file.size;
  }
  return lists;
}

async function build(
  dir: string,
  name: string,
  lists: readonly Found[][],
  compression: Compression,
): Promise<PullImage> {
  const layout = `${dir}/layout-${name}-${compression}`;
  call(["mkdir", "-p", `${layout}/blobs/sha256`]);
  const packed: { diffId: string; layer: Descriptor }[] = [];
  for (const list of lists) packed.push(await pack(layout, list, compression));
  await writeDocuments(layout, packed);
  const reference = `${registryHost}/bench/${name}-${compression}:latest`;
  copy(`oci:${layout}`, reference);
  call(["rm", "-r", layout]);
  const bytes = lists.flat().reduce((sum, { size }) => sum + size, 0);
  const what = `${lists.length} layers of ${lists.flat().length} entries, ${(bytes / 1e6).toFixed(0)} MB`;
  const blobs = `http://${registryHost}/v2/bench/${name}-${compression}/blobs`;
  return {
    title: `${what}, by ${compression}`,
    reference,
    compression,
    urls: packed.map(({ layer }) => `${blobs}/${layer.digest}`),
  };
}

async function pack(layout: string, list: readonly Found[], compression: Compression) {
  const blob = `${layout}/blob`;
  await Bun.write(`${layout}/list`, list.map(({ path }) => `${path}\0`).join(""));
  // A file that goes or changes meanwhile is no reason to stop.
  const tar = `tar -C /usr --no-recursion --ignore-failed-read --warning=none --null -T ${layout}/list -cf -`;
  const script = `{ ${tar} || [ $? = 1 ]; } | tee >(sha256sum >${layout}/diff) | ${compressors[compression]} >${blob}`;
  call(["bash", "-ec", `set -o pipefail; ${script}; wait $!`]);
  const hex = call(["sha256sum", blob]).slice(0, 64);
  const size = Bun.file(blob).size;
  call(["mv", blob, `${layout}/blobs/sha256/${hex}`]);
  const mediaType = `application/vnd.oci.image.layer.v1.tar+${compression}`;
  const diffId = `sha256:${(await Bun.file(`${layout}/diff`).text()).slice(0, 64)}`;
  return { diffId, layer: { mediaType, digest: `sha256:${hex}`, size } };
}

async function writeDocuments(
  layout: string,
  packed: readonly { diffId: string; layer: Descriptor }[],
): Promise<void> {
  const write = async (value: unknown) => {
    const text = JSON.stringify(value);
    const hex = new Bun.CryptoHasher("sha256").update(text).digest("hex");
    await Bun.write(`${layout}/blobs/sha256/${hex}`, text);
    return { digest: `sha256:${hex}`, size: text.length };
  };
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const rootfs = { type: "layers", diff_ids: packed.map(({ diffId }) => diffId) };
  const config = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    ...(await write({ architecture, os: "linux", config: { Cmd: ["true"] }, rootfs })),
  };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const own = packed.map(({ layer }) => layer);
  const document = await write({ schemaVersion: 2, mediaType, config, layers: own });
  const manifests = [{ mediaType, ...document }];
  await Bun.write(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, manifests }));
  await Bun.write(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
}

function copy(source: string, reference: string): void {
  const to = ["--dest-tls-verify=false", source, `docker://${reference}`];
  call(["skopeo", "--insecure-policy", "copy", "-q", ...to]);
}
