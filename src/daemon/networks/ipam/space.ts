import { EngineError } from "../../../errors.ts";
import {
  addressOf,
  contains,
  type Family,
  formatAddress,
  lastOf,
  type Prefix,
  prefixOf,
  sizeOf,
} from "../address.ts";
import type { Pool } from "../network.ts";
import { RangeSet } from "./range-set.ts";

/** Addresses of a pool that are never given to a container. */
export function reservedIn({ subnet, gateway, auxiliary }: Pool): Set<bigint> {
  const prefix = prefixOf(subnet);
  const named = [...(gateway === null ? [] : [gateway]), ...Object.values(auxiliary)];
  return new Set([...boundsOf(prefix), ...named.map(addressOf)]);
}

/**
 * Of IPv4 the network's own address and the one for everybody, but for links of two (RFC 3021); of IPv6
 * the routers' anycast address (RFC 4291, 2.6.1).
 */
function boundsOf(prefix: Prefix): bigint[] {
  const size = sizeOf(prefix);
  if (prefix.family === 6) return size > 1n ? [prefix.base] : [];
  return size > 2n ? [prefix.base, lastOf(prefix)] : [];
}

/** The addresses of one pool: which are in use, and which is next. */
export class AddressSpace {
  readonly prefix: Prefix;
  /** What addresses are given from. */
  readonly #range: Prefix;
  readonly #used = new RangeSet();
  readonly #reserved: ReadonlySet<bigint>;
  /** Given last: an address rests while others are free, for its neighbours may still know its last owner. */
  #last: bigint | undefined;

  constructor(pool: Pool, leased: readonly bigint[]) {
    this.prefix = prefixOf(pool.subnet);
    this.#range = pool.range === null ? this.prefix : prefixOf(pool.range);
    this.#reserved = reservedIn(pool);
    const known = [...this.#reserved, ...leased].filter((value) => this.holds(value));
    for (const value of known.sort((a, b) => (a < b ? -1 : 1))) this.#used.add(value);
  }

  get family(): Family {
    return this.prefix.family;
  }

  holds(value: bigint): boolean {
    return contains(this.prefix, this.prefix.family, value);
  }

  /** The next free address behind the one given last, going round once; undefined if none is left. */
  next(): bigint | undefined {
    const [first, last] = [this.#range.base, lastOf(this.#range)];
    const from = this.#last === undefined || this.#last >= last ? first : this.#last + 1n;
    return this.#used.firstAbsent(from, last) ?? this.#used.firstAbsent(first, last);
  }

  /** Throws if the address is in use or kept free. */
  checkFree(value: bigint): void {
    if (!this.#used.has(value)) return;
    throw new EngineError("forbidden", "Address already in use", {
      hint: `choose another address than ${formatAddress(this.family, value)}`,
    });
  }

  take(value: bigint, given: "by turn" | "as asked"): void {
    this.#used.add(value);
    if (given === "by turn") this.#last = value;
  }

  giveBack(value: bigint): void {
    if (!this.#reserved.has(value)) this.#used.delete(value);
  }

  /** In use anywhere in the subnet, reserved ones too; still to be given from the range. */
  usage(): { inUse: bigint; available: bigint } {
    const busy = this.#used.countWithin(this.#range.base, lastOf(this.#range));
    return { inUse: this.#used.size, available: sizeOf(this.#range) - busy };
  }
}
