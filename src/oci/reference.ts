import { EngineError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";

/** The registry that is meant when none is named, as it stands in names; see `registry/endpoints.ts`. */
export const defaultDomain = "docker.io";

/** An image's name, normalised: "hello-world" is docker.io/library/hello-world:latest. */
export interface Reference {
  /** "docker.io", "localhost:5000", "[::1]:5000". */
  readonly domain: string;
  /** The repository at the registry: "library/hello-world". */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const host = String.raw`(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])`;
const domainPattern = new RegExp(`^${host}(?::[0-9]{1,5})?$`);
const pathPattern =
  /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const maxName = 255;
/** A name, a tag and a sha512 digest fit; anything longer is not looked at. */
const maxText = maxName + 1 + 128 + 1 + 7 + 128;

/** Reads a reference as Docker does; "latest" is the tag if neither tag nor digest is given. Throws invalid_argument. */
export function parseReference(text: string): Reference {
  const name = parseName(text);
  return name.tag === undefined && name.digest === undefined ? { ...name, tag: "latest" } : name;
}

/** As parseReference, but what is not written stays absent. */
export function parseName(text: string): Reference {
  if (text.length > maxText) throw refuse();
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw new EngineError(
      "invalid_argument",
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const { domain, rest } = splitDomain(text);
  const at = rest.indexOf("@");
  const named = at < 0 ? rest : rest.slice(0, at);
  const colon = named.indexOf(":");
  const path = colon < 0 ? named : named.slice(0, colon);
  // The pattern lets through addresses and ports that are none.
  if (!domainPattern.test(domain) || !URL.canParse(`https://${domain}`)) throw refuse();
  if (path !== path.toLowerCase() && pathPattern.test(path.toLowerCase())) {
    throw refuse(`repository name (${path}) must be lowercase`);
  }
  if (!pathPattern.test(path)) throw refuse();
  if (domain.length + 1 + path.length > maxName) {
    throw new EngineError(
      "invalid_argument",
      `repository name must not be more than ${maxName} characters`,
    );
  }
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagPattern.test(tag)) throw refuse();
  const digest = at < 0 ? undefined : rest.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw refuse();
  return {
    domain,
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The first component is a registry only if it looks like a host; Docker Hub's own images live in "library/". */
function splitDomain(text: string): { domain: string; rest: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const isHost =
    slash >= 0 && (/[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  let domain = isHost ? first : defaultDomain;
  const rest = isHost ? text.slice(slash + 1) : text;
  if (domain === "index.docker.io") domain = defaultDomain;
  const official = domain === defaultDomain && !rest.includes("/");
  return { domain, rest: official ? `library/${rest}` : rest };
}

/** True for a tag in its one accepted spelling. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** True for the path of a repository ("library/hello-world"), which is then safe within a file path. */
export function isRepositoryPath(text: string): boolean {
  return text.length <= maxName && pathPattern.test(text);
}

/** The name as people write it, without tag: "hello-world", "localhost:5000/app". */
export function familiarName(ref: Reference): string {
  if (ref.domain !== defaultDomain) return `${ref.domain}/${ref.path}`;
  const short = ref.path.startsWith("library/") ? ref.path.slice("library/".length) : ref.path;
  // "docker.io/library/localhost/app" and its like would read back as a host.
  return parsesAs(short, ref) ? short : `${ref.domain}/${ref.path}`;
}

function parsesAs(short: string, ref: Reference): boolean {
  const { domain, rest } = splitDomain(short);
  return domain === ref.domain && rest === ref.path && !/^[0-9a-f]{64}$/.test(short);
}

/** The familiar name with its tag and digest: "hello-world:latest". */
export function familiarString(ref: Reference): string {
  return familiarName(ref) + suffix(ref);
}

/** The whole name without tag: "docker.io/library/hello-world". */
export function canonicalName(ref: Reference): string {
  return `${ref.domain}/${ref.path}`;
}

/** The whole name with its tag and digest: "docker.io/library/hello-world:latest". */
export function canonicalString(ref: Reference): string {
  return canonicalName(ref) + suffix(ref);
}

function suffix(ref: Reference): string {
  const tag = ref.tag === undefined ? "" : `:${ref.tag}`;
  return tag + (ref.digest === undefined ? "" : `@${ref.digest}`);
}

function refuse(detail?: string): EngineError {
  return new EngineError(
    "invalid_argument",
    detail === undefined ? "invalid reference format" : `invalid reference format: ${detail}`,
  );
}
