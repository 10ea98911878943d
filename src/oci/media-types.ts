/**
 * Media types of the two families that registries speak: OCI (image-spec v1.1) and Docker
 * (distribution's image manifest v2, schema 2).
 */
export const ociIndex = "application/vnd.oci.image.index.v1+json";
export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
export const ociConfig = "application/vnd.oci.image.config.v1+json";
export const ociLayer = "application/vnd.oci.image.layer.v1.tar";
export const ociLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
export const ociLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
export const dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
export const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

/** The Accept header of every manifest request. */
export const manifestAccept = [ociIndex, ociManifest, dockerIndex, dockerManifest].join(", ");

export function isIndexType(mediaType: string): boolean {
  return mediaType === ociIndex || mediaType === dockerIndex;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === ociManifest || mediaType === dockerManifest;
}

/** Docker's first manifest format, which signs names instead of hashing content. */
export function isSchema1Type(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/.test(mediaType);
}

/** The bare type of a Content-Type header, lower case, without parameters. */
export function parseContentType(header: string | null): string {
  return (header ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
