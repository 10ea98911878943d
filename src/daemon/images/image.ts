import type { ImageConfig as WireConfig } from "../../api/types.ts";
import type { ImageConfig, RuntimeConfig } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Platform } from "../../oci/platform.ts";

/** An image as the engine keeps it: what its config says, and where its parts are. */
export interface StoredImage {
  /** Digest of the config. */
  id: Digest;
  manifest: Descriptor;
  platform: Platform;
  created: string;
  author: string;
  /** Of its last step; those that were stored before this was read have none. */
  comment?: string;
  /** Defaults for containers, by Docker's wire names. */
  config: WireConfig;
  /** Lowest first. */
  layers: StoredLayer[];
  /** Blobs of its config, its manifest and the indexes above that. */
  documents: Digest[];
  /** Bytes of all regular files of its layers. */
  size: number;
}

/** A layer as it is fetched, and as it is unpacked. */
export interface StoredLayer {
  blob: Digest;
  diffId: Digest;
}

export interface ImageParts {
  id: Digest;
  manifest: Descriptor;
  config: ImageConfig;
  layers: StoredLayer[];
  documents: Digest[];
  size: number;
}

export function buildImage({ config, ...parts }: ImageParts): StoredImage {
  return {
    ...parts,
    platform: config.platform,
    created: config.created,
    author: config.author,
    comment: config.history.at(-1)?.comment ?? "",
    config: toWireConfig(config.config),
  };
}

/**
 * What becomes of an image that comes again, by a manifest of its own perhaps: with `keep` the one that is known stays,
 * whose blobs are here. The documents of both are the image's either way.
 */
export function joinImages(
  known: StoredImage | undefined,
  fresh: StoredImage,
  keep: boolean,
): StoredImage {
  if (known === undefined) return fresh;
  const documents = [...new Set([...known.documents, ...fresh.documents])];
  return { ...(keep ? known : fresh), documents };
}

/** Everything of the content store that an image's manifest needs. */
export function blobsOf({ documents, layers }: StoredImage): Digest[] {
  return [...documents, ...layers.map(({ blob }) => blob)];
}

/** Labels that an image could use to pass for something of the engine's own. */
const reservedLabel = /^(com\.docker|io\.docker|org\.dockerproject|rt)\./;

function toWireConfig(config: RuntimeConfig): WireConfig {
  const labels = Object.entries(config.labels).filter(([name]) => !reservedLabel.test(name));
  const set = (names: string[]): Record<string, object> =>
    Object.fromEntries(names.map((name) => [name, {}]));
  const { healthcheck } = config;
  return {
    User: config.user,
    ...(config.exposedPorts.length > 0 ? { ExposedPorts: set(config.exposedPorts) } : {}),
    Env: config.env,
    ...(config.cmd === undefined ? {} : { Cmd: config.cmd }),
    ...(healthcheck === undefined
      ? {}
      : {
          Healthcheck: {
            Test: healthcheck.test,
            Interval: healthcheck.interval,
            Timeout: healthcheck.timeout,
            StartPeriod: healthcheck.startPeriod,
            StartInterval: healthcheck.startInterval,
            Retries: healthcheck.retries,
          },
        }),
    ...(config.volumes.length > 0 ? { Volumes: set(config.volumes) } : {}),
    WorkingDir: config.workingDir,
    ...(config.entrypoint === undefined ? {} : { Entrypoint: config.entrypoint }),
    ...(config.onBuild.length > 0 ? { OnBuild: config.onBuild } : {}),
    Labels: Object.fromEntries(labels),
    ...(config.stopSignal === "" ? {} : { StopSignal: config.stopSignal }),
    ...(config.shell === undefined ? {} : { Shell: config.shell }),
  };
}
