import { isIP } from "node:net";
import type { ContainerConfig, HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

/**
 * Settings that a start would stumble over, or that would end up as lines of a container's files, in Docker's
 * words where it has some. Limits, mounts, modes and health checks have checks of their own.
 */
export function checkSettings(config: ContainerConfig, host: HostConfig): void {
  checkEnvironment(config.Env ?? []);
  checkHostname("hostname", config.Hostname ?? "");
  checkHostname("domainname", config.Domainname ?? "");
  checkUser(config.User ?? "");
  checkWorkingDirectory(config.WorkingDir ?? "");
  for (const port of Object.keys(config.ExposedPorts ?? {})) checkPort(port);
  for (const group of host.GroupAdd ?? []) refuseControls("group", group);
  for (const entry of host.ExtraHosts ?? []) checkExtraHost(entry);
  checkNameServers(host);
  refuseControls("cgroup parent", host.CgroupParent ?? "");
  const isolation = host.Isolation ?? "";
  if (isolation !== "" && isolation.toLowerCase() !== "default")
    throw invalid(`invalid isolation '${isolation}' on linux`);
  if (Object.hasOwn(host.Annotations ?? {}, ""))
    throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
}

/** "NAME=VALUE", or "NAME" to take one away. */
export function checkEnvironment(variables: readonly string[]): void {
  for (const variable of variables) {
    if (variable === "" || variable.startsWith("="))
      throw invalid(`invalid environment variable: ${variable}`);
  }
}

/** Longest name that sethostname(2) takes, in bytes. */
const maxHostname = 64;

function checkHostname(what: string, name: string): void {
  if (Buffer.byteLength(name) > maxHostname || /[\s\p{Cc}]/u.test(name))
    throw invalid(`invalid ${what}: ${JSON.stringify(name.slice(0, 200))}`);
}

/** The numbers that a user or a group can have. Names are looked up in the container, at its start. */
const maxId = 2 ** 31 - 1;

export function checkUser(user: string): void {
  refuseControls("user", user);
  for (const part of user.split(":", 2)) {
    if (/^[+-]?\d+$/.test(part) && !(Number(part) >= 0 && Number(part) <= maxId))
      throw invalid(`uids and gids must be in range 0-${maxId}`);
  }
}

export function checkWorkingDirectory(path: string): void {
  if (path !== "" && !path.startsWith("/")) {
    throw invalid(`the working directory '${path}' is invalid, it needs to be an absolute path`);
  }
}

/** "80", "80/tcp", "8000-8010/udp". */
function checkPort(text: string): void {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(?:tcp|udp|sctp))?$/i.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!(first <= last && last <= 65_535))
    throw invalid(`invalid port specification: ${JSON.stringify(text)}`);
}

/** "NAME:ADDRESS" or "NAME=ADDRESS"; the address may be that of the host. */
function checkExtraHost(entry: string): void {
  const [, address] = /^[^:=\s\p{Cc}]+[:=](.*)$/su.exec(entry) ?? [];
  if (address === undefined) throw invalid(`bad format for add-host: ${JSON.stringify(entry)}`);
  if (address !== "host-gateway" && isIP(address) === 0)
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`);
}

function checkNameServers({ Dns, DnsSearch, DnsOptions }: HostConfig): void {
  for (const address of Dns ?? []) {
    if (isIP(address) === 0) throw invalid(`bad nameserver address ${JSON.stringify(address)}`);
  }
  for (const word of [...(DnsSearch ?? []), ...(DnsOptions ?? [])]) {
    if (/[\s\p{Cc}]/u.test(word))
      throw invalid(`invalid word for resolv.conf: ${JSON.stringify(word)}`);
  }
}

function refuseControls(what: string, text: string): void {
  if (/\p{Cc}/u.test(text)) throw invalid(`invalid ${what}: ${JSON.stringify(text)}`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", message);
}
