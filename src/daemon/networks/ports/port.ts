import { EngineError } from "../../../errors.ts";
import type { Protocol } from "../../../native-types/net.ts";
import { formatAddress, parseAddress } from "../address.ts";
import type { PortMap } from "../network.ts";

/** A port of a container. */
export interface Port {
  number: number;
  protocol: Protocol;
}

/** "80/tcp" */
export function formatPort({ number, protocol }: Port): string {
  return `${number}/${protocol}`;
}

/** "80/tcp" or "80" */
export function parsePort(text: string): Port {
  const { first, isRange, protocol } = parseName(text);
  if (isRange) throw refuse(text);
  return { number: first, protocol };
}

/** Ports of a container that follow each other. */
export interface PortRange {
  first: number;
  last: number;
  protocol: Protocol;
}

/** "80/tcp", "80" and "8000-8010/udp", as an image or a container exposes ports. */
export function parsePortRange(text: string): PortRange {
  const { first, last, protocol } = parseName(text);
  return { first, last, protocol };
}

export function parsePorts(text: string): Port[] {
  const { first, last, protocol } = parsePortRange(text);
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    number: first + index,
    protocol,
  }));
}

const nameForm = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i;

function parseName(text: string) {
  const [, low, high, protocol = "tcp"] = nameForm.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high ?? low)];
  if (!isRange(first, last)) throw refuse(text);
  // The form has no others.
  const known = protocol.toLowerCase() as Protocol;
  return { first, last, isRange: high !== undefined, protocol: known };
}

/** "8080", "8000-8010"; "" and "0" leave the choice to the engine, [0, 0]. */
export function parseHostPorts(text: string): [first: number, last: number] {
  if (text === "" || text === "0") return [0, 0];
  const [, low, high] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high ?? low)];
  if (!isRange(first, last)) throw refuse(text);
  return [first, last];
}

/** An address of the host as the kernel writes it, "" for one that was not named. */
export function parseHostAddress(text: string): string {
  if (text === "") return "";
  const address = parseAddress(text);
  if (address === undefined)
    throw new EngineError("invalid_argument", `invalid IP address: ${JSON.stringify(text)}`);
  const { family, value } = address;
  // An IPv4 address in the clothes of IPv6.
  const isMapped = family === 6 && value >> 32n === 0xffffn;
  return isMapped ? formatAddress(4, value & 0xffff_ffffn) : formatAddress(family, value);
}

/** Bindings as they are recorded: names and addresses in one spelling. Refuses nonsense, in Docker's words. */
export function parseBindings(bindings: WireBindings): PortMap {
  const parsed: PortMap = {};
  for (const [name, list] of Object.entries(bindings ?? {})) {
    const key = formatPort(parsePort(name));
    // As Docker: who names a port and nothing else has it published wherever there is room.
    const asked = list == null || list.length === 0 ? [null] : list;
    const own = asked.map((each) => {
      const binding = { HostIp: each?.HostIp ?? "", HostPort: each?.HostPort ?? "" };
      parseHostPorts(binding.HostPort);
      return { ...binding, HostIp: parseHostAddress(binding.HostIp) };
    });
    parsed[key] = [...(parsed[key] ?? []), ...own];
  }
  return parsed;
}

type WireBinding = { HostIp?: string; HostPort?: string } | null;
export type WireBindings = Record<string, WireBinding[] | null> | null | undefined;

function isRange(first: number, last: number): boolean {
  return first >= 1 && first <= last && last <= 65_535;
}

function refuse(text: string): EngineError {
  return new EngineError("invalid_argument", `invalid port specification: ${JSON.stringify(text)}`);
}
