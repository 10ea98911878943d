import { EngineError } from "../../errors.ts";
import { defaultDomain, type Reference } from "../reference.ts";
import { hostKind, inIpv4Block } from "./addresses.ts";
import type { RegistryOptions } from "./types.ts";

/** A place where a repository can be read. */
export interface Endpoint {
  /**
   * Scheme and host, no path: "https://registry-1.docker.io". undefined scheme: to be found out by trying
   * https and then http, which only loopback and configured insecure registries may do.
   */
  scheme: "https" | "http" | undefined;
  /** host or host:port. */
  host: string;
  /** Put before "/v2/", "" or "/path". */
  prefix: string;
  /** Whose credentials to use, never another's: "docker.io" or host:port. */
  account: string;
  mirror: boolean;
  /** Certificates need not be valid. */
  insecure: boolean;
}

const hubHost = "registry-1.docker.io";

/** Where to look for a reference, in order: its mirrors, then the registry itself. */
export function listEndpoints(
  ref: Pick<Reference, "domain">,
  options: RegistryOptions,
): Endpoint[] {
  const configured = options.registryMirrors ?? {};
  const own = Object.hasOwn(configured, ref.domain) ? (configured[ref.domain] ?? []) : [];
  const urls = ref.domain === defaultDomain ? (options.mirrors ?? own) : own;
  const insecure = options.insecureRegistries ?? [];
  const mirrors = urls.map((url) => parseMirror(url, insecure));
  const host = ref.domain === defaultDomain ? hubHost : ref.domain;
  const open = isInsecure(host, insecure);
  return [
    ...mirrors,
    {
      scheme: open ? undefined : "https",
      host,
      prefix: "",
      account: ref.domain,
      mirror: false,
      insecure: open,
    },
  ];
}

/** Reads a mirror's URL. Plain http is what its owner asked for by writing it. Throws invalid_argument. */
export function parseMirror(text: string, insecureRegistries: readonly string[] = []): Endpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme =
    url?.protocol === "https:" ? "https" : url?.protocol === "http:" ? "http" : undefined;
  if (url === undefined || scheme === undefined || url.host === "") {
    throw new EngineError(
      "invalid_argument",
      `invalid registry mirror ${JSON.stringify(text)}: expected http://HOST[:PORT] or https://HOST[:PORT]`,
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new EngineError(
      "invalid_argument",
      `invalid registry mirror for host ${JSON.stringify(url.host)}: a user, query or fragment is not allowed`,
      { hint: "use `rt login` to give a user name and password" },
    );
  }
  return {
    scheme,
    host: url.host,
    prefix: url.pathname.replace(/\/+$/, ""),
    account: url.host,
    mirror: true,
    insecure: isInsecure(url.host, insecureRegistries),
  };
}

/** Loopback always, others if configured by exact host:port or, for addresses, by CIDR block. */
export function isInsecure(host: string, insecureRegistries: readonly string[]): boolean {
  const name = hostNameOf(host);
  if (hostKind(name) === "loopback") return true;
  return insecureRegistries.some((entry) =>
    entry.includes("/") ? inIpv4Block(name, entry) : entry.toLowerCase() === host.toLowerCase(),
  );
}

/** "host:port" without its port. */
export function hostNameOf(host: string): string {
  return host.replace(/:[0-9]+$/, "");
}
