/** Image names as far as a client must read them; the engine judges whether one is valid. */
export interface ImageName {
  /** "hello-world", "quay.io/a/b": as short as Docker shows it. */
  name: string;
  /** "latest", or "sha256:…" when named by digest. */
  tag: string;
  digest: boolean;
}

/** Splits "docker.io/library/hello-world" or "host:5000/a/b@sha256:…"; the tag is latest if absent. */
export function parseImageName(text: string): ImageName {
  const at = text.indexOf("@");
  if (at >= 0) {
    const { name } = splitTag(text.slice(0, at));
    return { name: shorten(name), tag: text.slice(at + 1), digest: true };
  }
  const { name, tag } = splitTag(text);
  return { name: shorten(name), tag: tag ?? "latest", digest: false };
}

export function formatImageName({ name, tag, digest }: ImageName): string {
  return `${name}${digest ? "@" : ":"}${tag}`;
}

/** True of a bare image ID, which no registry can look up. */
export function isImageId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(text);
}

/** The registry that a name belongs to, as credentials are filed. */
export function registryOf(name: string): string {
  const [first, ...rest] = name.split("/");
  const isHost = rest.length > 0 && first !== undefined && /[.:]|^localhost$/.test(first);
  return isHost ? first : "docker.io";
}

/** The name in full, "docker.io/library/hello-world:latest", as Docker ends a pull or a quiet push. */
export function formatCanonical(name: string): string {
  if (registryOf(name) !== "docker.io" || name.startsWith("docker.io/")) return name;
  return `docker.io/${name.includes("/") ? "" : "library/"}${name}`;
}

function splitTag(text: string): { name: string; tag: string | undefined } {
  // The first one: of "a:b:c" the engine refuses "b:c", where it would put the tag c in place of b.
  const colon = text.indexOf(":", text.lastIndexOf("/") + 1);
  if (colon < 0) return { name: text, tag: undefined };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}

function shorten(name: string): string {
  const path = name.replace(/^(index\.)?docker\.io\//, "");
  return path === name ? name : path.replace(/^library\/(?=[^/]+$)/, "");
}
