import { EngineError } from "../../errors.ts";
import { checkLayers, configCap, parseConfig } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { isRecord, parseJson } from "../../oci/json.ts";
import { refNameAnnotation } from "../../oci/layout.ts";
import {
  type ImageManifest,
  manifestCap,
  maxIndexDepth,
  parseManifest,
} from "../../oci/manifest.ts";
import { choosePlatform, formatPlatform, hostPlatform, type Platform } from "../../oci/platform.ts";
import { familiarString, parseName, parseReference, type Reference } from "../../oci/reference.ts";
import { type ArchivedImage, addName, type Document, readDocument } from "./archived-image.ts";
import { readDockerArchive } from "./docker-archive.ts";
import { imageNameAnnotation } from "./save-plan.ts";
import { refuse, type Spool, type SpooledFile } from "./spool.ts";

/** More images than one archive has any business to hold. */
const maxImages = 1000;

/** Finds the images of an archive: by index.json if it is an OCI layout, else by manifest.json. */
export async function findImages(
  spool: Spool,
  platform: Platform | undefined,
): Promise<ArchivedImage[]> {
  const isLayout = spool.find("oci-layout") !== undefined || !spool.find("manifest.json");
  const index = isLayout ? spool.find("index.json") : undefined;
  const images =
    index === undefined
      ? await readDockerArchive(spool)
      : await readLayout(spool, await readDocument(index, manifestCap), platform);
  if (images.length > maxImages) throw refuse(`it has more than ${maxImages} images`);
  return images;
}

async function readLayout(
  spool: Spool,
  raw: Uint8Array,
  platform: Platform | undefined,
): Promise<ArchivedImage[]> {
  const index = parseManifest(raw);
  if (index.kind !== "index") throw refuse("its index.json is no index");
  const namesOf = await readNames(spool);
  const found = new Map<string, ArchivedImage>();
  for (const group of groupEntries(index.manifests)) {
    const entry = choose(spool, group.entries, platform);
    const image = await readImage(spool, entry, platform);
    const id = image.manifest.digest;
    const names = group.name === undefined ? (namesOf.get(configOf(image)) ?? []) : [group.name];
    const known = found.get(id) ?? image;
    for (const name of names) addName(known.names, name);
    found.set(id, known);
  }
  return [...found.values()];
}

function configOf(image: ArchivedImage): Digest {
  return digestOf(image.config.raw);
}

/** Names that manifest.json gives to configs, for entries whose own annotation is but a tag. */
async function readNames(spool: Spool): Promise<Map<Digest, Reference[]>> {
  const names = new Map<Digest, Reference[]>();
  const file = spool.find("manifest.json");
  if (file === undefined) return names;
  const value = parseJson(await readDocument(file, manifestCap), "manifest.json");
  for (const entry of Array.isArray(value) ? value : []) {
    if (!isRecord(entry) || typeof entry.Config !== "string" || !Array.isArray(entry.RepoTags))
      continue;
    const config = spool.find(entry.Config);
    if (config === undefined) continue;
    const tags = entry.RepoTags.filter((tag): tag is string => typeof tag === "string");
    names.set(config.digest, tags.map(parseReference));
  }
  return names;
}

interface Group {
  name: Reference | undefined;
  entries: Descriptor[];
}

/** Entries of one name are one image for several platforms; so are nameless ones that each have another platform. */
function groupEntries(entries: Descriptor[]): Group[] {
  const groups = new Map<string, Group>();
  for (const [at, entry] of entries.entries()) {
    const name = nameOf(entry);
    const nameless = entry.platform === undefined ? `#${at}` : "#";
    const key = name === undefined ? nameless : familiarString(name);
    const group = groups.get(key) ?? { name, entries: [] };
    group.entries.push(entry);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(splitEqual);
}

/** Two nameless images for one platform are no choice but two images. */
function splitEqual(group: Group): Group[] {
  const platforms = group.entries.map(({ platform }) => platform && formatPlatform(platform));
  if (group.name !== undefined || new Set(platforms).size === platforms.length) return [group];
  return group.entries.map((entry) => ({ name: undefined, entries: [entry] }));
}

/** A name in full; "latest" alone names nothing. Throws for what is no name. */
function nameOf({ annotations = {} }: Descriptor): Reference | undefined {
  const full = annotations[imageNameAnnotation];
  if (full !== undefined && full !== "") return named(full);
  const text = annotations[refNameAnnotation] ?? "";
  return /[/:@]/.test(text) ? named(text) : undefined;
}

function named(text: string): Reference | undefined {
  const name = parseName(text);
  return name.digest === undefined ? parseReference(text) : undefined;
}

/** Of one image's platforms the one that was asked for, the host's, or the only one that is there. */
function choose(spool: Spool, entries: Descriptor[], platform: Platform | undefined): Descriptor {
  const isImage = ({ platform: of }: Descriptor) => of?.os !== "unknown";
  const present = entries.filter((entry) => isImage(entry) && spool.blob(entry.digest));
  const [only] = present;
  const chosen = choosePlatform(present, platform ?? hostPlatform());
  if (chosen !== undefined) return chosen;
  if (platform === undefined && only !== undefined && present.length === 1) return only;
  const [first] = entries;
  if (present.length === 0 && first !== undefined)
    throw refuse(`it lacks the blob ${first.digest}`);
  const wanted = formatPlatform(platform ?? hostPlatform());
  throw new EngineError("not_found", `the archive has no image for the platform ${wanted}`);
}

async function readImage(
  spool: Spool,
  entry: Descriptor,
  platform: Platform | undefined,
): Promise<ArchivedImage> {
  const documents: Document[] = [];
  let descriptor = entry;
  for (let depth = 0; ; depth++) {
    const bytes = await readBlob(spool, descriptor, manifestCap);
    const parsed = parseManifest(bytes, descriptor.mediaType);
    documents.push({ descriptor: { ...descriptor, mediaType: parsed.mediaType }, bytes });
    if (parsed.kind === "manifest")
      return await readParts(spool, { parsed, descriptor, documents, top: entry.digest });
    if (depth === maxIndexDepth) throw refuse(`indexes are nested more than ${maxIndexDepth} deep`);
    descriptor = choose(spool, parsed.manifests, platform);
  }
}

async function readParts(
  spool: Spool,
  found: { parsed: ImageManifest; descriptor: Descriptor; documents: Document[]; top: Digest },
): Promise<ArchivedImage> {
  const { parsed, descriptor, documents, top } = found;
  const bytes = await readBlob(spool, parsed.config, configCap);
  const config = parseConfig(bytes);
  checkLayers(parsed, config);
  const layers = parsed.layers.map((layer, at) => {
    const file = checkSize(layer, spool.blob(layer.digest));
    return { file, diffId: config.diffIds[at] ?? "" };
  });
  const { mediaType } = parsed;
  const { digest, size } = descriptor;
  return {
    ...{ config, layers, top, names: [] },
    manifest: { mediaType, digest, size },
    documents: [...documents, { descriptor: parsed.config, bytes }],
  };
}

async function readBlob(spool: Spool, descriptor: Descriptor, cap: number): Promise<Uint8Array> {
  return await readDocument(checkSize(descriptor, spool.blob(descriptor.digest)), cap);
}

function checkSize({ digest, size }: Descriptor, file: SpooledFile | undefined): SpooledFile {
  if (file === undefined) throw refuse(`it lacks the blob ${digest}`);
  if (file.size !== size)
    throw refuse(`blob ${digest} has the wrong size: expected ${size} bytes, got ${file.size}`);
  return file;
}
