import { cut, invalid, isAddress } from "./parts.ts";

/** Flags that say how names are resolved. */

/** "NAME:ADDRESS" or "NAME=ADDRESS", the address in brackets or not → "NAME:ADDRESS". */
export function parseExtraHost(text: string): string {
  const [name, given] = cut(text, text.includes("=") ? "=" : ":");
  if (name === "" || !/[=:]/.test(text) || name.includes(":")) {
    throw invalid(text, "--add-host", `bad format for add-host: "${text}"`);
  }
  const address = given.replace(/^\[(.+)\]$/, "$1");
  if (address === "host-gateway" || isAddress(address.trim())) return `${name}:${address.trim()}`;
  throw invalid(text, "--add-host", `invalid IP address in add-host: "${address}"`);
}

export function parseNameServer(text: string): string {
  if (isAddress(text.trim())) return text.trim();
  throw invalid(text, "--dns", `IP address is not correctly formatted: ${text}`);
}

/** A domain without its last dot; "." alone stands for none. */
export function parseSearchDomain(text: string): string {
  const domain = text.trim();
  const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
  const bare = domain.replace(/\.$/, "");
  if (domain === ".") return domain;
  const valid = new RegExp(`^${label}(?:\\.${label})*$`).test(bare) && /[a-zA-Z]/.test(bare);
  if (valid && bare.length < 255) return bare;
  throw invalid(text, "--dns-search", `${domain} is not a valid domain`);
}

/** What is to be said of name servers that a container reaches in itself alone. */
export function warnOfLocal(servers: readonly string[]): string | undefined {
  const local = servers.find((server) => /^127\.|^::1$/.test(server));
  return local === undefined ? undefined : `Localhost DNS (${local}) may fail in containers.`;
}
