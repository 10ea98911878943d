import packageJson from "../../../package.json";
import type { Log } from "../../log.ts";
import { RegistryClient } from "../../oci/registry/client.ts";
import type { ImageSource, Login, RegistryOptions } from "../../oci/registry/types.ts";
import type { DaemonConfig } from "../config.ts";

export interface Registries {
  /** Of a client that shows these credentials to their registry, and to no mirror of it. */
  optionsFor(login: Login | undefined): RegistryOptions;
  openSource: OpenSource;
}

export type OpenSource = (login: Login | undefined) => ImageSource;

/** Registry clients, each for one piece of work, with the daemon's settings. */
export function createRegistries(config: DaemonConfig, log: Log): Registries {
  const optionsFor = (login: Login | undefined): RegistryOptions => ({
    registryMirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
    attempts: config.maxDownloadAttempts,
    rangesPerBlob: config.maxRangesPerBlob,
    credentials: async (host) => (host === login?.domain ? login.credentials : undefined),
    userAgent: `rt/${packageJson.version}`,
    onRetry: ({ reason, delayMs }) =>
      log.warn(`registry: ${reason}; trying again in ${delayMs} ms`),
  });
  return { optionsFor, openSource: (login) => new RegistryClient(optionsFor(login)) };
}
