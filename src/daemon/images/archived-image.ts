import { readFile } from "node:fs/promises";
import type { ImageConfig } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { familiarString, type Reference } from "../../oci/reference.ts";
import { refuse, type SpooledFile } from "./spool.ts";

/** A document with its bytes. */
export interface Document {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

/** An image that was found in an archive: all its parts are there, none of them is unpacked. */
export interface ArchivedImage {
  config: ImageConfig;
  manifest: Descriptor;
  /** Indexes, the manifest and the config, to be stored. */
  documents: Document[];
  /** What its names stand for: an index or the manifest. */
  top: Digest;
  /** Lowest first. */
  layers: { file: SpooledFile; diffId: Digest }[];
  names: Reference[];
}

export async function readDocument(file: SpooledFile, cap: number): Promise<Uint8Array> {
  if (file.size > cap) throw refuse(`a document is larger than ${cap} bytes`);
  return await readFile(file.path);
}

/** Adds a name unless it is there. */
export function addName(names: Reference[], name: Reference): void {
  const text = familiarString(name);
  if (!names.some((each) => familiarString(each) === text)) names.push(name);
}
