import { checkLayers, configCap, parseConfig } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestOf } from "../../oci/digest.ts";
import { isRecord, parseJson } from "../../oci/json.ts";
import { manifestCap } from "../../oci/manifest.ts";
import { ociConfig, ociLayer, ociManifest } from "../../oci/media-types.ts";
import { parseName, parseReference, type Reference } from "../../oci/reference.ts";
import { type ArchivedImage, addName, readDocument } from "./archived-image.ts";
import { mediaTypeOf } from "./layer-type.ts";
import { refuse, type Spool, type SpooledFile } from "./spool.ts";

interface Entry {
  config: string;
  layers: string[];
  names: Reference[];
}

/** Images by manifest.json, for which manifests are written: such an archive has none. */
export async function readDockerArchive(spool: Spool): Promise<ArchivedImage[]> {
  const file = spool.find("manifest.json");
  if (file === undefined)
    throw refuse("it has neither an index.json nor a manifest.json, so it holds no images");
  const value = parseJson(await readDocument(file, manifestCap), "manifest.json");
  if (!Array.isArray(value)) throw refuse("its manifest.json is no list");
  const images = new Map<string, ArchivedImage>();
  for (const item of value) {
    const image = await readImage(spool, readEntry(item));
    const known = images.get(image.manifest.digest) ?? image;
    for (const name of image.names) addName(known.names, name);
    images.set(image.manifest.digest, known);
  }
  return [...images.values()];
}

function readEntry(item: unknown): Entry {
  if (!isRecord(item) || typeof item.Config !== "string")
    throw refuse("an entry of its manifest.json has no Config");
  const names = strings(item.RepoTags, "RepoTags").map((text) => {
    if (parseName(text).digest !== undefined) throw refuse("a RepoTag has a digest");
    return parseReference(text);
  });
  return { config: item.Config, layers: strings(item.Layers, "Layers"), names };
}

function strings(value: unknown, field: string): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw refuse(`${field} in its manifest.json is no list of strings`);
}

async function readImage(spool: Spool, entry: Entry): Promise<ArchivedImage> {
  const file = findMember(spool, entry.config);
  checkConfigName(entry.config, file);
  const bytes = await readDocument(file, configCap);
  const config = parseConfig(bytes);
  checkLayers({ layers: entry.layers.map((name) => describe(findMember(spool, name))) }, config);
  const layers = entry.layers.map((name, at) => ({
    file: findMember(spool, name),
    diffId: config.diffIds[at] ?? "",
  }));
  const described: Descriptor[] = [];
  for (const layer of layers) {
    described.push({ ...describe(layer.file), mediaType: await mediaTypeOf(layer.file) });
  }
  const configDescriptor = { ...describe(file), mediaType: ociConfig };
  const raw = new TextEncoder().encode(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: ociManifest },
      ...{ config: configDescriptor, layers: described },
    }),
  );
  const manifest = { mediaType: ociManifest, digest: digestOf(raw), size: raw.length };
  return {
    ...{ config, manifest, layers, names: entry.names, top: manifest.digest },
    documents: [
      { descriptor: manifest, bytes: raw },
      { descriptor: configDescriptor, bytes },
    ],
  };
}

function findMember(spool: Spool, name: string): SpooledFile {
  const found = spool.find(name.replace(/^(\.\/)+/, ""));
  if (found === undefined) throw refuse(`it lacks ${JSON.stringify(name.slice(0, 200))}`);
  return found;
}

/** Docker names a config by its digest, which is the image's id. */
function checkConfigName(name: string, { digest }: SpooledFile): void {
  const hex = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  if (hex !== undefined && digest !== `sha256:${hex}`)
    throw refuse(`its config has the wrong digest: expected sha256:${hex}, got ${digest}`);
}

function describe({ digest, size }: SpooledFile): Descriptor {
  return { mediaType: ociLayer, digest, size };
}
