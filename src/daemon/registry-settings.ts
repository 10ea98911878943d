import { EngineError } from "../errors.ts";
import { parseName } from "../oci/reference.ts";
import { isInsecure, parseMirror } from "../oci/registry/endpoints.ts";
import type { DaemonConfig } from "./config.ts";

/** URLs of mirrors in the order in which they are asked, by the registry that they mirror. */
export type Mirrors = Readonly<Record<string, readonly string[]>>;

/** Docker's default of max-concurrent-downloads. */
const concurrentDownloads = 3;
/** Docker's default of max-download-attempts. */
const downloadAttempts = 5;
/** Each connection beyond the first may hold 4 MiB in memory for each layer under way. */
const mostRanges = 16;

/** Reads "URL", a mirror of Docker Hub, and "HOST=URL", a mirror of any registry. Throws invalid_argument. */
export function parseMirrors(texts: readonly string[]): Mirrors {
  const mirrors: Record<string, string[]> = {};
  for (const text of texts) {
    const [, host = "docker.io", url = ""] = /^(?:([^=/]*)=)?(.*)$/s.exec(text) ?? [];
    parseMirror(url);
    const registry = parseHost(host, text);
    mirrors[registry] = [...(mirrors[registry] ?? []), url.replace(/\/+$/, "")];
  }
  return mirrors;
}

function parseHost(host: string, text: string): string {
  // Only what stands before the slash of an image's name can be one's registry.
  const domain = tryDomain(host);
  if (domain !== undefined) return domain;
  throw new EngineError(
    "invalid_argument",
    `invalid registry mirror ${JSON.stringify(text)}: ${JSON.stringify(host)} is no registry`,
    { hint: "give HOST[:PORT]=URL, HOST as image names have it, such as ghcr.io" },
  );
}

function tryDomain(host: string): string | undefined {
  if (host === "index.docker.io") return "docker.io";
  try {
    const { domain } = parseName(`${host}/name`);
    return domain === host ? domain : undefined;
  } catch {
    return undefined;
  }
}

/** How many layers may be fetched at once; 0 is as many as there are, as in Docker. */
export function parseConcurrentDownloads(given: number = concurrentDownloads): number {
  if (!Number.isInteger(given) || given < 0)
    throw new EngineError("invalid_argument", `invalid max concurrent downloads: ${given}`);
  return given === 0 ? Number.POSITIVE_INFINITY : given;
}

export function parseDownloadAttempts(given: number = downloadAttempts): number {
  if (!Number.isInteger(given) || given < 1)
    throw new EngineError("invalid_argument", `invalid max download attempts: ${given}`);
  return given;
}

/** Connections at once for one large blob. */
export function parseRangesPerBlob(given = 1): number {
  if (Number.isInteger(given) && given >= 1 && given <= mostRanges) return given;
  throw new EngineError("invalid_argument", `invalid max ranges per blob: ${given}`, {
    hint: `give a number from 1, one connection, to ${mostRanges}`,
  });
}

/** RegistryConfig of GET /info. */
export function toRegistryInfo({
  registryMirrors,
  insecureRegistries,
}: Pick<DaemonConfig, "registryMirrors" | "insecureRegistries">) {
  const blocks = insecureRegistries.filter((entry) => entry.includes("/"));
  const hosts = insecureRegistries.filter((entry) => !entry.includes("/"));
  const names = new Set(["docker.io", ...Object.keys(registryMirrors), ...hosts]);
  const indexes = [...names].map((name) => {
    const Mirrors = [...(registryMirrors[name] ?? [])];
    const Secure = !isInsecure(name, insecureRegistries);
    return [name, { Name: name, Mirrors, Secure, Official: name === "docker.io" }] as const;
  });
  return {
    InsecureRegistryCIDRs: ["127.0.0.0/8", "::1/128", ...blocks],
    IndexConfigs: Object.fromEntries(indexes),
    Mirrors: [...(registryMirrors["docker.io"] ?? [])],
  };
}
